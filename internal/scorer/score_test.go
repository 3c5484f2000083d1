package scorer_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"pitwall/internal/artifact"
	"pitwall/internal/scorer"
	"pitwall/internal/spec"
)

// attempt is an attempt's evidence in a real store.
type attempt struct {
	store     *artifact.Store
	artifacts []spec.Artifact
	job       spec.JobResult
}

func newAttempt(t *testing.T) *attempt {
	t.Helper()
	store, err := artifact.Open(t.Context(), "mem://")
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, store.Close()) })
	return &attempt{store: store}
}

// step adds a step that exited with a code and wrote to its streams.
func (a *attempt) step(t *testing.T, name string, code int, stdout, stderr string) *attempt {
	t.Helper()
	a.job.Steps = append(a.job.Steps, spec.StepResult{
		Name: name, ExitCode: &code, Stdout: a.stream(t, name, "stdout", stdout), Stderr: a.stream(t, name, "stderr", stderr),
	})
	return a
}

func (a *attempt) stream(t *testing.T, step, name, content string) spec.Stream {
	t.Helper()
	if content == "" {
		return spec.Stream{}
	}
	prefix := artifact.Stream("evals/e/attempt-1", step, name)
	for at := 0; at < len(content); at += 1 << 20 {
		require.NoError(t, a.store.AppendChunk(t.Context(), prefix, int64(at), []byte(content[at:min(at+1<<20, len(content))])))
	}
	return spec.Stream{Prefix: prefix, BytesKept: int64(len(content)), BytesTotal: int64(len(content))}
}

// file adds a fetched file.
func (a *attempt) file(t *testing.T, path, content string) *attempt {
	t.Helper()
	ref, err := a.store.Put(t.Context(), "evals/e/attempt-1/artifacts/"+artifact.EscapeName(path), strings.NewReader(content), 1<<30)
	require.NoError(t, err)
	a.artifacts = append(a.artifacts, spec.Artifact{Path: path, Status: spec.ArtifactStored, Ref: &ref})
	return a
}

func (a *attempt) score(t *testing.T, sc spec.Scorer) spec.Score {
	t.Helper()
	score, err := scorer.Score(t.Context(), sc, a.job, scorer.FromStore(a.store, a.artifacts))
	require.NoError(t, err)
	requireSane(t, score)
	return score
}

func requireSane(t require.TestingT, score spec.Score) {
	require.False(t, math.IsNaN(score.Value) || math.IsInf(score.Value, 0), "value %v", score.Value)
	require.LessOrEqual(t, len(score.Explanation), 250)
	require.True(t, utf8.ValidString(score.Explanation))
	require.NotContains(t, score.Explanation, "\n")
	if !score.Passed {
		require.NotEmpty(t, score.Explanation, "a failure says why")
	}
}

func ptr[T any](v T) *T { return &v }

func TestExitCode(t *testing.T) {
	ok := spec.StepResult{Name: "ok", ExitCode: ptr(0)}
	for name, test := range map[string]struct {
		step string
		job  spec.JobResult
		want string // "": passed
	}{
		"all zero":           {"", spec.JobResult{Steps: []spec.StepResult{ok, ok}}, ""},
		"one failed":         {"", spec.JobResult{Steps: []spec.StepResult{{Name: "a", ExitCode: ptr(3)}, ok}}, "step a exited 3"},
		"signal":             {"", spec.JobResult{Steps: []spec.StepResult{{Name: "a", ExitCode: ptr(139)}}}, "step a exited 139"},
		"timed out":          {"", spec.JobResult{Steps: []spec.StepResult{{Name: "a", TimedOut: true}}}, "step a ran into its time limit"},
		"timed out, exit 0":  {"", spec.JobResult{Steps: []spec.StepResult{{Name: "a", ExitCode: ptr(0), TimedOut: true}}}, "step a ran into its time limit"},
		"limit, exit 0":      {"", spec.JobResult{Steps: []spec.StepResult{{Name: "a", ExitCode: ptr(0), Limit: "memory"}}}, "step a ran into its memory limit"},
		"no code":            {"", spec.JobResult{Steps: []spec.StepResult{{Name: "a"}}}, "step a has no exit code"},
		"no steps":           {"", spec.JobResult{}, "the job has no exit record"},
		"supervisor lost":    {"", spec.JobResult{Steps: []spec.StepResult{ok}, SupervisorLost: true}, "the job's supervisor was lost without an exit record"},
		"the named one":      {"ok", spec.JobResult{Steps: []spec.StepResult{{Name: "a", ExitCode: ptr(3)}, ok}}, ""},
		"the named one late": {"late", spec.JobResult{Steps: []spec.StepResult{ok}}, "step late was not reached"},
	} {
		t.Run(name, func(t *testing.T) {
			got := scorer.ExitCode(spec.Scorer{Type: spec.ScorerExitCode, Step: test.step}, test.job)
			requireSane(t, got)
			require.Equal(t, test.want, got.Explanation)
			require.Equal(t, test.want == "", got.Passed)
			require.Equal(t, test.want == "", got.Value == 1)
			again, err := scorer.Score(t.Context(), spec.Scorer{Type: spec.ScorerExitCode, Step: test.step}, test.job, nil)
			require.NoError(t, err)
			require.Equal(t, got, again)
		})
	}
}

func TestJSONFile(t *testing.T) {
	deep := strings.Repeat("[", 100) + strings.Repeat("]", 100)
	for name, test := range map[string]struct {
		content, field string
		threshold      *float64
		value          float64
		want           string // part of the explanation; "": passed
	}{
		"one":              {`{"score": 1}`, "", nil, 1, ""},
		"true":             {"{\"score\": true}\n\n", "", nil, 1, ""},
		"false":            {`{"score": false}`, "", nil, 0, "score is 0, below 1"},
		"partial":          {`{"score": 0.75}`, "", nil, 0.75, "score is 0.75, below 1"},
		"threshold":        {`{"score": 0.75}`, "", ptr(0.7), 0.75, ""},
		"negative":         {`{"score": -2e3}`, "", ptr(-3000.0), -2000, ""},
		"nested":           {`{"a": [{"b": 2}]}`, "a.0.b", nil, 2, ""},
		"past the list":    {`{"a": [1]}`, "a.1", nil, 0, `it has no "a.1"`},
		"negative index":   {`{"a": [1]}`, "a.-1", nil, 0, "it has no"},
		"absent":           {`{"other": 1}`, "", nil, 0, `it has no "score"`},
		"not an object":    {`1`, "", nil, 0, `it has no "score"`},
		"text":             {`{"score": "1"}`, "", nil, 0, "neither a number nor a boolean"},
		"null":             {`{"score": null}`, "", nil, 0, "neither a number nor a boolean"},
		"NaN":              {`{"score": NaN}`, "", nil, 0, "not usable JSON"},
		"infinite":         {`{"score": 1e999}`, "", nil, 0, "beyond"},
		"huge":             {`{"score": 1e16}`, "", nil, 0, "beyond"},
		"many digits":      {`{"score": ` + strings.Repeat("9", 5000) + `}`, "", nil, 0, "beyond"},
		"twice":            {`{"score": 0, "score": 1}`, "", nil, 0, `the name "score" stands twice`},
		"twice, escaped":   {`{"score": 0, "sc\u006fre": 1}`, "", nil, 0, "stands twice"},
		"two documents":    {`{"score": 0}{"score": 1}`, "", nil, 0, "more than one document"},
		"garbage after":    {`{"score": 1} x`, "", nil, 0, "more than one document"},
		"cut":              {`{"score": 1`, "", nil, 0, "not usable JSON"},
		"empty":            {``, "", nil, 0, "it ends early"},
		"deep":             {`{"score": 1, "x": ` + deep + `}`, "", nil, 0, "nested deeper"},
		"deeper than Go":   {strings.Repeat("[", 500_000), "", nil, 0, "not usable JSON"},
		"NUL":              {"\x00", "", nil, 0, "not usable JSON"},
		"too large":        {`{"score": 1, "x": "` + strings.Repeat("x", 1<<20) + `"}`, "", nil, 0, "more than 1048576 bytes"},
		"control in error": {"{\"score\": \x1b[31m}", "", nil, 0, "not usable JSON"},
	} {
		t.Run(name, func(t *testing.T) {
			evidence := newAttempt(t).step(t, "main", 1, "", "").file(t, "out/score.json", test.content)
			got := evidence.score(t, spec.Scorer{Type: spec.ScorerJSONFile, Path: "out/score.json", Field: test.field, Threshold: test.threshold})
			require.Contains(t, got.Explanation, test.want)
			require.Equal(t, test.want == "", got.Passed)
			require.InDelta(t, test.value, got.Value, 0)
		})
	}
}

func TestJSONFileThatWasNotFetched(t *testing.T) {
	sc := spec.Scorer{Type: spec.ScorerJSONFile, Path: "score.json"}
	evidence := newAttempt(t).step(t, "main", 0, "", "")
	require.Contains(t, evidence.score(t, sc).Explanation, "the job did not write it")
	for _, status := range []string{spec.ArtifactMissing, spec.ArtifactTooLarge, spec.ArtifactRefused, spec.ArtifactSkipped, "", "stored"} {
		evidence.artifacts = []spec.Artifact{{Path: "score.json", Status: status, Reason: "a link\nto /etc/passwd\xff"}}
		got := evidence.score(t, sc)
		require.Equal(t, spec.Score{Explanation: got.Explanation}, got, status)
		require.Contains(t, got.Explanation, "not fetched", status)
	}
	evidence.file(t, "/home/daytona/./score.json", `{"score": 1}`) // the same file by its other name
	require.True(t, evidence.score(t, sc).Passed)
}

func TestStoreFaultsAreErrors(t *testing.T) {
	evidence := newAttempt(t).step(t, "main", 0, "some output", "").file(t, "score.json", `{"score": 1}`)
	json := spec.Scorer{Type: spec.ScorerJSONFile, Path: "score.json"}
	evidence.artifacts[0].Ref.SHA256 = strings.Repeat("0", 64)
	_, err := scorer.Score(t.Context(), json, evidence.job, scorer.FromStore(evidence.store, evidence.artifacts))
	require.ErrorIs(t, err, artifact.ErrDigest)
	evidence.artifacts[0].Ref.URI = "store:gone"
	_, err = scorer.Score(t.Context(), json, evidence.job, scorer.FromStore(evidence.store, evidence.artifacts))
	require.ErrorIs(t, err, artifact.ErrNotFound)

	require.NoError(t, evidence.store.FinishStream(t.Context(), evidence.job.Steps[0].Stdout.Prefix, artifact.StreamInfo{BytesTotal: 99, BytesKept: 99}))
	_, err = scorer.Score(t.Context(), spec.Scorer{Type: spec.ScorerRegex, Pattern: "absent"}, evidence.job, scorer.FromStore(evidence.store, nil))
	require.ErrorIs(t, err, artifact.ErrGap)

	cancelled, cancel := context.WithCancel(t.Context())
	cancel()
	flood := newAttempt(t).step(t, "main", 0, strings.Repeat("x", 1<<20), "")
	_, err = scorer.Score(cancelled, spec.Scorer{Type: spec.ScorerRegex, Pattern: "absent"}, flood.job, scorer.FromStore(flood.store, nil))
	require.ErrorIs(t, err, context.Canceled)
}

func TestRegex(t *testing.T) {
	evidence := newAttempt(t).
		step(t, "setup", 0, "PASS early\n", "").
		step(t, "main", 1, "noise \xff\xfe\x00\n"+strings.Repeat("x", 3<<20)+"\nresult: 42", "Traceback\n")
	for name, test := range map[string]struct {
		sc   spec.Scorer
		want string
	}{
		"found at the end, no newline": {spec.Scorer{Pattern: `(?m)^result: \d+$`}, ""},
		"in another step":              {spec.Scorer{Pattern: `^PASS`, Step: "setup"}, ""},
		"in stderr":                    {spec.Scorer{Pattern: `Traceback`, Stream: "stderr"}, ""},
		"not in the last step":         {spec.Scorer{Pattern: `PASS`}, "stdout of step main has no match of the pattern"},
		"not in stderr":                {spec.Scorer{Pattern: `result`, Stream: "stderr"}, "stderr of step main has no match of the pattern"},
		"in nothing":                   {spec.Scorer{Pattern: `x`, Step: "setup", Stream: "stderr"}, "stderr of step setup has no match of the pattern"},
		"nothing in nothing":           {spec.Scorer{Pattern: `^$`, Step: "setup", Stream: "stderr"}, ""},
		"not reached":                  {spec.Scorer{Pattern: `x`, Step: "late"}, "step late was not reached"},
		"bytes":                        {spec.Scorer{Pattern: "\\x00"}, ""},
		"exponential elsewhere":        {spec.Scorer{Pattern: `(x+x+)+y`}, "stdout of step main has no match of the pattern"},
	} {
		t.Run(name, func(t *testing.T) {
			test.sc.Type = spec.ScorerRegex
			got := evidence.score(t, test.sc)
			require.Equal(t, test.want, got.Explanation)
			require.Equal(t, test.want == "", got.Passed)
		})
	}
}

func TestUnfinishedJobsFailWhateverTheyLeft(t *testing.T) {
	full := func() *attempt {
		return newAttempt(t).step(t, "main", 0, "PASS\n", "").file(t, "score.json", `{"score": 1}`)
	}
	scorers := []spec.Scorer{
		{Type: spec.ScorerExitCode}, {Type: spec.ScorerRegex, Pattern: "PASS"}, {Type: spec.ScorerJSONFile, Path: "score.json"},
	}
	for _, sc := range scorers {
		require.True(t, full().score(t, sc).Passed)
		lost := full()
		lost.job.SupervisorLost = true
		require.Zero(t, lost.score(t, sc).Value)
		late := full()
		late.job.Steps[0].TimedOut = true
		require.Zero(t, late.score(t, sc).Value)
		none := full()
		none.job.Steps = nil
		require.Zero(t, none.score(t, sc).Value)
	}
}

func TestUnusableScorers(t *testing.T) {
	evidence := newAttempt(t).step(t, "main", 0, "", "")
	for _, sc := range []spec.Scorer{
		{Type: spec.ScorerRegex, Pattern: "("}, {Type: spec.ScorerCommand, Command: "true"}, {Type: "magic"},
	} {
		_, err := scorer.Score(t.Context(), sc, evidence.job, scorer.FromStore(evidence.store, nil))
		require.ErrorIs(t, err, scorer.ErrSettings, sc.Type)
	}
	_, err := scorer.FromCommand(spec.Scorer{Type: spec.ScorerExitCode}, spec.StepResult{}, nil)
	require.ErrorIs(t, err, scorer.ErrSettings)
}

func TestFromCommand(t *testing.T) {
	ok := spec.StepResult{Name: "score", ExitCode: ptr(0)}
	bad := spec.StepResult{Name: "score", ExitCode: ptr(2)}
	for name, test := range map[string]struct {
		step spec.StepResult
		tail string
		want spec.Score
	}{
		"exit 0":            {ok, "fine\n", spec.Score{Value: 1, Passed: true}},
		"no output":         {ok, "", spec.Score{Value: 1, Passed: true}},
		"a value":           {ok, "log\n{\"value\": 0.25}\n\n", spec.Score{Value: 0.25, Passed: true}},
		"a value, CRLF":     {ok, "log\r\n{\"value\": 0.25}\r\n", spec.Score{Value: 0.25, Passed: true}},
		"not the last line": {ok, "{\"value\": 0.25}\nbye", spec.Score{Value: 1, Passed: true}},
		"exit 2":            {bad, "", spec.Score{Explanation: "the scoring command exited 2"}},
		"exit 2, a value":   {bad, `{"value": 0.5}`, spec.Score{Value: 0.5, Explanation: "the scoring command exited 2"}},
		"exit 2, no value":  {bad, `{"value": "x"}`, spec.Score{Explanation: "the scoring command exited 2"}},
		"no number":         {ok, `{"value": "x"}`, spec.Score{Explanation: `the scoring command's last line: "value" is neither a number nor a boolean`}},
		"cut off":           {ok, `{"value": `, spec.Score{Explanation: "the scoring command's last line: not usable JSON: it ends early"}},
		"timed out":         {spec.StepResult{TimedOut: true}, `{"value": 1}`, spec.Score{Explanation: "the scoring command ran into its time limit"}},
		"no exit code":      {spec.StepResult{}, `{"value": 1}`, spec.Score{Explanation: "the scoring command has no exit code"}},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := scorer.FromCommand(spec.Scorer{Type: spec.ScorerCommand}, test.step, []byte(test.tail))
			require.NoError(t, err)
			requireSane(t, got)
			require.Equal(t, test.want, got)
		})
	}
}

// The source may fail anywhere; that is never a score.
func TestBrokenReadsAreErrors(t *testing.T) {
	job := spec.JobResult{Steps: []spec.StepResult{{Name: "a", ExitCode: ptr(0)}}}
	for _, sc := range []spec.Scorer{{Type: spec.ScorerRegex, Pattern: "P"}, {Type: spec.ScorerJSONFile, Path: "p"}} {
		_, err := scorer.Score(t.Context(), sc, job, breaking{})
		require.ErrorIs(t, err, errBroken, sc.Type)
	}
}

var errBroken = errors.New("the connection broke")

// breaking serves a verdict and then breaks.
type breaking struct{}

func (breaking) OpenStream(context.Context, spec.Stream) (io.ReadCloser, error) {
	return io.NopCloser(&brokenAfter{rest: "no match so far"}), nil
}

func (breaking) OpenFile(context.Context, string) (io.ReadCloser, error) {
	return io.NopCloser(&brokenAfter{rest: `{"score": 1}`}), nil
}

type brokenAfter struct{ rest string }

func (b *brokenAfter) Read(p []byte) (int, error) {
	if b.rest == "" {
		return 0, errBroken
	}
	n := copy(p, b.rest)
	b.rest = b.rest[n:]
	return n, nil
}

func TestAnyEvidenceGivesASaneScore(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		content := rapid.OneOf(
			rapid.SliceOf(rapid.Byte()),
			rapid.Map(rapid.StringMatching(`[{}\[\]":,a score0-9eE.+\-\\u]{0,60}`), func(s string) []byte { return []byte(s) }),
			rapid.Map(rapid.Float64(), func(f float64) []byte { return fmt.Appendf(nil, `{"value": %v}`, f) }),
		).Draw(rt, "content")
		got, err := scorer.FromCommand(spec.Scorer{Type: spec.ScorerCommand}, spec.StepResult{ExitCode: ptr(0)}, content)
		require.NoError(rt, err)
		requireSane(rt, got)
	})
}
