// Package toolbox is the agent that runs as the first process of each local sandbox and serves Daytona's toolbox API on a
// Unix socket, which only the sandbox server reaches.
//
//	sandbox server ── HTTP over /.pitwall/run/toolbox.sock ──> agent (pid 1, root of the sandbox)
//	                                                            ├─ commands as the user (uid 1000): group job
//	                                                            ├─ commands as root, with X-Pitwall-User: root: group control
//	                                                            ├─ file work with the rights of the request's user
//	                                                            └─ watcher: ends the user's processes over a limit
//
// Everything but the agent is hostile: a command may fork without end, fill the disk, flood its output, plant links and
// FIFOs where the agent will look. So every buffer is bounded, no file is opened with more rights than its request has,
// and nothing of the agent's own (environment, descriptors, socket) reaches a command.
//
// # What the sandbox server has to give
//
//   - runsc's flag --in-sandbox-cgroup=v2, and no cgroup mount of its own in the spec.
//   - The agent as uid 0 with CHOWN, DAC_OVERRIDE, FOWNER, KILL, SETUID, SETGID, SYS_ADMIN (to mount cgroup2), SYS_PTRACE
//     and SYS_RESOURCE (to limit commands) as its bounding, permitted and effective capabilities, and noNewPrivileges.
//   - /proc; a bind mount for the socket's directory, which the agent makes root's alone (0700); a writable /.pitwall/state.
//   - The user's home, owned by the user.
//   - --limits FILE (see Limits), --env FILE (the variables that the sandbox was created with).
//
// # Limits
//
//	limit               of                    how                                     over it
//	processes           job together          pids.max: hard                          fork fails; all are killed within 250 ms
//	memory_bytes        job together          memory.current, looked at each 10 to    all are killed; overshoot up to 14 MB seen
//	                                          250 ms as need be: watched              for one process, 151 for six
//	open_files, file_size_bytes, address_space_bytes, cpu_seconds
//	                    each process          rlimits, set before its first           EMFILE, SIGXFSZ, ENOMEM, SIGXCPU
//	                                          instruction: hard
//
// Memory includes the files of tmpfs mounts such as /dev/shm; /tmp is on the root overlay, so it counts as disk. A command of
// root's that starts the user's processes by itself should have them join job first, by writing 0 to JobProcs; the watcher moves
// those that did not, and control's own bound holds them meanwhile.
package toolbox

// JobProcs is the file by which a command of root's puts itself into the group of the user's processes.
const JobProcs = "/.pitwall/state/cgroup/job/cgroup.procs"
