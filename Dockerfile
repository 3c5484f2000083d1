# Images of Pitwall: `docker build --target worker|starter|sandboxd .` with BuildKit.
#
# worker and starter hold static programs alone, no shell and no package; sandboxd has an OS below it, for what jobs run. All run
# as an ordinary user.

# Programs that were built elsewhere come from an image of one's own, laid out like this file's stages `build` and
# `build-sandbox`: --build-arg PROGRAMS=IMAGE --build-arg SANDBOX_PROGRAMS=IMAGE (deploy/compose-test.sh does so).
ARG PROGRAMS=build
ARG SANDBOX_PROGRAMS=build-sandbox
ARG DEBIAN=debian:12-slim

FROM golang:1.26.8-bookworm AS build
WORKDIR /src
ENV CGO_ENABLED=0 GOFLAGS="-trimpath -buildvcs=false"
COPY go.mod go.sum ./
RUN --mount=type=cache,target=/go/pkg/mod go mod download
COPY . .
# The commit, which .dockerignore keeps out of here: --build-arg REVISION=$(git rev-parse HEAD). Sentry is told it.
ARG REVISION=
RUN --mount=type=cache,target=/go/pkg/mod --mount=type=cache,target=/root/.cache/go-build \
    mkdir -p /out/store && \
    go build -ldflags="-s -w -X pitwall/internal/version.revision=$REVISION" -o /out/ ./worker ./starter ./tools/healthcheck

# gVisor takes about 90 s, so only the image that needs it builds it.
FROM build AS build-sandbox
RUN --mount=type=cache,target=/go/pkg/mod --mount=type=cache,target=/root/.cache/go-build \
    tools/build.sh runsc toolbox

FROM ${PROGRAMS} AS programs
FROM ${SANDBOX_PROGRAMS} AS sandbox-programs

# What both static images share: certificates, for TLS to Temporal and Daytona; folders for a file store and for
# temporary files, owned by the user.
FROM scratch AS static
COPY --from=programs /etc/ssl/certs/ca-certificates.crt /etc/ssl/certs/
COPY --from=programs --chown=65532:65532 /out/store /store
COPY --from=programs --chown=65532:65532 /out/store /tmp
ENV PITWALL_STORE=file:///store HOME=/store
USER 65532:65532

FROM static AS starter
COPY --from=programs /out/starter /starter
ENTRYPOINT ["/starter"]

# Local sandboxes. gVisor isolates each in a user namespace, so the container runs without a seccomp profile (docker-compose.yml);
# it needs no capability. Jobs see this image's /usr, so languages are installed here.
FROM ${DEBIAN} AS sandboxd
RUN apt-get update && apt-get install -y --no-install-recommends python3 git ca-certificates && rm -rf /var/lib/apt/lists/* && \
    install -d -o 65532 -g 65532 -m 700 /state
COPY --from=programs /out/starter /usr/local/bin/
COPY --from=sandbox-programs /src/bin/runsc /src/bin/toolbox /usr/local/bin/
ENV HOME=/state
USER 65532:65532
ENTRYPOINT ["starter", "sandboxd"]

FROM static AS worker
COPY --from=programs /out/worker /out/healthcheck /
# For Prometheus, on the network of the containers; not published.
ENV PITWALL_HEALTH_ADDR=0.0.0.0:8080
HEALTHCHECK --interval=10s --timeout=9s --start-period=30s --retries=3 CMD ["/healthcheck"]
ENTRYPOINT ["/worker"]
