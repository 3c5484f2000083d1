//go:build linux

package devstack

import (
	"os/exec"
	"runtime"
	"syscall"
)

// spawner starts processes from one OS thread that lives as long as the stack. Linux sends a child its Pdeathsig when
// the *thread* that forked it ends, and Go ends threads when it likes (golang/go#27505).
type spawner struct {
	requests chan spawnRequest
	done     chan struct{}
}

type spawnRequest struct {
	cmd   *exec.Cmd
	reply chan error
}

func newSpawner() *spawner {
	s := &spawner{requests: make(chan spawnRequest), done: make(chan struct{})}
	go s.serve()
	return s
}

func (s *spawner) serve() {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	for {
		select {
		case request := <-s.requests:
			request.reply <- request.cmd.Start()
		case <-s.done:
			return
		}
	}
}

// start starts cmd in a process group of its own, to be told to end when this process dies.
func (s *spawner) start(cmd *exec.Cmd) error {
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGTERM}
	request := spawnRequest{cmd: cmd, reply: make(chan error, 1)}
	s.requests <- request
	return <-request.reply
}

// close ends the thread. No child may be alive then.
func (s *spawner) close() { close(s.done) }
