//go:build linux

package toolbox

import (
	"context"
	"errors"
	"io"
	"os"
	"strings"
	"time"
)

// maxOutputBytes bounds the output of one command that an answer carries; Daytona's daemon has no bound. More belongs in a
// file, read with Range requests.
const maxOutputBytes = 4 << 20

// maxTimeoutSeconds keeps a timeout within what a time.Duration holds; it is more than three years.
const maxTimeoutSeconds = 100_000_000

// errTimeout says that a command was killed at its timeout.
var errTimeout = errors.New("command execution timeout")

// errStopped says that the agent stopped while a command ran.
var errStopped = errors.New("the sandbox is stopping")

// outcome is how a command ended. Code is -1 when it could not be started or a signal ended it.
type outcome struct {
	code int
	out  string
}

// run starts c with stdin and collects its merged output until it has exited and nobody holds its output open: a background
// child that kept it delays the answer, as with Daytona. After timeout (0: never) its process group is killed and run
// returns errTimeout. A command that cannot be started is an outcome, not an error.
func (s *Server) run(c command, stdin string, timeout time.Duration) (outcome, error) {
	proc, in, out, err := s.startPiped(c)
	if err != nil {
		return outcome{-1, err.Error()}, nil
	}
	go func() {
		defer in.Close()
		_, _ = io.Copy(in, strings.NewReader(stdin))
	}()
	output := &capture{max: maxOutputBytes}
	closed := make(chan struct{})
	go func() {
		defer close(closed)
		drain(output, out)
	}()
	ctx, cancel := timeoutContext(timeout)
	defer cancel()
	abandon := func(err error) (outcome, error) {
		proc.killGroup()
		// A process that left the group may hold the pipes for ever: let go of both.
		_, _ = in.Close(), out.Close()
		return outcome{}, err
	}
	for _, done := range []<-chan struct{}{closed, proc.exited} {
		select {
		case <-done:
		case <-ctx.Done():
			return abandon(errTimeout)
		case <-s.stopped:
			return abandon(errStopped)
		}
	}
	return outcome{proc.exitCode(), output.text()}, nil
}

// startPiped starts c with a pipe as its input and one as its merged output; the ends returned are the agent's.
func (s *Server) startPiped(c command) (proc *process, in, out *os.File, err error) {
	inChild, in, err := os.Pipe()
	if err != nil {
		return nil, nil, nil, err
	}
	defer inChild.Close()
	out, outChild, err := os.Pipe()
	if err != nil {
		in.Close()
		return nil, nil, nil, err
	}
	defer outChild.Close()
	c.files = []uintptr{inChild.Fd(), outChild.Fd(), outChild.Fd()}
	if proc, err = s.procs.start(c); err != nil {
		in.Close()
		out.Close()
		return nil, nil, nil, err
	}
	return proc, in, out, nil
}

// timeoutContext ends after timeout, or with 0 never. It is not the request's: a client that goes away does not end its
// command.
func timeoutContext(timeout time.Duration) (context.Context, context.CancelFunc) {
	if timeout == 0 {
		return context.WithCancel(context.Background())
	}
	return context.WithTimeout(context.Background(), timeout)
}

// checkTimeout turns a request's seconds into a duration.
func checkTimeout(seconds int64) (time.Duration, error) {
	if seconds < 0 || seconds > maxTimeoutSeconds {
		return 0, badRequest("timeout %d: must be 0 (none) to %d seconds", seconds, maxTimeoutSeconds)
	}
	return time.Duration(seconds) * time.Second, nil
}
