package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"pitwall/internal/artifact"
	"pitwall/internal/spec"
	"pitwall/workflows"
)

// patience bounds waits for things that take milliseconds on a quiet machine.
const (
	patience = time.Minute
	tick     = 5 * time.Millisecond
)

// safeBuffer is a bytes.Buffer for several goroutines.
type safeBuffer struct {
	mu     sync.Mutex
	buffer bytes.Buffer
}

func (b *safeBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buffer.Write(p)
}

func (b *safeBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buffer.String()
}

// What the worker writes under, the command line finds from the eval's ID, whatever the sample is called.
func TestEvalPrefixFindsEveryTrial(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		trial := spec.Trial{
			Campaign: rapid.StringMatching(`[a-z0-9][a-z0-9._-]{0,20}[a-z0-9]`).Draw(t, "campaign"),
			Sample:   rapid.StringN(1, 200, -1).Draw(t, "sample"),
			Epoch:    rapid.IntRange(1, 100).Draw(t, "epoch"),
			Retry:    rapid.IntRange(0, 3).Draw(t, "retry"),
		}
		want := artifact.TrialPrefix(trial.Campaign, trial.Sample, trial.Epoch, trial.Retry)
		require.Equal(t, want, evalPrefix(workflows.EvalID(trial)))
	})
	require.Equal(t, artifact.EvalPrefix("eval/direct/hello-1"), evalPrefix("eval/direct/hello-1"))
	require.Equal(t, artifact.EvalPrefix("anything"), evalPrefix("anything"))
}

func TestExitCodes(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		err  error
		want int
	}{
		{nil, exitPassed},
		{outcome(exitFailed), exitFailed},
		{errors.New("connection refused"), exitInfra},
		{&InfraError{Err: errors.New("x")}, exitInfra},
		{&UsageError{Problem: "x"}, exitUsage},
		{fmt.Errorf("wrapped: %w", &spec.InvalidInput{}), exitUsage},
		{interrupted{"it goes on"}, exitInterrupted},
	} {
		require.Equal(t, c.want, exitCode(t.Context(), c.err), "%v", c.err)
	}
	cancelled, cancel := context.WithCancel(t.Context())
	cancel()
	require.Equal(t, exitInterrupted, exitCode(cancelled, errors.New("whatever it broke")))
}

func TestOutcomes(t *testing.T) {
	t.Parallel()
	yes, no := &spec.Score{Passed: true}, &spec.Score{}
	for _, c := range []struct {
		result spec.EvalResult
		want   error
	}{
		{spec.EvalResult{Status: spec.StatusCompleted, Score: yes}, nil},
		{spec.EvalResult{Status: spec.StatusCompleted, Score: no}, outcome(exitFailed)},
		{spec.EvalResult{Status: spec.StatusError, Error: &spec.EvalError{Origin: spec.OriginInfra}}, outcome(exitInfra)},
		{spec.EvalResult{Status: spec.StatusError, Error: &spec.EvalError{Origin: spec.OriginUser}}, outcome(exitUsage)},
		{spec.EvalResult{Status: spec.StatusCancelled}, outcome(exitInfra)},
	} {
		require.Equal(t, c.want, evalOutcome(t.Context(), c.result), "%+v", c.result)
	}
	require.NoError(t, campaignOutcome(spec.CampaignResult{Status: spec.StatusCompleted, Verdict: spec.VerdictPass}))
	require.Equal(t, outcome(exitFailed), campaignOutcome(spec.CampaignResult{Verdict: spec.VerdictFail}))
	require.Equal(t, outcome(exitInfra), campaignOutcome(spec.CampaignResult{Verdict: spec.VerdictInconclusive}))
	require.Equal(t, outcome(exitInfra), campaignOutcome(spec.CampaignResult{Status: spec.StatusCancelled, Verdict: spec.VerdictPass}))
}

func TestOverrides(t *testing.T) {
	t.Parallel()
	const file = "a: 1 # why\nlist:\n  - {b: 2}\n  - {b: 3}\nempty:\n"
	for _, c := range []struct{ path, value, want string }{
		{"a", "020", "a: 020 # why\nlist:\n  - {b: 2}\n  - {b: 3}\nempty:\n"},
		{"list[1].b", "x", "a: 1 # why\nlist:\n  - {b: 2}\n  - {b: x}\nempty:\n"},
		{"list[0]", "[7]", "a: 1 # why\nlist:\n  - [7]\n  - {b: 3}\nempty:\n"},
		{"empty.new.deep", "true", "a: 1 # why\nlist:\n  - {b: 2}\n  - {b: 3}\nempty:\n  new:\n    deep: true\n"},
		{"list", "", "a: 1 # why\nempty:\n"},
	} {
		got, err := applyOverrides([]byte(file), []override{{c.path, c.value}})
		require.NoError(t, err, c.path)
		require.YAMLEq(t, c.want, string(got), c.path)
	}
	for _, path := range []string{"a.b", "list[2]", "list.x", "..", "a[", "[0]", "list[0].b[1]"} {
		_, err := applyOverrides([]byte(file), []override{{path, "1"}})
		require.Error(t, err, path)
	}
}

func TestQuotedTextSurvivesYAML(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		text := rapid.String().Draw(t, "text")
		data, err := applyOverrides([]byte("a: 1"), []override{{"name", quoteYAML(text)}})
		require.NoError(t, err)
		var campaign spec.CampaignInput
		campaign, _ = spec.DecodeCampaign(data)
		require.Equal(t, text, campaign.Name)
	})
}

// A file of JSON is read alike with flags and without: what Python's json.dump writes, and line breaks that only YAML knows.
func TestJSONFilesWithFlags(t *testing.T) {
	for _, text := range []string{`\ud83d\ude00`, `\\ud83d\\ude00`, `\\\ud83d\ude00`, `\u0085`, "\u0085", "\u2028", `\u2028`, `\/`, `\u007f`, `a\tb`, `\u0000`, `é`} {
		data := []byte(`{"name":"c","dataset":{"uri":"store:x","format":"jsonl"},"answers":{"from":"text","text":"x` + text + `"},"eval":{"job":{"steps":[{"command":"echo"}]}}}`)
		require.Equal(t, kindCampaign, kindOf(data), text)
		plain, err := spec.DecodeCampaign(data)
		require.NoError(t, err, text)
		changed, err := applyOverrides(data, []override{{"dataset.limit", "5"}})
		require.NoError(t, err, text)
		got, err := spec.DecodeCampaign(changed)
		require.NoError(t, err, text)
		require.Equal(t, plain.Answers.Text, got.Answers.Text, text)
		require.Equal(t, 5, got.Dataset.Limit)
	}
}

func TestSecondsOfManyYears(t *testing.T) {
	require.Equal(t, 90*time.Second, seconds(90))
	require.Positive(t, seconds(100_000*10*604800))
}
