//go:build linux

package harness

import (
	"bufio"
	"encoding/json"
	"os"

	"github.com/stretchr/testify/require"
)

// Logged are the lines that a process wrote so far as JSON objects; what is no such line is left out.
func (p *Process) Logged() []map[string]any {
	p.t.Helper()
	file, err := os.Open(p.log)
	require.NoError(p.t, err)
	defer file.Close()
	var lines []map[string]any
	scanner := bufio.NewScanner(file)
	scanner.Buffer(nil, 1<<20)
	for scanner.Scan() {
		var line map[string]any
		if json.Unmarshal(scanner.Bytes(), &line) == nil {
			lines = append(lines, line)
		}
	}
	require.NoError(p.t, scanner.Err())
	return lines
}

// Journal are the lines of the journals of all workers, in the order of their files.
func (s *Stack) Journal() []map[string]any {
	s.t.Helper()
	var entries []map[string]any
	for _, worker := range s.Workers {
		for _, line := range worker.Logged() {
			if _, isEntry := line["event"]; isEntry {
				entries = append(entries, line)
			}
		}
	}
	return entries
}
