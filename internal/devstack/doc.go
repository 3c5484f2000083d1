// Package devstack runs everything that Pitwall needs on one Linux machine as child processes of one program: the
// embedded Temporal, the local sandbox server and a worker. It is what `starter dev` and `make demo` stand on.
//
//	starter dev ──┬─ temporal-dev   SQLite in the state folder, web UI
//	              ├─ starter sandboxd   gVisor sandboxes behind Daytona's API
//	              └─ worker
//
//	          start, in order            a child dies
//	stopped ──────────────────> ready ──────────────────> restarting ──> ready
//	   ^                          │                           │
//	   └──── Stop, in reverse ────┴──── too many restarts ────┘ (with the last lines of its log)
//
// A child runs in a process group of its own, so that a terminal's Ctrl-C reaches only the parent, which then stops the
// children in order. Linux sends a child SIGTERM when the parent dies in any other way (Pdeathsig), so kill -9 of the
// parent leaves nothing running: temporal-dev and the worker end themselves, and the sandbox server removes its
// sandboxes first. The signal comes once for each thread that the parent had, so a child must take a repeated SIGTERM
// for the same one.
//
// Children write to files, never to pipes of the parent: a Go program is killed by SIGPIPE when it writes to a standard
// stream that nobody reads, and the sandbox server must outlive its parent for as long as it cleans up.
//
// Local sandboxes need Linux, so the package is empty elsewhere.
package devstack
