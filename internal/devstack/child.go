//go:build linux

package devstack

import (
	"fmt"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"time"
)

// child is one started process of a service.
type child struct {
	service   service
	cmd       *exec.Cmd
	logPath   string
	logOffset int64 // where this start's lines begin
	startedAt time.Time
	ended     chan struct{} // closed when the process was reaped
}

// startChild starts a service's program, with both outputs appended to its log.
func startChild(spawn *spawner, svc service, logPath string) (*child, error) {
	log, err := openLog(logPath)
	if err != nil {
		return nil, err
	}
	defer log.Close() // the child has its own copy
	env, err := svc.env()
	if err != nil {
		return nil, fmt.Errorf("start %s: %w", svc.name, err)
	}
	fmt.Fprintf(log, "--- %s: starting %s\n", time.Now().UTC().Format(time.RFC3339), svc.name)
	offset := int64(0)
	if info, err := log.Stat(); err == nil {
		offset = info.Size()
	}
	cmd := exec.Command(svc.path, svc.args...)
	cmd.Env, cmd.Stdout, cmd.Stderr = env, log, log
	if err := spawn.start(cmd); err != nil {
		return nil, fmt.Errorf("start %s: %w", svc.name, err)
	}
	ch := &child{service: svc, cmd: cmd, logPath: logPath, logOffset: offset, startedAt: time.Now(), ended: make(chan struct{})}
	go func() {
		_ = cmd.Wait() // how it ended stands in cmd.ProcessState
		close(ch.ended)
	}()
	return ch, nil
}

// stop asks the child to end, and kills its process group when it does not within its bound.
func (ch *child) stop() error {
	if err := ch.cmd.Process.Signal(syscall.SIGTERM); err != nil && !ch.isDead() {
		return fmt.Errorf("stop %s: %w", ch.service.name, err)
	}
	select {
	case <-ch.ended:
		return nil
	case <-time.After(ch.service.stopWithin):
	}
	_ = syscall.Kill(-ch.cmd.Process.Pid, syscall.SIGKILL)
	<-ch.ended
	return fmt.Errorf("stop %s: it did not end within %s and was killed (log: %s)", ch.service.name, ch.service.stopWithin, ch.logPath)
}

func (ch *child) isDead() bool {
	select {
	case <-ch.ended:
		return true
	default:
		return false
	}
}

// DeathError: a child ended by itself.
type DeathError struct {
	Name string
	// How is the exit code or signal, as a phrase.
	How string
	// ExitCode is -1 after a signal.
	ExitCode int
	// LastLines of the log, since the child's start.
	LastLines []string
	LogPath   string
}

func (e *DeathError) Error() string {
	text := fmt.Sprintf("%s ended (%s); its log is %s", e.Name, e.How, e.LogPath)
	if len(e.LastLines) > 0 {
		text += ", last lines:\n  " + strings.Join(e.LastLines, "\n  ")
	}
	return text
}

// lastLine is what the child said last, for a message of several lines; empty where it said nothing.
func (e *DeathError) lastLine() string {
	const most = 300
	if len(e.LastLines) == 0 {
		return ""
	}
	line := e.LastLines[len(e.LastLines)-1]
	return "\n  its last line: " + strings.ToValidUTF8(line[:min(len(line), most)], "")
}

// deathError describes a child that has ended.
func (ch *child) deathError() *DeathError {
	death := &DeathError{Name: ch.service.name, LogPath: ch.logPath, LastLines: lastLines(ch.logPath, ch.logOffset)}
	describe(death, ch.cmd.ProcessState)
	return death
}

func describe(death *DeathError, state *os.ProcessState) {
	if state == nil {
		death.How, death.ExitCode = "unknown", -1
		return
	}
	death.How, death.ExitCode = state.String(), state.ExitCode()
}
