#!/usr/bin/env bash
# Brings docker-compose.yml up for real, with local sandboxes and 4 workers, and breaks it: a campaign runs while a worker is
# killed and PostgreSQL restarted; then every trial has its score and no sandbox is left. `make compose-test`.
#
# Needs Linux, root, and Debian's docker.io, docker-compose and debootstrap; a registry of images it does not: what the stack
# takes from one is stood in for by the same programs on Debian's packages (deploy/compose-test/Dockerfile), and Temporal's are
# built from the Go module proxy (minutes, once). It starts a Docker engine of its own and stops it at the end.
#
#   deploy/compose-test.sh [up]      up: leave the stack running, and print how to reach it
set -euo pipefail
cd "$(dirname "$0")/.."
work=${COMPOSE_TEST_DIR:-/var/tmp/pitwall-compose-test} # images, secrets, the engine's files: some 4 GB

for program in dockerd docker-compose debootstrap; do
  command -v $program >/dev/null || { echo "not run: $program is not here (Debian: docker.io docker-compose debootstrap)" >&2; exit 2; }
done
[[ $(id -u) == 0 ]] || { echo "not run: a Docker engine is started, which needs root" >&2; exit 2; }
docker() { /usr/bin/docker "$@"; } # Debian's: a newer client wants buildx for BuildKit

export DOCKER_HOST=unix://$work/engine/docker.sock DOCKER_BUILDKIT=1
export COMPOSE_PROJECT_NAME=pitwall-test COMPOSE_PROFILES=sandbox PITWALL_VERSION=test SECRETS_DIR=$work/secrets
export POSTGRES_IMAGE=pitwall-test/postgres PROMETHEUS_IMAGE=pitwall-test/prometheus
export TEMPORAL_IMAGE=pitwall-test/temporal TEMPORAL_ADMIN_IMAGE=pitwall-test/admin TEMPORAL_UI_IMAGE=pitwall-test/ui
export PITWALL_POLICY_FILE=/config/development.yaml
export DAYTONA_API_URL=http://sandboxd:3986/api PITWALL_FILES=$PWD/deploy/compose-test
# The engine has no name server above its own, and gRPC's own lookup would wait for one.
export TEMPORAL_ADDRESS=passthrough:///temporal:7233
export TEMPORAL_PORT=17233 UI_PORT=18080 PROMETHEUS_PORT=19090

say() { echo "compose-test: $*" >&2; }
fail() { say "FAILED: $*"; exit 1; }
compose() { docker-compose "$@"; }
starter() { compose run --rm -T starter "$@" 2> >(grep -v -e '^Creating ' -e 'IPv4 forwarding' >&2); }

# The engine changes nothing of the host's network: no rules, no forwarding, no bridge but the stack's own.
start_engine() {
  mkdir -p "$work/engine"
  dockerd --data-root "$work/engine/data" --exec-root "$work/engine/exec" --host "$DOCKER_HOST" --pidfile "$work/engine/pid" \
    --iptables=false --ip6tables=false --ip-masq=false --ip-forward=false --bridge=none >"$work/engine/log" 2>&1 &
  engine=$!
  for _ in $(seq 60); do
    ! docker info >/dev/null 2>&1 || return 0
    kill -0 $engine 2>/dev/null || break
    sleep 0.5
  done
  tail -5 "$work/engine/log" >&2
  fail "the Docker engine does not start"
}

stop() {
  [[ ${keep:-} ]] && return
  compose down --volumes --timeout 20 >/dev/null 2>&1 || true
  kill "$engine" 2>/dev/null && wait "$engine" 2>/dev/null || true
}

# The programs: ours as Dockerfile's stages lay them out, Temporal's as its images do.
build_programs() {
  tools/build.sh runsc toolbox starter worker
  rm -rf "$work/programs" "$work/temporal"
  mkdir -p "$work"/programs/{out/store,src/bin,etc/ssl/certs} "$work/temporal"
  CGO_ENABLED=0 go build -trimpath -ldflags='-s -w' -o "$work/programs/out/healthcheck" ./tools/healthcheck
  cp bin/starter bin/worker "$work/programs/out/"
  cp bin/runsc bin/toolbox "$work/programs/src/bin/"
  cp /etc/ssl/certs/ca-certificates.crt "$work/programs/etc/ssl/certs/"
  (
    cd tools/compose
    export CGO_ENABLED=0
    build() { go build -trimpath -ldflags='-s -w' -o "$work/temporal/$1" "$2"; }
    build temporal-server go.temporal.io/server/cmd/server
    build temporal-sql-tool go.temporal.io/server/cmd/tools/sql
    build ui-server github.com/temporalio/ui-server/v2/cmd/server
    server=$(go list -m -f '{{.Dir}}' go.temporal.io/server) ui=$(go list -m -f '{{.Dir}}' github.com/temporalio/ui-server/v2)
    cp -r "$server/schema" "$server/docker/scripts/sh/entrypoint.sh" "$ui/config/docker.yaml" "$work/temporal/"
  )
  cp deploy/compose-test/postgres.sh "$work/temporal/"
  chmod -R u+w "$work/temporal"
}

build_images() {
  if [[ ! -e $work/debian/.made ]]; then
    rm -rf "$work/debian"
    debootstrap --variant=minbase --include=postgresql,prometheus,python3,netcat-openbsd bookworm "$work/debian" >"$work/debootstrap.log"
    touch "$work/debian/.made"
  fi
  tar -C "$work/debian" --exclude=./proc --exclude=./sys --exclude='./var/cache/apt/archives/*.deb' -c . | docker import - pitwall-test/debian >/dev/null
  tar -C "$work/programs" -c . | docker import - pitwall-test/programs >/dev/null
  build() { docker build -q --network=host --build-arg DEBIAN=pitwall-test/debian --build-arg PROGRAMS=pitwall-test/programs \
    --build-arg SANDBOX_PROGRAMS=pitwall-test/programs "$@" >/dev/null; }
  for name in postgres prometheus temporal admin ui; do
    build --target $name -t pitwall-test/$name -f deploy/compose-test/Dockerfile "$work/temporal"
  done
  for name in worker starter sandboxd; do
    build --target $name -t pitwall/$name:test .
  done
}

# Secrets belong to root, in a folder of root's; the containers' users read the files.
make_secrets() {
  mkdir -p -m 700 "$SECRETS_DIR"
  for name in postgres_password daytona_api_key; do
    [[ -e $SECRETS_DIR/$name ]] || openssl rand -hex 32 >"$SECRETS_DIR/$name"
  done
  chmod 444 "$SECRETS_DIR"/*
}

# healthy COUNT: waits until that many containers are healthy and none is not.
healthy() {
  for _ in $(seq 90); do
    [[ $(docker ps -q --filter health=healthy | wc -l) == "$1" && -z $(docker ps -q --filter health=unhealthy --filter health=starting) ]] && return
    sleep 1
  done
  compose ps >&2
  fail "not all of $1 containers become healthy"
}

number() { grep -o "\"$1\": *[0-9]*" "$work/summary.json" | head -1 | grep -o '[0-9]*$'; }

exercise() {
  compose up -d --scale worker=4 >"$work/up.log" 2>&1 || { tail -20 "$work/up.log" >&2; fail "the stack does not come up"; }
  healthy 9 # postgres, temporal, ui, prometheus, slots, 4 workers
  say "up in $SECONDS s with 4 workers; images of our own: $(docker images --format '{{.Repository}} {{.Size}}' | grep '^pitwall/' | tr '\n' ' ')"
  if [[ ${keep:-} ]]; then
    export -p >"$work/env"
    say "left running: . $work/env; docker-compose ps. To end it: docker-compose down -v; kill \$(cat $work/engine/pid)"
    return
  fi

  docker logs pitwall-test_worker_1 2>&1 | grep -q "\"policy_file\":\"$PITWALL_POLICY_FILE\"" || fail "the workers hold evals against another policy"
  local began=$SECONDS
  starter campaign start campaign.yaml --name broken-night --wait -o json >"$work/summary.json" &
  local campaign=$!
  sleep 12
  # From outside: a container that the engine was told to kill is not started again.
  kill -KILL "$(docker inspect --format '{{.State.Pid}}' pitwall-test_worker_2)"
  say "killed a worker $((SECONDS - began)) s into the campaign"
  sleep 6
  compose restart --timeout 10 postgres >/dev/null 2>&1
  say "restarted PostgreSQL $((SECONDS - began)) s into the campaign"
  wait $campaign || { cat "$work/summary.json" >&2; fail "the campaign's exit code is $?"; }
  say "campaign: $(number n_passed) of $(number n_total) passed, $(number n_infra_error) infrastructure errors, $(number sandboxes_left) sandboxes left, $((SECONDS - began)) s"
  [[ $(number n_passed) == 60 && $(number n_infra_error) == 0 && $(number sandboxes_left) == 0 ]] || fail "that is not 60, 0, 0"
  healthy 9 # a killed container is started again
  starter doctor || fail "doctor finds faults"
  [[ $(starter sandboxes list -o json | tr -d ' \n') == '[]' ]] || fail "sandboxes are left"

  local query='count(up{job="pitwall"}==1)'
  curl -sf --get "http://127.0.0.1:$PROMETHEUS_PORT/api/v1/query" --data-urlencode "query=$query" | grep -q '"5"' || fail "Prometheus does not see 5 workers"
  curl -sf "http://127.0.0.1:$UI_PORT/api/v1/namespaces/pitwall/workflow-count" | grep -q '"count"' || fail "Temporal's UI does not answer"
  compose exec -T postgres psql -qAt -U temporal -d temporal -c \
    "select 'database: ' || pg_size_pretty(pg_database_size('temporal') + pg_database_size('temporal_visibility'))" >&2
  compose up -d --scale worker=4 >/dev/null 2>&1 || fail "a second up does not end well"
  healthy 9
  say "well: everything healthy, nothing left"
}

keep=${1:+yes}
make_secrets
build_programs
start_engine
trap stop EXIT
build_images
SECONDS=0
exercise
