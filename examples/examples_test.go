// Package examples_test holds the examples to what they promise.
package examples_test

import (
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"pitwall/internal/dataset"
	"pitwall/internal/spec"
)

func campaign(t *testing.T, folder string) spec.CampaignInput {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(folder, "campaign.yaml"))
	require.NoError(t, err)
	in, err := spec.DecodeCampaign(text)
	require.NoError(t, err)
	in.Name = folder
	return in.WithDefaults(spec.Defaults{})
}

func trials(t *testing.T, folder string) []dataset.Trial {
	t.Helper()
	in := campaign(t, folder)
	file, err := os.Open(filepath.Join(folder, in.Dataset.URI))
	require.NoError(t, err)
	defer file.Close()
	rows, err := dataset.Open(context.Background(), file, in.Dataset.Format)
	require.NoError(t, err)
	var planned []dataset.Trial
	for trial, err := range dataset.Plan(context.Background(), in, rows, nil) {
		require.NoError(t, err)
		full := trial.Input.WithDefaults(spec.Defaults{})
		require.NoError(t, full.Validate())
		_, err = full.Clocks(spec.Duration(12 * 3600e9).Std())
		require.NoError(t, err)
		planned = append(planned, trial)
	}
	return planned
}

func TestHello(t *testing.T) {
	text, err := os.ReadFile("hello.yaml")
	require.NoError(t, err)
	in, err := spec.DecodeEval(text)
	require.NoError(t, err)
	require.NoError(t, in.WithDefaults(spec.Defaults{}).Validate())
}

func TestHumanEvalIsAPresetWithoutItsData(t *testing.T) {
	in := campaign(t, "humaneval")
	require.Equal(t, spec.FormatHumanEval, in.Dataset.Format)
}

func TestGenericDatasets(t *testing.T) {
	jsonl := trials(t, "generic-jsonl")
	require.Len(t, jsonl, 6)
	require.Equal(t, "music/1", jsonl[4].Category)
	require.Equal(t, 2, jsonl[4].Input.MaxAttempts)
	require.Equal(t, map[string]string{"STRICT": "1"}, jsonl[4].Input.Job.Env)
	require.Equal(t, `exec python3 grade.py 'do it'\''s $(mi)'`, jsonl[4].Input.Job.Steps[0].Command)
	csv := trials(t, "generic-csv")
	require.Len(t, csv, 4)
	require.Equal(t, "b\na", csv[1].Input.Inputs.Files[0].Content)
}

// problem is a line of quickstart/problems.jsonl.
type problem struct {
	ID      string
	Answers []string
	Expect  []struct {
		Kind      string
		Passed    *bool
		ExitCode  *int `json:"exit_code"`
		TimedOut  bool `json:"timed_out"`
		Truncated bool
		Artifact  string
	}
}

func TestQuickstartHasSomethingOfEverything(t *testing.T) {
	data, err := os.ReadFile("quickstart/problems.jsonl")
	require.NoError(t, err)
	problems, answers, kinds, languages := 0, 0, map[string]int{}, map[string]int{}
	for line := range strings.Lines(string(data)) {
		var p problem
		require.NoError(t, json.Unmarshal([]byte(line), &p))
		require.Len(t, p.Expect, len(p.Answers), p.ID)
		for _, expect := range p.Expect {
			require.NotNil(t, expect.Passed, p.ID)
			require.False(t, *expect.Passed && (expect.TimedOut || expect.ExitCode != nil), p.ID)
			kinds[expect.Kind]++
		}
		problems++
		answers += len(p.Answers)
		languages[strings.Split(p.ID, "/")[0]]++
	}
	require.GreaterOrEqual(t, problems, 24)
	require.Len(t, trials(t, "quickstart"), answers)
	require.Positive(t, languages["py"])
	require.Positive(t, languages["sh"])
	for _, kind := range []string{
		"correct", "wrong answer", "time-out", "crash", "flood of output", "attempt to reach the network",
		"command that does not exist", "artifact that is kept",
	} {
		require.Positive(t, kinds[kind], kind)
	}
}
