// Package livecheck tries out, with one sandbox that it makes and removes, whether a Daytona service behaves as Pitwall
// relies on. "starter doctor --live" prints what it finds. Each expectation is one check; each deviation is one line.
//
//	key, health ─> create ─> names, lists ─> commands ─> files ─> removal, proven by id
//	                 │                                              ^
//	                 └── whatever goes wrong, or is interrupted ────┘
//
// The sandbox is ephemeral and has a TTL of 10 minutes, so that the service removes it even if this process dies.
package livecheck
