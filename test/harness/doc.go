// Package harness runs Pitwall's real parts for tests: the Temporal server with its database on disk, the local sandbox
// server on gVisor, and workers, each a process of its own that a test may kill, stop, and start again. What a test
// asserts it asks of the sandbox server and of Temporal, never of Pitwall.
package harness
