// Package egress is the only way out of a local sandbox that was created with an allow list: an HTTP proxy on the host, which
// admits the listed domains and addresses, and nothing that is not of the public Internet.
//
// The sandbox has no network but its own loopback, and can open no socket of the host's. So the host calls in:
//
//	inside the sandbox                                          host
//	job ──HTTP_PROXY──> 127.0.0.1:3128 (agent)
//	                        │ 2 takes the waiting connection,
//	                        │   writes one byte, splices         1 dials, waits for a byte
//	                    egress.sock (agent) <─────────────────── listener.Accept
//	                                                             3 http.Server ── proxy ── Dialer ──> Internet
//
// Each CONNECT and each request is judged by itself, so a redirect gets no further than what it leads to:
//
//	name     ──> on the list? ──> looked up once ──> addresses that are public ──> dialled, by address
//	address  ──> on the list? ─────────────────────> public? ──────────────────────> dialled
//
// What is refused is answered 403, with the reason. Loopback, link-local, private, multicast, reserved and metadata addresses
// and those of this host are never reached, listed or not; IPv6 forms that carry an IPv4 address are judged as that, or refused.
//
// The names on the list are the boundary, as far as the client states them: what TLS says inside a CONNECT is not looked at,
// and whoever answers for a listed name can pass traffic on.
package egress
