// Command temporal-dev is the Temporal server that Pitwall embeds: server, web UI and SQLite in one static binary, built from
// the Go module proxy, so that a laptop needs neither Docker nor a download host.
//
// It takes the arguments of the Temporal CLI's `server start-dev`, so the Go SDK's testsuite.StartDevServer drives it through
// DevServerOptions.ExistingPath. It differs from the CLI's server on purpose:
//
//   - it listens on loopback addresses only, since it has no authentication;
//   - fairness is on, every task queue has one partition, and the queue processors are not held to 20 polls a second
//     (defaults.go gives the measurements);
//   - a database file survives `kill -9` at any moment, the first start included (database.go);
//   - neither the server nor the page it serves asks the internet for anything.
//
// The code has a Go module of its own so that the server's 200 dependencies stay out of Pitwall's.
//
//	main.go ── parse (flags.go) ──> Options ──> Start (server.go)
//	                                              ├─ config.go    static configuration, ports.go
//	                                              ├─ defaults.go  dynamic configuration
//	                                              ├─ database.go  SQLite file or memory, namespaces
//	                                              └─ ui.go        web UI
package main
