#!/bin/sh
# Builds the linters into bin/lint/ and runs those that are named (default: all) on the project.
#
#   tools/lint.sh [gofumpt] [workflowcheck] [golangci]
#
# Each linter has a Go module of its own under tools/lint/, since golangci-lint alone brings 1,200 packages.
set -eu
cd "$(dirname "$0")/.."

# built NAME PACKAGE TIME: builds the linter unless the stamp of its module is there.
built() {
  stamp=$( (go env GOVERSION && cat "tools/lint/$1/go.mod" "tools/lint/$1/go.sum") | git hash-object --stdin)
  if [ -x "bin/lint/$1" ] && [ "$(cat "bin/lint/.$1.stamp" 2>/dev/null)" = "$stamp" ]; then
    return
  fi
  echo "building bin/lint/$1 (about $3 on 2 cores)" >&2
  mkdir -p bin/lint
  (cd "tools/lint/$1" && CGO_ENABLED=0 go build -trimpath -ldflags='-s -w' -o "../../../bin/lint/$1" "$2")
  echo "$stamp" >"bin/lint/.$1.stamp"
}

lint() {
  case $1 in
    gofumpt)
      built gofumpt mvdan.cc/gofumpt "3 s"
      unformatted=$(git ls-files -z --cached --others --exclude-standard '*.go' | xargs -0 bin/lint/gofumpt -l)
      [ -z "$unformatted" ] || { echo "not formatted (bin/lint/gofumpt -w FILE):" && echo "$unformatted" && return 1; }
      ;;
    workflowcheck)
      built workflowcheck go.temporal.io/sdk/contrib/tools/workflowcheck "20 s"
      bin/lint/workflowcheck -config tools/lint/workflowcheck/config.yaml ./workflows/...
      ;;
    golangci)
      built golangci github.com/golangci/golangci-lint/v2/cmd/golangci-lint "2 min 15 s"
      bin/lint/golangci run ./...
      ;;
    *) echo "tools/lint.sh: no linter called $1; there are gofumpt, workflowcheck, golangci" >&2 && return 3 ;;
  esac
}

[ $# -gt 0 ] || set -- gofumpt workflowcheck golangci
for name in "$@"; do
  lint "$name"
done
