#!/bin/sh
# Pitwall's supervisor: runs one job's steps in this sandbox, at most once, whoever is watching.
#
#   supervise.sh DIR launch SECONDS   claim the job and start it detached (only the first call ever does), then wait
#   supervise.sh DIR wait SECONDS     wait until the supervisor has ended or SECONDS have passed, then report
#   supervise.sh DIR stop             end the job and the supervisor, then report
#   supervise.sh DIR run              (internal) the supervisor itself
#
# DIR/job/count, DIR/job/<n>/{run,stdin,limit,after,continue} come from the worker (limit: "seconds centiseconds"). The
# values of secrets come in the environment of launch, and go to each step's run in its own. DIR/state belongs to this
# script:
#
#   claimed/ ──> started ──> <n>.started ──> <n>.exit ──> … ──> exit        each but the streams made by mkdir or mv
#   lock         held (flock) for exactly as long as the supervisor lives
#   <n>.out, <n>.err   the steps' streams, append only
#
# Plain POSIX sh and Linux's /proc; flock, setsid and setpriv of util-linux, timeout of coreutils.
set -u
umask 022
dir=$1 verb=$2
job=$dir/job state=$dir/state
job_uid=1000 job_gid=1000 job_home=/home/daytona
self_uid=$(id -u)
system=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
# Root takes nothing from where a job could have put it; elsewhere the image's own PATH is what its jobs expect.
if [ "$self_uid" = 0 ]; then PATH=$system; else PATH=${PATH:-$system}:$system; fi
export PATH

# now: centiseconds since boot, without a fork.
now() { read -r up _ </proc/uptime; frac=${up#*.}; now=$((${up%.*} * 100 + 1${frac%"${frac#??}"} - 100)); }

# stat_of PID: sets ppid, run_state, born; fails when the process is gone. A process names itself, with line feeds and
# brackets if it likes, and gVisor shows the name as it is; what cannot be read is the job's doing.
stat_of() {
  line=
  { while IFS= read -r part || [ -n "$part" ]; do line="$line $part"; done <"/proc/$1/stat"; } 2>/dev/null
  [ -n "$line" ] || return 1
  set -f
  set -- ${line##*) }
  set +f
  run_state=? ppid=0 born=0
  [ $# -lt 20 ] || run_state=$1 ppid=$2 born=${20}
}

# uid_of PID: sets uid; fails when the process is gone. The last line that says Uid counts: the name stands before it.
uid_of() {
  uid=
  { while read -r key a _; do [ "$key" != Uid: ] || uid=$a; done <"/proc/$1/status"; } 2>/dev/null
  [ -n "$uid" ]
}

pids() { all=; for d in /proc/[0-9]*; do all="$all ${d#/proc/}"; done; }

# The job's processes are found by /proc, not by process group: a double fork leaves no other trace. They are those of
# the job's user that were not there before the job. Where that user is our own, this script is not among them, nor is
# anyone who waits for it.
of_job() {
  stat_of "$1" || return 1
  [ "$run_state" != Z ] || return 1
  case $baseline in *" $1:$born "*) return 1 ;; esac
  uid_of "$1" && [ "$uid" = "$job_uid" ] || return 1
  [ "$self_uid" != 0 ] || return 0
  [ "$1" != $$ ] && [ ! -e "$state/waiters/$1" ] && [ ! -e "$state/waiters/$ppid" ]
}

# sweep: stop, then kill, all processes of the job, until none is left. Bounded: a process in uninterruptible sleep
# cannot be killed by anybody, and the removal of the sandbox is the last kill.
sweep() {
  baseline=" "
  [ ! -r "$state/baseline" ] || { read -r old <"$state/baseline"; baseline=" $old "; }
  round=0
  while [ $round -lt 100 ]; do
    pids; found=
    for p in $all; do of_job "$p" && found="$found $p"; done
    [ -n "$found" ] || return 0
    kill -STOP $found 2>/dev/null
    kill -KILL $found 2>/dev/null
    round=$((round + 1))
    [ $round -lt 3 ] || sleep 0.05
  done
  return 1
}

# put FILE TEXT: a record appears whole or not at all. A job may have filled the disk; then the record takes a room that was
# kept for it, and as none of the job's processes lives at that moment, none takes it first.
rooms=0
put() {
  until printf '%s\n' "$2" >"$state/.$1.tmp" && mv "$state/.$1.tmp" "$state/$1"; do
    [ $rooms -gt 0 ] || return 1
    rooms=$((rooms - 1))
    rm -f "$state/.room.$rooms"
  done 2>/dev/null
}

# keep_rooms N: rooms of 8 KiB, two pages, for N records.
keep_rooms() {
  while [ $rooms -lt "$1" ]; do
    printf '%8192s' '' >"$state/.room.$rooms"
    rooms=$((rooms + 1))
  done
}

job_group=/.pitwall/state/cgroup/job/cgroup.procs

# Where we are root, the job runs as the sandbox's user, so that it cannot touch DIR/state; else as ourselves.
drop=
if [ "$self_uid" = 0 ]; then
  drop="setpriv --reuid $job_uid --regid $job_gid --clear-groups --"
  HOME=$job_home USER=daytona LOGNAME=daytona
  export HOME USER LOGNAME
else
  job_uid=$self_uid
fi

# limit_hit: the name of the bound that the sandbox's watcher says this job ran into since the step began.
limit_hit() {
  limit=-
  [ "$self_uid" = 0 ] || return 0
  [ -s "$events" ] || return 0
  last=$(tail -c 4096 "$events" | tail -n 1)
  count=$(wc -l <"$events")
  [ "$count" -gt "$events_before" ] || return 0
  case $last in *'"memory"'*) limit=memory ;; *'"processes"'*) limit=processes ;; *) limit=other ;; esac
}

# run_step N: one step, its streams, the end of all that it left running, and its exit record "code timed_out centiseconds
# limit".
run_step() {
  n=$1
  read -r seconds centiseconds <"$job/$n/limit"
  events_before=0
  [ ! -s "$events" ] || events_before=$(wc -l <"$events")
  put "$n.started" 1
  now; t0=$now
  # In a subshell, because dash writes "Killed" into a killed command's own stderr.
  # On the local platform it joins the job's group before its first instruction, so that a fork storm cannot refuse us
  # our own forks.
  ([ ! -w "$job_group" ] || echo 0 >"$job_group"
    exec timeout -s KILL "$seconds" $drop setsid sh "$job/$n/run" <"$job/$n/stdin" >>"$state/$n.out" 2>>"$state/$n.err" 9>&-)
  code=$?
  now; took=$((now - t0))
  timed_out=0
  [ $took -lt "$centiseconds" ] || timed_out=1
  limit_hit
  sweep
  [ ! -e "$job/$n/after" ] || timeout -s KILL 10 $drop sh "$job/$n/after" </dev/null >/dev/null 2>&1 9>&-
  put "$n.exit" "$code $timed_out $took $limit"
}

run() {
  events=/.pitwall/run/limit-events.jsonl
  exec 9>"$state/lock"
  flock 9 || exit 1
  stat_of $$
  put started "$$ $born"
  read -r count <"$job/count"
  keep_rooms $((2 * count + 1))
  n=1
  while [ "$n" -le "$count" ] && [ ! -e "$state/stopped" ]; do
    run_step "$n"
    [ "$code" = 0 ] && [ "$timed_out" = 0 ] || [ -e "$job/$n/continue" ] || break
    n=$((n + 1))
  done
  put exit done
}

launch() {
  for tool in flock setsid timeout ${drop:+setpriv}; do
    command -v $tool >/dev/null || { echo "pitwall 1 missing $tool"; exit 0; }
  done
  mkdir -p "$state/waiters"
  chmod 700 "$state"
  mkdir "$state/claimed" 2>/dev/null || return 0
  pids; known=
  for p in $all; do ! stat_of "$p" || known="$known $p:$born"; done
  put baseline "$known"
  setsid sh "$0" "$dir" run </dev/null >/dev/null 2>&1 &
}

# await SECONDS: returns when the supervisor is gone (its lock is free after it had started) or the time is up.
await() {
  # Not by ":", whose failed redirection, on a full disk, would end this shell.
  true >"$state/waiters/$$"
  tries=0
  while [ ! -e "$state/started" ] && [ ! -e "$state/exit" ] && [ $tries -lt 100 ]; do
    sleep 0.02
    tries=$((tries + 1))
  done
  [ ! -e "$state/started" ] || flock -s -w "$1" "$state/lock" true
  rm -f "$state/waiters/$$"
}

# report: what is so now, in lines that the worker checks. Nothing of the job's own bytes is in it.
report() {
  phase=unclaimed
  [ ! -d "$state/claimed" ] || phase=claimed
  if [ -e "$state/started" ]; then
    phase=running
    ! flock -n -s "$state/lock" true || phase=lost
  fi
  [ ! -e "$state/exit" ] || phase=done
  echo "pitwall 1 $phase"
  n=1
  while [ -e "$state/$n.started" ] && [ $n -le 32 ]; do
    record=running
    [ ! -f "$state/$n.exit" ] || [ -L "$state/$n.exit" ] || read -r record <"$state/$n.exit"
    echo "step $n $record"
    n=$((n + 1))
  done
  [ $n = 1 ] || wc -c "$state"/*.out "$state"/*.err 2>/dev/null | while read -r size name; do
    case $name in "$state"/*) echo "size ${name##*/} $size" ;; esac
  done
}

case $verb in
  launch) launch; await "$3"; report ;;
  wait) [ ! -d "$state/claimed" ] || await "$3"; report ;;
  stop)
    [ -d "$state/claimed" ] || { report; exit 0; }
    true >"$state/waiters/$$"
    put stopped 1
    if [ -r "$state/started" ]; then
      read -r pid born_then <"$state/started"
      if stat_of "$pid" && [ "$born" = "$born_then" ]; then kill -KILL "$pid" 2>/dev/null; fi
    fi
    sweep
    rm -f "$state/waiters/$$"
    report
    ;;
  run) run ;;
  *) echo "unknown verb $verb" >&2; exit 64 ;;
esac
