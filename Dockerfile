# syntax=docker/dockerfile:1
# Images of Pitwall: `docker build --target worker|starter|sandboxd .`
#
# worker and starter hold one static program each, no shell and no package, and run as an ordinary user. sandboxd is for tests of
# the whole stack on one host: it runs local sandboxes, so it has an OS below it and asks for user namespaces (see its stage).

FROM golang:1.26.8-bookworm AS build
WORKDIR /src
ENV CGO_ENABLED=0 GOFLAGS="-trimpath -buildvcs=false"
COPY go.mod go.sum ./
RUN --mount=type=cache,target=/go/pkg/mod go mod download
COPY . .
RUN --mount=type=cache,target=/go/pkg/mod --mount=type=cache,target=/root/.cache/go-build \
    mkdir -p /out/store && \
    go build -ldflags='-s -w' -o /out/ ./worker ./starter ./tools/healthcheck

# gVisor takes about 90 s, so only the image that needs it builds it.
FROM build AS build-sandbox
RUN --mount=type=cache,target=/go/pkg/mod --mount=type=cache,target=/root/.cache/go-build \
    tools/build.sh runsc toolbox

# What both static images share: certificates, for TLS to Temporal and Daytona; a folder for a file store, owned by the user.
FROM scratch AS static
COPY --from=build /etc/ssl/certs/ca-certificates.crt /etc/ssl/certs/
COPY --from=build --chown=65532:65532 /out/store /store
ENV PITWALL_STORE=file:///store HOME=/store
USER 65532:65532

FROM static AS starter
COPY --from=build /out/starter /starter
ENTRYPOINT ["/starter"]

# Run it with, for instance, --security-opt seccomp=unconfined: the default profile of container engines forbids the user
# namespaces that isolate each sandbox. Jobs see this image's /usr, so languages are installed here.
FROM debian:12-slim AS sandboxd
RUN apt-get update && apt-get install -y --no-install-recommends python3 git ca-certificates && rm -rf /var/lib/apt/lists/* && \
    useradd --uid 65532 --create-home pitwall
COPY --from=build /out/starter /usr/local/bin/
COPY --from=build-sandbox /src/bin/runsc /src/bin/toolbox /usr/local/bin/
USER 65532:65532
ENTRYPOINT ["starter", "sandboxd"]

FROM static AS worker
COPY --from=build /out/worker /out/healthcheck /
ENV PITWALL_HEALTH_ADDR=127.0.0.1:8080
HEALTHCHECK --interval=10s --timeout=9s --start-period=30s --retries=3 CMD ["/healthcheck"]
ENTRYPOINT ["/worker"]
