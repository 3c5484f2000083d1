// Package daytona is a thin client of Daytona's v0 HTTP API: the control plane, which makes and removes sandboxes, and
// the toolbox, which runs commands and moves files inside one.
//
// It speaks the wire and nothing more: one call is one HTTP request, with no hidden retry, no hidden timeout and no state
// but connections. Every call is bounded by its context, every answer by a constant number of bytes, and a file of any
// size passes through in constant memory. The two loops that must outlast a fault say so: [Client.WaitStarted] and
// [Client.RemoveSandbox].
//
//	Client ── CreateSandbox ─┬─ Sandbox ──────────> WaitStarted ──> Toolbox ── Execute, Upload, Download, ...
//	                         ├─ Ambiguous(err) ───> the server may have made it: settle by name, with GetSandbox
//	                         └─ any other error ──> nothing was made
//
//	RemoveSandbox            DELETE ── 200, 404 ──────────> GET by id ── 404, destroyed ──> Removal (the proof)
//	                           ^ │                            │    ^ │
//	                           │ └ 409, 429, 5xx, no answer   │    └─┘ anything else: ask again
//	                           └──────────────────────────────┘ still there after 30 s: DELETE again
//
// # Errors
//
// A failed exchange is an [*Error] with status, code, message and Retry-After; errors.Is matches it with the sentinels of
// this package. [Transient] says whether the same call may succeed later, [Ambiguous] whether the server may have acted.
// A failed toolbox call blames nobody yet: on a stopped, archived or removed sandbox the proxy answers 400, 404, 401 or
// 502 in its stead. [Client.Diagnose] reads the sandbox again and says which it was.
//
// # Trust
//
// The control plane is believed, after its answers were checked for shape: a 404 counts as "gone" only when it is
// Daytona's own, never when a gateway or a wrong URL made it. The toolbox runs beside untrusted code and is not believed:
// its answers are capped and checked, its redirects are not followed, and its texts are cleaned before they are shown.
package daytona
