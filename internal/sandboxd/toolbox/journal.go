//go:build linux

package toolbox

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"sync"
	"sync/atomic"
)

// Bounds of the logs of sessions' commands, which lie on the sandbox's disk.
const (
	maxJournalBytes = 8 << 20
	// maxJournalsBytes bounds all journals together.
	maxJournalsBytes = 64 << 20
	// journalChunk is what is read, and sent, at once. It is well within the 32 KiB that clients allow a WebSocket message.
	journalChunk = 16 << 10
)

// journal is the log of one session command: a file of marked output, root's alone, that grows until the command has ended
// or its bound is reached. Readers follow it from the beginning.
type journal struct {
	path string
	// space is what all journals together may still take.
	space *atomic.Int64

	mu   sync.Mutex
	file *os.File // nil: closed
	size int64
	// reserved is what it has taken of space; a last line that says it is full comes on top.
	reserved int64
	last     stream
	full     bool
	done     bool
	changed  chan struct{} // closed, and replaced, at each change
}

func newJournal(path string, space *atomic.Int64) (*journal, error) {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return nil, fmt.Errorf("make journal: %w", err)
	}
	return &journal{path: path, space: space, file: f, changed: make(chan struct{})}, nil
}

// add appends output. What does not fit is dropped, with a last line that says so.
func (j *journal) add(s stream, output []byte) {
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.file == nil || j.full || len(output) == 0 {
		return
	}
	record := output
	if s != j.last {
		record = append(s.marker(), output...)
		j.last = s
	}
	if !j.reserve(int64(len(record))) {
		j.full = true
		record = append(stderr.marker(), "\n[log truncated: it may grow no further]\n"...)
	}
	n, err := j.file.Write(record)
	j.size += int64(n)
	// A full disk is the job's doing, and its log ends there.
	j.full = j.full || err != nil
	j.announce()
}

func (j *journal) reserve(n int64) bool {
	if j.size+n > maxJournalBytes {
		return false
	}
	if j.space.Add(-n) < 0 {
		j.space.Add(n)
		return false
	}
	j.reserved += n
	return true
}

// finish says that the command has ended. Output of what it left running is still taken until close.
func (j *journal) finish() {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.done = true
	j.announce()
}

// close takes no more output.
func (j *journal) close() {
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.file != nil {
		_ = j.file.Close()
		j.file = nil
	}
}

// remove deletes the file.
func (j *journal) remove() {
	j.finish()
	j.close()
	if os.Remove(j.path) == nil {
		j.space.Add(j.reserved)
	}
}

func (j *journal) announce() {
	close(j.changed)
	j.changed = make(chan struct{})
}

// state is how long the journal is now, whether it is done, and what to wait on for more.
func (j *journal) state() (size int64, done bool, changed <-chan struct{}) {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.size, j.done, j.changed
}

// read returns the journal as it is now.
func (j *journal) read() ([]byte, error) {
	text, err := os.ReadFile(j.path)
	if err != nil {
		return nil, fmt.Errorf("read journal: %w", err)
	}
	return text, nil
}

// send hands the journal to write from its beginning, in pieces; with follow until the command has ended, and then to its very
// end.
func (j *journal) send(ctx context.Context, follow bool, write func([]byte) error) error {
	f, err := os.Open(j.path)
	if err != nil {
		return fmt.Errorf("open journal: %w", err)
	}
	defer f.Close()
	chunk := make([]byte, journalChunk)
	for offset := int64(0); ; {
		size, done, changed := j.state()
		for offset < size {
			n, err := f.ReadAt(chunk[:min(journalChunk, size-offset)], offset)
			if err != nil && !errors.Is(err, io.EOF) || n == 0 {
				return fmt.Errorf("read journal: %w", err)
			}
			n = beforeLastMarker(chunk[:n])
			if err := write(chunk[:n]); err != nil {
				return err
			}
			offset += int64(n)
		}
		if done || !follow {
			return nil
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-changed:
		}
	}
}
