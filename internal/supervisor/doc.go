// Package supervisor is the small POSIX-sh program that the worker uploads beside a job, and the worker's side of its
// protocol: what to upload, what to execute, how to read the answer.
//
// The supervisor launches the job's steps at most once (an atomic mkdir is the fence), detached from whoever asked;
// it holds a file lock for exactly as long as it lives, so waiting needs no polling and its death is seen at once:
//
//	worker                        sandbox
//	  upload DIR/supervise.sh, DIR/job/…
//	  launch ───────────────────> mkdir state/claimed ─> setsid run ─> lock, state/started
//	  <─ report (after ≤ wait) ──    step 1: state/1.started, 1.out, 1.err, 1.exit; all its processes killed
//	  wait ─────────────────────>    step 2 …
//	  <─ report: done ───────────    state/exit, lock free
//
// Where the worker's calls run as root and the job as another user (always on the local platform), the job can touch
// neither the records nor the supervisor. Elsewhere the records are the job's word, and only their shape is checked.
package supervisor
