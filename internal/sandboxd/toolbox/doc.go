// Package toolbox is the agent that runs as the first process of each local sandbox and serves Daytona's toolbox API on a
// Unix socket, which only the sandbox server reaches.
//
//	sandbox server ── HTTP over /.pitwall/run/toolbox.sock ──> agent (pid 1, root of the sandbox)
//	                                                            ├─ commands as the user (uid 1000), limited
//	                                                            ├─ commands as root, with the header X-Pitwall-User: root
//	                                                            └─ file work with the rights of the request's user
//
// Everything but the agent is hostile: a command may fork without end, fill the disk, flood its output, plant links and
// FIFOs where the agent will look. So every buffer is bounded, no file is opened with more rights than its request has,
// and nothing of the agent's own (environment, descriptors, socket) reaches a command.
package toolbox
