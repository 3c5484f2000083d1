//go:build linux

package toolbox

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"
)

// Descriptors of a session's shell, besides its script (0), its output (1) and its errors (2).
const (
	shellRecords = 3 // it writes each command's exit code here
	shellInput   = 4 // commands that are given input read it here
)

// maxSessionCommands bounds the commands that a session keeps.
const maxSessionCommands = 1000

// inputTimeout bounds the wait for a command to read its input.
const inputTimeout = 5 * time.Second

// deleteGrace lies between SIGTERM and SIGKILL when a session is deleted, as with Daytona.
const deleteGrace = 5 * time.Second

// session is a shell that runs commands one after the other, so that a directory or a variable that one of them sets holds
// for the next.
//
//	queued ──> running ──> ended(code)       the shell lives on: the code is what it recorded
//	             └───────> ended(code)       the shell ended (exit N, set -e, a kill): the code is the shell's own, and
//	                                         the session takes no more commands
//
// The shell writes each command's exit code to a pipe. As it does so after the command's output, and what a pipe holds is
// in order, all output that is readable when the code arrives is the command's; what comes later, from something that it
// left running, still goes to its journal until the next command starts.
type session struct {
	id     string
	dir    string
	proc   *process
	script *os.File
	input  *os.File
	output [2]*os.File // stdout, stderr
	codes  *os.File
	// makeJournal makes the journal of a new command.
	makeJournal func(path string) (*journal, error)
	// wake is signalled when a command was queued.
	wake chan struct{}

	mu       sync.Mutex
	commands []*sessionCommand
	next     int             // the first queued command
	current  *sessionCommand // whose journal gets the output
	ended    bool
}

// sessionCommand is one command of a session.
type sessionCommand struct {
	id, text     string
	interactive  bool // it gets input
	suppressEcho bool
	journal      *journal
	started      chan struct{} // closed when it becomes the current one
	finished     chan struct{} // closed after code is set
	code         int
	running      bool
}

// startSession starts a shell as c says, and its session's goroutines, which end with the shell and its pipes.
func (s *Server) startSession(id string, c command, dir string) (*session, error) {
	files, err := sessionPipes()
	if err != nil {
		return nil, fmt.Errorf("make pipes: %w", err)
	}
	for _, child := range files.child {
		c.files = append(c.files, child.Fd())
	}
	proc, err := s.procs.start(c)
	closeAll(files.child)
	if err != nil {
		closeAll(files.parent)
		return nil, err
	}
	session := &session{
		id: id, dir: dir, proc: proc, wake: make(chan struct{}, 1), makeJournal: s.sessions.newJournal,
		script: files.parent[0], output: [2]*os.File{files.parent[1], files.parent[2]}, codes: files.parent[3], input: files.parent[4],
	}
	go session.pump(session.output[0], stdout)
	go session.pump(session.output[1], stderr)
	go session.run()
	return session, nil
}

// pipes are both ends of a shell's descriptors 0 to 4.
type pipes struct{ child, parent []*os.File }

func sessionPipes() (p pipes, err error) {
	for fd := range shellInput + 1 {
		r, w, err := os.Pipe()
		if err != nil {
			closeAll(append(p.child, p.parent...))
			return pipes{}, err
		}
		if toShell := fd == 0 || fd == shellInput; toShell {
			p.child, p.parent = append(p.child, r), append(p.parent, w)
		} else {
			p.child, p.parent = append(p.child, w), append(p.parent, r)
		}
	}
	return p, nil
}

func closeAll(files []*os.File) {
	for _, f := range files {
		_ = f.Close()
	}
}

// add queues a command.
func (s *session) add(id string, req sessionExecRequest) (*sessionCommand, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.ended {
		return nil, &apiError{409, "SESSION_ENDED", fmt.Sprintf("session %s has ended: its shell has exited", s.id)}
	}
	if len(s.commands) >= maxSessionCommands {
		return nil, conflict("session %s has had %d commands, which is the most: use a new one", s.id, maxSessionCommands)
	}
	j, err := s.makeJournal(filepath.Join(s.dir, strconv.Itoa(len(s.commands))))
	if err != nil {
		return nil, err
	}
	c := &sessionCommand{
		id: id, text: req.Command, interactive: req.async(), suppressEcho: req.SuppressInputEcho,
		journal: j, started: make(chan struct{}), finished: make(chan struct{}),
	}
	s.commands = append(s.commands, c)
	select {
	case s.wake <- struct{}{}:
	default:
	}
	return c, nil
}

// run gives the shell one command after the other until it has exited.
func (s *session) run() {
	codes := make(chan int)
	go readCodes(s.codes, codes, s.proc.exited)
	for {
		c := s.startNext()
		if c == nil {
			select {
			case <-s.wake:
				continue
			case <-s.proc.exited:
				s.end()
				return
			}
		}
		go s.writeScript(c)
		select {
		case code := <-codes:
			s.finish(c, code)
		case <-s.proc.exited:
			s.end()
			return
		}
	}
}

// startNext makes the first queued command the current one.
func (s *session) startNext() *sessionCommand {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.next == len(s.commands) {
		return nil
	}
	if s.current != nil {
		s.current.journal.close()
	}
	s.current = s.commands[s.next]
	s.current.running = true
	close(s.current.started)
	s.next++
	return s.current
}

// writeScript has the shell evaluate the command in itself, with the descriptors of the session closed, and record its code.
func (s *session) writeScript(c *sessionCommand) {
	input := "</dev/null"
	if c.interactive {
		input = fmt.Sprintf("<&%d", shellInput)
	}
	quoted := "'" + strings.ReplaceAll(c.text, "'", `'\''`) + "'"
	// An error says that the shell is gone, which run sees for itself.
	_, _ = fmt.Fprintf(s.script, "eval %s %s %d>&- %d>&-\necho $? >&%d\n", quoted, input, shellRecords, shellInput, shellRecords)
}

// readCodes reads exit codes until the shell has gone. They are the word of whoever can write to the pipe, as everything is
// that a command says; a line that is no exit code is passed over.
func readCodes(r io.Reader, codes chan<- int, stop <-chan struct{}) {
	for lines := bufio.NewScanner(io.LimitReader(r, 1<<20)); lines.Scan(); {
		code, err := strconv.ParseUint(lines.Text(), 10, 8)
		if err != nil {
			continue
		}
		select {
		case codes <- int(code):
		case <-stop:
			return
		}
	}
}

// finish ends c, whose output so far is in the pipes.
func (s *session) finish(c *sessionCommand, code int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.drainPipes()
	c.code, c.running = code, false
	close(c.finished)
	c.journal.finish()
}

// end ends the running command and all that are queued, as the shell has exited.
func (s *session) end() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.ended = true
	s.drainPipes()
	_, _, _ = s.script.Close(), s.input.Close(), s.codes.Close()
	for _, c := range s.commands {
		select {
		case <-c.finished:
			continue
		default:
		}
		c.code = -1 // never started
		if c.running {
			c.code, c.running = s.proc.exitCode(), false
		}
		close(c.finished)
		c.journal.finish()
	}
}

// pump moves one output stream into the journal of the current command until it ends.
func (s *session) pump(f *os.File, from stream) {
	defer f.Close()
	conn, err := f.SyscallConn()
	if err != nil {
		return
	}
	buf := make([]byte, 32<<10)
	for ended := false; !ended; {
		err := conn.Read(func(fd uintptr) bool {
			s.mu.Lock()
			defer s.mu.Unlock()
			n, err := s.readPipe(int(fd), from, buf)
			ended = n == 0 && err == nil || err != nil && !errors.Is(err, syscall.EAGAIN)
			return ended || n > 0
		})
		if err != nil {
			return
		}
	}
}

// readPipe reads once, without waiting, under mu: so nothing is ever read but not yet in a journal.
func (s *session) readPipe(fd int, from stream, buf []byte) (int, error) {
	n, err := syscall.Read(fd, buf)
	if errors.Is(err, syscall.EINTR) {
		return 0, syscall.EAGAIN
	}
	if n > 0 && s.current != nil {
		s.current.journal.add(from, buf[:n])
	}
	return max(n, 0), err
}

// maxDrain bounds what drainPipes takes from a pipe, which holds 64 KiB, while something may go on writing.
const maxDrain = 1 << 20

// drainPipes moves what the output pipes hold now into the journal of the current command.
func (s *session) drainPipes() {
	buf := make([]byte, 32<<10)
	for i, from := range []stream{stdout, stderr} {
		conn, err := s.output[i].SyscallConn()
		if err != nil {
			continue
		}
		_ = conn.Control(func(fd uintptr) {
			for total := 0; total < maxDrain; {
				n, err := s.readPipe(int(fd), from, buf)
				if n == 0 || err != nil {
					return
				}
				total += n
			}
		})
	}
}

// command finds a command by its id.
func (s *session) command(id string) (*sessionCommand, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, c := range s.commands {
		if c.id == id {
			return c, nil
		}
	}
	return nil, notFound("session %s has no command %s", s.id, id)
}

// send gives a command a line of input, and waits a while for one that was queued a moment ago: a client library sends as soon
// as it has the command's id.
func (s *session) send(c *sessionCommand, data string) error {
	if c.interactive {
		select {
		case <-c.started:
		case <-c.finished:
		case <-time.After(inputTimeout):
		}
	}
	s.mu.Lock()
	running := c.running
	s.mu.Unlock()
	select {
	case <-c.finished:
		return gone("COMMAND_ALREADY_COMPLETED", "command %s has completed", c.id)
	default:
	}
	if !running || !c.interactive {
		return conflict("command %s takes no input: it is queued, or was not started with runAsync", c.id)
	}
	if !c.suppressEcho {
		// Before the command sees it, or its answer could come first.
		s.echo(c, data)
	}
	_ = s.input.SetWriteDeadline(time.Now().Add(inputTimeout))
	if _, err := io.WriteString(s.input, data+"\n"); err != nil {
		return conflict("command %s does not read its input: %s", c.id, err)
	}
	return nil
}

// echo writes a line of input into the command's output, behind what the command has written until now.
func (s *session) echo(c *sessionCommand, data string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.drainPipes()
	c.journal.add(stdout, []byte(data+"\n"))
}

// close ends the shell and what is in its process group, and removes the logs.
func (s *session) close() {
	_ = syscall.Kill(-s.proc.pid, syscall.SIGTERM)
	select {
	case <-s.proc.exited:
	case <-time.After(deleteGrace):
	}
	s.proc.killGroup()
	<-s.proc.exited
	s.end()
	// What left the group may hold the pipes for ever. Without mu, as Close waits for the pumps to let go of the files, which
	// they do under mu.
	_, _ = s.output[0].Close(), s.output[1].Close()
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, c := range s.commands {
		c.journal.remove()
	}
	_ = os.Remove(s.dir)
}
