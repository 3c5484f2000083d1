#!/bin/sh
# Runs the tests in parts and says at the end which part was not run, and why.
#
#   tools/test.sh [PART ...]       default: all parts, in the order below
#
# PITWALL_TEST_STRICT=1   a part that was not run is a failure (CI)
# PITWALL_TEST_DATA       folder with humaneval/ and daytona-openapi/
#
# A part is a function part_NAME. It ends with 0 when it passed, and with `not_run "reason"` when it needs what is not here.
# Exit codes: 0 all parts passed, 1 a part failed, 3 wrong use.
set -u
cd "$(dirname "$0")/.." || exit 1
root=$PWD
parts="build vet unit chaos unprivileged race replay model tools conformance ui cross gofumpt workflowcheck golangci known-answers"
here=$(mktemp -d /tmp/pwt.XXXXXX) || exit 1 # short: paths of Unix sockets end at 108 bytes
trap 'rm -rf "$here"' EXIT
trap 'exit 130' INT
trap 'exit 143' TERM
: >"$here/skips"
export PITWALL_SKIPS="$here/skips" CGO_ENABLED=0
strict=${PITWALL_TEST_STRICT:-0}

# 77 is what automake's tests say for "skipped".
not_run() {
  echo "$1" >"$here/reason"
  return 77
}

gotest() { "$here/gotest" -count=1 -timeout 30m "$@"; }

part_build() {
  tools/build.sh && go build ./... && go build -o "$here/gotest" ./tools/gotest
}

part_vet() { go vet ./... && go vet -tags gcs,azure ./internal/artifact; }

# All but what has a part of its own below.
part_unit() { gotest -skip KnownAnswers $(go list ./... | grep -v -e /test/conformance -e /test/typescript -e /test/ui -e /test/report -e /test/chaos); }

# Alone, because it asks how soon sandboxes are gone. Prints a line a case, and one of JSON.
part_chaos() {
  [ "$(uname)" = Linux ] || { not_run "local sandboxes need Linux"; return; }
  go test -c -o "$here/chaos.test" ./test/chaos && (cd test/chaos && "$here/chaos.test" -test.timeout 15m)
}

# What an ordinary user gets is tested as one: as root the sandbox tests are repeated under an id that nobody has.
part_unprivileged() {
  [ "$(id -u)" = 0 ] || { not_run "not root, so the unit part was already unprivileged"; return; }
  [ "$(uname)" = Linux ] || { not_run "local sandboxes need Linux"; return; }
  command -v setpriv >/dev/null || { not_run "needs setpriv (util-linux)"; return; }
  id=61234
  while getent passwd $id >/dev/null; do id=$((id + 1)); done
  mkdir -p "$here/home" "$here/tmp" "$here/bin" "$here/src/internal"
  cp bin/runsc bin/toolbox "$here/bin/" || return 1
  cp -R internal/sandboxd internal/supervisor "$here/src/internal/" # the checkout itself may be closed to others
  chmod -R a+rX "$here" && chown "$id:$id" "$here/home" "$here/tmp"
  result=0
  for package in $(go list -f '{{if or .TestGoFiles .XTestGoFiles}}{{.ImportPath}}{{end}}' ./internal/sandboxd/... ./internal/supervisor/...); do
    folder=${package#pitwall/}
    go test -c -o "$here/src/$folder/unprivileged.test" "./$folder" || return 1
    chown -R "$id:$id" "$here/src/$folder" && chmod a+rx "$here/src/$folder/unprivileged.test"
    (cd "$here/src/$folder" && setpriv --reuid "$id" --regid "$id" --clear-groups env HOME="$here/home" TMPDIR="$here/tmp" \
      PITWALL_RUNSC="$here/bin/runsc" PITWALL_TOOLBOX="$here/bin/toolbox" PITWALL_BIN="$here/bin" \
      ./unprivileged.test -test.v -test.timeout 10m >"$here/output" 2>&1) && echo "ok  $package as uid $id" ||
      { cat "$here/output" && echo "FAIL $package as uid $id" && result=1; }
    sed -n "s|^ *[a-z_0-9]*_test.go:[0-9]*: \(not run:.*\)|$package as uid $id: \1|p" "$here/output" >>"$here/skips"
  done
  return $result
}

part_race() {
  command -v gcc >/dev/null || { not_run "needs gcc"; return; }
  CGO_ENABLED=1 "$here/gotest" -race -count=1 -timeout 20m $(go list ./... | grep -v -e /test/ -e /tools/)
}

# With no cached workflow each workflow task replays its history from the start, on the real thing: what is not deterministic
# fails here, which the unit part, whose workflows are replayed once at the end, might not see.
part_replay() {
  [ "$(uname)" = Linux ] || { not_run "local sandboxes need Linux"; return; }
  PITWALL_TEST_WORKFLOW_CACHE=0 gotest -run "$replayed" ./test/e2e
}
replayed="RecordedHistoriesReplay|ReplaysAtEveryTask|CommandScorerJudges|KilledWorkerReattaches|SlotsBoundTheLiveSandboxes"

part_model() {
  for program in spin gcc; do
    command -v $program >/dev/null || { not_run "needs $program"; return; }
  done
  tools/model.sh
}

# The flags are those of the build, so that Go's cache has all but the tests.
part_tools() {
  (cd tools/temporal && "$here/gotest" -trimpath -vet=off -ldflags='-s -w' -count=1 -timeout 10m ./...) &&
    (cd tools/kubernetes && "$here/gotest" -trimpath -vet=off -ldflags='-s -w' -count=1 -timeout 5m ./...)
}

# Daytona's official SDK, and Temporal's in the example, need Node 20; npm fetches them.
part_conformance() {
  command -v npm >/dev/null || { not_run "needs node 20 and npm"; return; }
  [ "$(node -p 'process.versions.node.split(".")[0]')" -ge 20 ] || { not_run "needs node 20; this is $(node --version)"; return; }
  gotest ./test/conformance/... ./test/typescript/...
}

# Temporal's UI and a campaign's report in Chromium, as a person uses them; npm fetches what drives the browser.
part_ui() {
  [ "$(uname)" = Linux ] || { not_run "local sandboxes need Linux"; return; }
  for program in chromium node npm; do
    command -v $program >/dev/null || { not_run "needs chromium, node 20 and npm; there is no $program"; return; }
  done
  gotest ./test/ui/... ./test/report/...
}

part_cross() { make --no-print-directory cross; }

part_gofumpt() { tools/lint.sh gofumpt; }

part_workflowcheck() { tools/lint.sh workflowcheck; }

part_golangci() {
  [ "$strict" = 1 ] || [ -x bin/lint/golangci ] || { not_run "takes 2 min to build; \`make lint\` does, and then this part runs"; return; }
  tools/lint.sh golangci
}

part_known_answers() {
  [ -d "${PITWALL_TEST_DATA:-}" ] || { not_run "PITWALL_TEST_DATA names no folder"; return; }
  [ -n "$(go test -list KnownAnswers ./test/... | grep '^Test')" ] || { not_run "no test of that name in test/"; return; }
  gotest -v -run KnownAnswers ./test/...
}

# preflight stops before anything else where sandboxes cannot be isolated.
preflight() {
  [ "$(uname)" = Linux ] || return 0
  go build -o "$here/userns" ./tools/userns && "$here/userns" || return 1
  if [ "$(id -u)" = 0 ] && command -v setpriv >/dev/null; then
    chmod a+rx "$here" "$here/userns" && setpriv --reuid 61234 --regid 61234 --clear-groups "$here/userns" || return 1
  fi
}

[ -z "${PITWALL_TEST_DATA:-}" ] || PITWALL_TEST_DATA=$(cd "$PITWALL_TEST_DATA" && pwd) || exit 3
preflight || exit 1
[ $# -gt 0 ] && parts=$* && go build -o "$here/gotest" ./tools/gotest
passed=0 failed=0 skipped=0
: >"$here/summary"
for part in $parts; do
  case " build vet unit chaos unprivileged race replay model tools conformance ui cross gofumpt workflowcheck golangci known-answers " in
    *" $part "*) ;;
    *) echo "tools/test.sh: no part called $part" >&2 && exit 3 ;;
  esac
  echo "== $part"
  since=$(date +%s)
  "part_$(echo "$part" | tr - _)"
  code=$?
  took=$(($(date +%s) - since))
  case $code in
    0) passed=$((passed + 1)) && echo "== $part passed in $took s" ;;
    77) skipped=$((skipped + 1)) && echo "not run: $part: $(cat "$here/reason")" >>"$here/summary" ;;
    *) failed=$((failed + 1)) && echo "== $part FAILED after $took s" && echo "failed: $part" >>"$here/summary" ;;
  esac
  [ "$part $code" != "build 1" ] || break # nothing else can be right
done
echo
[ ! -s "$here/skips" ] || { echo "tests not run:" && sort -u "$here/skips" | sed 's/^/  /'; }
cat "$here/summary"
echo "$passed passed, $failed failed, $skipped skipped"
[ "$failed" = 0 ] || exit 1
if [ "$strict" = 1 ] && [ "$skipped" != 0 ]; then
  echo "PITWALL_TEST_STRICT=1: a part that was not run is a failure"
  exit 1
fi
