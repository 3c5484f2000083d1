//go:build linux

package harness

import (
	"bufio"
	"encoding/json"
	"io"

	"github.com/stretchr/testify/require"

	"pitwall/internal/spec"
)

// Summary is what `campaign start --wait -o json` prints: the contract that scripts rely on.
type Summary struct {
	spec.CampaignResult
	WorkflowID    string `json:"workflow_id"`
	SandboxesLeft *int   `json:"sandboxes_left"`
	// Keys are the document's own, whatever this struct knows.
	Keys map[string]json.RawMessage `json:"-"`
}

// RunCampaign starts a campaign through the command line, waits for its end, and returns its summary and the exit code.
func (s *Stack) RunCampaign(file string, flags ...string) (Summary, int) {
	s.t.Helper()
	stdout, stderr, code := s.Starter(append([]string{"campaign", "start", file, "--wait", "-o", "json"}, flags...)...)
	return s.summary(stdout, stderr), code
}

func (s *Stack) summary(stdout, stderr string) Summary {
	s.t.Helper()
	var summary Summary
	require.NoError(s.t, json.Unmarshal([]byte(stdout), &summary), "stdout: %s\nstderr: %s", stdout, stderr)
	require.NoError(s.t, json.Unmarshal([]byte(stdout), &summary.Keys))
	return summary
}

// ResultLines reads the results file that a summary names, a JSON object a line.
func (s *Stack) ResultLines(uri string) []json.RawMessage {
	s.t.Helper()
	file, err := s.Store.Resolve(s.t.Context(), uri, "")
	require.NoError(s.t, err)
	defer file.Close()
	lines := bufio.NewScanner(io.LimitReader(file, 256<<20))
	lines.Buffer(nil, 4<<20)
	var all []json.RawMessage
	for lines.Scan() {
		all = append(all, append(json.RawMessage(nil), lines.Bytes()...))
	}
	require.NoError(s.t, lines.Err())
	return all
}

// Rows are the lines of a results file.
func (s *Stack) Rows(uri string) []spec.TrialRow {
	s.t.Helper()
	var rows []spec.TrialRow
	for _, line := range s.ResultLines(uri) {
		var row spec.TrialRow
		require.NoError(s.t, json.Unmarshal(line, &row))
		rows = append(rows, row)
	}
	return rows
}
