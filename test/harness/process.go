//go:build linux

package harness

import (
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// Process is one child process, in a process group of its own; it dies with the test binary.
type Process struct {
	// HealthURL is a worker's: /healthz, /readyz, /metrics.
	HealthURL string

	t    testing.TB
	name string
	cmd  *exec.Cmd
	done chan struct{}
	once sync.Once
	log  string
}

// start starts a program with its output appended to a file. The test's end kills it, and so does the test binary's.
func start(t testing.TB, name, log string, env []string, path string, args ...string) *Process {
	t.Helper()
	file, err := os.OpenFile(log, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		t.Fatalf("open log of %s: %v", name, err)
	}
	defer file.Close()
	cmd := exec.Command(path, args...)
	cmd.Env, cmd.Stdout, cmd.Stderr = env, file, file
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
	p := &Process{t: t, name: name, cmd: cmd, done: make(chan struct{}), log: log}
	started := make(chan error)
	go func() {
		// Linux counts the thread that started a child as its parent, so this one lives as long as the child.
		runtime.LockOSThread()
		started <- cmd.Start()
		_ = cmd.Wait()
		close(p.done)
	}()
	if err := <-started; err != nil {
		t.Fatalf("start %s: %v", name, err)
	}
	t.Cleanup(p.Kill)
	return p
}

// Kill is kill -9 of the process alone: nothing of it gets to say goodbye.
func (p *Process) Kill() {
	p.once.Do(func() { _ = p.cmd.Process.Signal(syscall.SIGKILL) })
	<-p.done
}

// Stop is SIGTERM, and waits for the end. A process that has ended is fine.
func (p *Process) Stop() {
	_ = p.cmd.Process.Signal(syscall.SIGTERM)
	select {
	case <-p.done:
	case <-time.After(time.Minute):
		p.t.Errorf("%s did not end within a minute of SIGTERM", p.name)
		p.Kill()
	}
}

// Signal sends a signal.
func (p *Process) Signal(signal syscall.Signal) {
	p.t.Helper()
	if err := p.cmd.Process.Signal(signal); err != nil {
		p.t.Logf("signal %v to %s: %v", signal, p.name, err)
	}
}

// PeakMemory is the most that the process ever held resident, in bytes.
func (p *Process) PeakMemory() int64 {
	p.t.Helper()
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", p.cmd.Process.Pid))
	if err != nil {
		p.t.Fatalf("read the memory of %s: %v", p.name, err)
	}
	var kilobytes int64
	_, after, _ := strings.Cut(string(status), "VmHWM:")
	if _, err := fmt.Sscan(after, &kilobytes); err != nil {
		p.t.Fatalf("read the memory of %s: %v", p.name, err)
	}
	return kilobytes << 10
}

// Tail is the end of the process's log.
func (p *Process) Tail() string {
	data, err := os.ReadFile(p.log)
	if err != nil {
		return err.Error()
	}
	const keep = 8 << 10
	if len(data) > keep {
		data = data[len(data)-keep:]
	}
	return fmt.Sprintf("--- %s\n%s", p.name, data)
}
