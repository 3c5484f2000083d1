package toolbox

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"time"
)

// LimitEvent is one line of the limit events file: the user's processes passed a limit together, and were ended.
type LimitEvent struct {
	Time time.Time `json:"time"`
	// Limit is LimitMemory or LimitProcesses.
	Limit string `json:"limit"`
	// Value is what was seen, in the unit of Bound: bytes, or processes and threads.
	Value int64 `json:"value"`
	Bound int64 `json:"bound"`
}

// The limits that the watcher enforces.
const (
	LimitMemory    = "memory"
	LimitProcesses = "processes"
)

// maxLimitEvents bounds the limit events file: a sandbox whose jobs pass more limits than that tells nothing new.
const maxLimitEvents = 1000

// limitEvents appends to the limit events file.
type limitEvents struct {
	path    string
	written int
}

func (l *limitEvents) add(event LimitEvent) error {
	if l.written >= maxLimitEvents {
		return nil
	}
	l.written++
	line, err := json.Marshal(event)
	if err != nil {
		return fmt.Errorf("encode limit event: %w", err)
	}
	f, err := os.OpenFile(l.path, os.O_WRONLY|os.O_APPEND|os.O_CREATE, 0o600)
	if err != nil {
		return fmt.Errorf("open limit events: %w", err)
	}
	_, err = f.Write(append(line, '\n'))
	if err := errors.Join(err, f.Close()); err != nil {
		return fmt.Errorf("write limit event: %w", err)
	}
	return nil
}
