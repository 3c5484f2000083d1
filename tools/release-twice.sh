#!/bin/sh
# Proves that a release can be made again: two clones of HEAD in folders of other names and depths, each with an empty build
# cache, make the same archives. `make test` has the quick part, for archives and SBOMs.
#
#   tools/release-twice.sh [OS/ARCH,...]      default: linux/amd64
set -eu
cd "$(dirname "$0")/.."
targets=${1:-linux/amd64}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
git clone -q . "$work/one"
git clone -q "$work/one" "$work/deeper/in/two" # of the first: HEAD may move meanwhile
for clone in one deeper/in/two; do
  (cd "$work/$clone" && GOCACHE="$work/cache" go run ./tools/release -targets "$targets")
  chmod -R u+w "$work/cache" && rm -rf "$work/cache"
done
diff -r "$work/one/dist" "$work/deeper/in/two/dist"
echo "the same bytes twice: $targets"
