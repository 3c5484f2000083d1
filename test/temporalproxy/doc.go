// Package temporalproxy stands between workers and a Temporal server, and stops a call at one of its two sides:
//
//	worker ──> │Before│ ──> Temporal server ──> │After│ ──> worker
//
// Before, the server has not heard of the call yet; After, it has done what was asked, and the worker does not know. A test
// kills, cancels or resets something at that moment and lets the call go on. What the proxy passes on is a real server's.
package temporalproxy
