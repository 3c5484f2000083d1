// Package gvisor runs each local sandbox as a gVisor container, by driving the runsc program.
//
// One machine is one container: its first process is the toolbox agent, started as the sandbox's own root, which
// answers HTTP on a Unix socket in a directory that only this host's user and the sandbox's root can enter.
//
//	host                                        inside the sandbox
//	StateDir/rootfs/<digest>/   (template)  ──> /              overlay: lower read-only, upper bounded by DiskBytes
//	/usr or a snapshot's tree               ──> /usr           read-only
//	StateDir/m/<id>/run/        0700        ──> /.pitwall/run  limits.json, env.json, toolbox.sock, egress.sock
//	(the agent is in the template)              /.pitwall/toolbox, first process, uid 0; jobs run as uid 1000
//
// Nothing else of the host is visible: no /etc (a minimal one is generated), /home, /root, environment or network.
//
// The life of a machine:
//
//	          Start                     Stop (files saved)
//	(none) ─────────> running ─────────────────────────> stopped
//	   ^                 │  <───────────────────────────    │
//	   └──── Delete ─────┴──────── Start (files restored) ──┤
//	   └───────────────────────── Delete ───────────────────┘
//
// Bounds are in two rings. The inner ring is the agent's: it ends a job that goes over, and lives on to say so. The
// outer ring is this package's, with headroom for agent and kernel, and ends the whole machine: cgroups where the host
// lets us make them (root, or a delegated cgroup v2), else a watcher. Runtime.Bounds says which it is.
package gvisor
