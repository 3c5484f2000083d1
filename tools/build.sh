#!/bin/sh
# Builds what is missing in bin/, static, from the Go module proxy alone: no apt, no docker, no root.
#
#   tools/build.sh [NAME ...]      NAME: starter worker toolbox temporal-dev runsc; default: all that this OS can run
#
# The two heavy tools carry a stamp: a hash of their sources, of the flags and of the Go version. An equal stamp means nothing
# to do, whatever the clock says of the files. The programs of this project are left to Go's own build cache.
set -eu
cd "$(dirname "$0")/.."
export CGO_ENABLED=0
flags="-s -w"

# heavy NAME MODULE PACKAGE WHAT: builds PACKAGE of the module in folder MODULE unless its stamp is there.
heavy() {
  name=$1 module=$2 package=$3 what=$4
  stamp=$( (go env GOVERSION GOOS GOARCH && echo "$flags" && find "$module" -type f ! -name '*_test.go' | sort | xargs cat) | git hash-object --stdin)
  if [ -x "bin/$name" ] && [ "$(cat "bin/.$name.stamp" 2>/dev/null)" = "$stamp" ]; then
    return
  fi
  echo "building bin/$name ($what; seconds when Go's build cache has it)" >&2
  (cd "$module" && go build -trimpath -ldflags="$flags" -o "../../bin/.$name.new" "$package")
  mv "bin/.$name.new" "bin/$name" # a rename, so that a running one is not disturbed
  echo "$stamp" >"bin/.$name.stamp"
}

# program NAME PACKAGE: builds a program of this project.
program() {
  go build -trimpath -ldflags="$flags" -o "bin/.$1.new" "$2"
  mv "bin/.$1.new" "bin/$1"
}

build() {
  case $1 in
    starter | worker) program "$1" "./$1" ;;
    toolbox) GOOS=linux program toolbox ./internal/sandboxd/toolbox/cmd/toolbox ;;
    temporal-dev) heavy temporal-dev tools/temporal . "the Temporal server and its UI: about 3 min 15 s on 2 cores" ;;
    runsc) heavy runsc tools/runsc gvisor.dev/gvisor/runsc "gVisor, which isolates the sandboxes: about 90 s on 2 cores" ;;
    *) echo "tools/build.sh: nothing called $1; there are starter, worker, toolbox, temporal-dev, runsc" >&2 && exit 3 ;;
  esac
}

if [ $# -eq 0 ]; then
  set -- temporal-dev starter worker
  [ "$(go env GOOS)" != linux ] || set -- temporal-dev runsc toolbox starter worker
fi
mkdir -p bin
for name in "$@"; do
  build "$name"
done
