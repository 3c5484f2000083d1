// Package chaos breaks Pitwall's real parts at every boundary of an eval's life and looks whether its promise holds.
//
// A case is a boundary (one call of a worker, before the server has heard of it or before the worker has heard of its
// effect), and a strike that falls while the call is held there: a kill, a cancel, a reset, a restart. Or it is a fault
// of the sandbox server, or two of them. Each case has a stack of its own, real processes all: a Temporal server with its
// database on disk, a sandbox server, workers. Two proxies stand between them:
//
//	           ┌─ temporalproxy ──> Temporal server
//	worker ────┤
//	           └─ faultproxy ─────> sandbox server ──> gVisor
//
// What is asserted is asked of the sandbox server and of Temporal (observer_test.go), and of the trace that the job
// itself leaves in its sandbox.
package chaos
