//go:build linux

package devstack

import (
	"context"
	"fmt"
	"io"
	"os"
	"strings"
	"time"
)

// A child's log may grow to maxLogBytes; then it moves to <name>.1 and starts again, so two of them are kept.
const (
	maxLogBytes   = 16 << 20
	logCheckEvery = 5 * time.Second
	tailBytes     = 8 << 10
	tailLines     = 15
)

// openLog opens a child's log for appending. Appends of several writers do not overwrite each other, also after a cut.
func openLog(path string) (*os.File, error) {
	file, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o600)
	if err != nil {
		return nil, fmt.Errorf("open log: %w", err)
	}
	return file, nil
}

// boundLogs keeps each log under its bound until ctx ends.
func boundLogs(ctx context.Context, paths []string) {
	ticker := time.NewTicker(logCheckEvery)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
			for _, path := range paths {
				boundLog(path)
			}
		}
	}
}

// boundLog copies a log that is too long to <path>.1 and cuts it. The child goes on writing to the same open file, so
// what it writes between the two is lost. A log that cannot be bounded is no reason to stop a stack: errors show up in
// the child, whose next write fails for the same reason.
func boundLog(path string) {
	info, err := os.Stat(path)
	if err != nil || info.Size() < maxLogBytes {
		return
	}
	if copyFile(path, path+".1") == nil {
		_ = os.Truncate(path, 0)
	}
}

func copyFile(from, to string) error {
	source, err := os.Open(from)
	if err != nil {
		return err
	}
	defer source.Close()
	target, err := os.OpenFile(to, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	_, err = io.Copy(target, io.LimitReader(source, 2*maxLogBytes))
	if closeErr := target.Close(); err == nil {
		err = closeErr
	}
	return err
}

// lastLines returns the end of a log from offset on, at most tailLines lines.
func lastLines(path string, offset int64) []string {
	file, err := os.Open(path)
	if err != nil {
		return nil
	}
	defer file.Close()
	size, err := file.Seek(0, io.SeekEnd)
	if err != nil || size < offset {
		return nil
	}
	start := max(offset, size-tailBytes)
	text, err := io.ReadAll(io.NewSectionReader(file, start, size-start))
	if err != nil {
		return nil
	}
	lines := strings.Split(strings.TrimSpace(string(text)), "\n")
	return lines[max(0, len(lines)-tailLines):]
}
