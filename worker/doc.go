// Command worker runs Pitwall's workflows and activities.
//
//	worker [--queues workflows,jobs,slots,cleanup]
//
// Each queue is an SDK worker of its own, so that removal never waits behind long jobs and a replica can serve some of
// them only (one replica serves slots; see docs/architecture.md). Everything else is set by environment variables (see
// docs/configuration.md); without any, a running `starter dev` is found through its profile.
//
// SIGTERM drains: the worker stops asking for tasks, short activities finish, and a long RunJob is handed over to
// another worker, which re-attaches to its job. Exit codes: 0 stopped by a signal; 2 Temporal, Daytona or the store
// failed; 3 wrong flags or configuration.
package main
