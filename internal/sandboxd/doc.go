// Package sandboxd is the local control plane: an HTTP server that speaks Daytona's v0 API well enough that its official SDKs
// and Pitwall's own client use it unchanged, over sandboxes that package gvisor runs.
//
//	/api/...              the control plane (sandboxes, snapshots, health)
//	/api/socket.io/       state changes as events, so that an SDK's waits need no polling
//	/api/pitwall/...      our own: the ledger of what was created and destroyed, and how limits are held
//	/toolbox/{id}/...     passed to the agent inside the sandbox, over its Unix socket
//
// The life of a sandbox. A transition holds the record (busy); another one meanwhile is answered 409.
//
//	          POST /sandbox                    stop, autoStop
//	(none) ──> creating ──> started ──> stopping ──────────> stopped
//	              │            │  ^                             │
//	              │            │  └───── starting <─── start ───┤
//	              v            v                                │
//	            error <── the machine died                      │
//	              │            │                                │
//	              └────────────┴── DELETE, ttl, autoDelete ─────┴──> destroying ──> destroyed (404)
//
// DELETE renames the record at once, so that its name is free, and destroys in the background: the ID answers "destroying",
// and 404 once gVisor's process, its cgroup and its files are gone. Files survive a stop; processes do not.
//
// What differs from Daytona, on purpose: POST /sandbox answers "started"; nothing is ever archived; no image is built; there is
// no network, and with an allow list a proxy instead (package egress); a sandbox in error is really destroyed when it is
// deleted; sizes may be given together with no snapshot at all.
//
// Every record is a file in the state directory, replaced by rename. A server that was killed adopts, when it starts again,
// each sandbox that still lives, and removes every other trace.
package sandboxd
