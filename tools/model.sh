#!/bin/sh
# Checks docs/model/slots.pml with spin: what must hold, with each net alone, and that each of the model's broken variants
# is found broken. Every search is exhaustive within the bounds of its line: slots, evals, faults.
#
#   tools/model.sh             all variants: about a minute of processor time, most of it gcc and the two largest, and 0.5 GiB
#   tools/model.sh NAME        one of them; of one that fails, the steps that lead there are printed
#
# Exit codes: 0 all as it must be, 1 something is not, 3 wrong use, 77 spin or gcc is missing.
set -u
cd "$(dirname "$0")/.." || exit 1
for program in spin gcc; do
  command -v $program >/dev/null || { echo "tools/model.sh: needs $program (Debian: apt-get install spin gcc libc6-dev)" >&2 && exit 77; }
done
model=$PWD/docs/model/slots.pml
here=$(mktemp -d /tmp/pwm.XXXXXX) || exit 1
trap 'rm -rf "$here"' EXIT
trap 'exit 130' INT
trap 'exit 143' TERM
only=${1:-}
passed=0 failed=0

# says names the assertion that a search found violated.
says() {
  case $1 in
    "") echo "holds" ;;
    *"excused"*) echo "two in one slot, one of them leaving" ;;
    *"[c]=="*) echo "two in one slot that nobody deleted" ;;
    *"taken"* | *"ended"*) echo "a slot or an eval is stuck" ;;
    *"box"*) echo "a sandbox is left over" ;;
    *) echo "$1" ;;
  esac
}

# check NAME holds|fails SLOTS EVALS FAULTS [-DFLAG ...]
check() {
  name=$1 want=$2 slots=$3 evals=$4 faults=$5
  shift 5
  [ -z "$only" ] || [ "$only" = "$name" ] || return 0
  dir=$here/$name since=$(date +%s)
  mkdir "$dir" && cp "$model" "$dir/slots.pml" || exit 1
  set -- -DSLOTS="$slots" -DEVALS="$evals" -DFAULTS="$faults" "$@"
  (cd "$dir" && spin -a "$@" slots.pml && gcc -w -DSAFETY -DMEMLIM=3500 -o pan pan.c && ./pan -E -m10000) >"$dir/out" 2>&1
  states=$(sed -n 's/^ *\([0-9]*\) states, stored.*/\1/p' "$dir/out")
  depth=$(sed -n 's/.*depth reached \([0-9]*\), errors.*/\1/p' "$dir/out")
  errors=$(sed -n 's/.*, errors: \([0-9]*\).*/\1/p' "$dir/out")
  broken=$(sed -n 's/^pan:1: assertion violated //p' "$dir/out")
  result=failed
  if [ -z "$errors" ] || grep -q -e 'max search depth' -e 'out of memory' -e 'memory limit' "$dir/out"; then
    verdict="the search did not end"
  else
    verdict=$(says "$broken")
    case $want$errors in holds0 | fails1) result=passed ;; esac
  fi
  [ $result = passed ] && passed=$((passed + 1)) || failed=$((failed + 1))
  printf '%-22s %5s %5s %6s %9s %5s %4ss  %-6s  %s\n' \
    "$name" "$slots" "$evals" "$faults" "${states:--}" "${depth:--}" $(($(date +%s) - since)) $result "$verdict"
  [ $result = passed ] && [ -z "$only" ] || explain "$@"
  rm -rf "$dir"
}

explain() {
  [ -f "$dir/slots.pml.trail" ] || { [ $result = passed ] || tail -n 5 "$dir/out"; return 0; }
  (cd "$dir" && spin -t -p -g "$@" slots.pml) | grep -e 'proc *[1-9]' -e ' = ' | tail -n 150
}

printf '%-22s %5s %5s %6s %9s %5s %5s  %-6s  %s\n' variant slots evals faults states depth time result verdict

# What must hold. "wide" is the size of the promise, "deep" has more faults in one slot.
check all-nets-wide holds 2 3 1
check all-nets-deep holds 1 2 3
lease="-DNO_REAPER -DNO_TTL -DNO_OPERATOR" # nothing but the lease
check lease-wide holds 2 3 1 $lease -DNO_DEADLINE
check lease-deep holds 1 2 3 $lease -DNO_DEADLINE
check deadline-alone holds 1 2 2 $lease -DNO_PARENT_CLOSE
check reaper-alone holds 1 2 2 -DNO_PARENT_CLOSE -DNO_DEADLINE -DNO_TTL
check ttl-for-reaper holds 1 2 2 -DNO_REAPER
check late-create holds 1 2 2 -DLATE

# What must not: a model in which nothing can fail says nothing.
check name-per-lease fails 1 2 2 -DNAME_PER_LEASE
check no-parent-close fails 1 2 2 $lease -DNO_DEADLINE -DNO_PARENT_CLOSE
check proof-by-name fails 1 2 2 -DPROOF_BY_NAME
check no-proof fails 1 2 2 -DNO_PROOF
check no-more-may-come fails 1 2 2 $lease -DNO_DEADLINE -DNO_MORE
check untold-retry fails 1 2 2 $lease -DNO_DEADLINE -DUNTOLD
check look-early fails 1 2 2 $lease -DNO_DEADLINE -DLOOK_EARLY
check strict-bound fails 1 2 2 -DSTRICT

[ $((passed + failed)) -gt 0 ] || { echo "tools/model.sh: no variant called $only" >&2 && exit 3; }
echo "$passed passed, $failed failed"
[ "$failed" = 0 ]
