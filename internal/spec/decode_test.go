package spec

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

const smallest = `{"job": {"steps": [{"command": "true"}]}}`

func problemsOf(t *testing.T, err error) []Problem {
	t.Helper()
	var invalid *InvalidInput
	require.ErrorAs(t, err, &invalid)
	return invalid.Problems
}

func TestDecodeEvalReadsYAMLAndJSONAlike(t *testing.T) {
	fromYAML, err := DecodeEval([]byte("name: hello\njob:\n  steps:\n  - command: echo hi\n    time_limit: 90s\n    env: {DEBUG: 010, ANSWER: yes}\n"))
	require.NoError(t, err)
	fromJSON, err := DecodeEval([]byte(`{"name":"hello","job":{"steps":[{"command":"echo hi","time_limit":"90s","env":{"DEBUG":"010","ANSWER":"yes"}}]}}`))
	require.NoError(t, err)
	require.Equal(t, fromJSON, fromYAML)
	require.Equal(t, 90*time.Second, fromYAML.Job.Steps[0].TimeLimit.Std())
	require.Equal(t, InputDigest(fromJSON), InputDigest(fromYAML))
}

func TestDecodeEvalKeepsJSONStringsExactly(t *testing.T) {
	in, err := DecodeEval([]byte(`{"job":{"steps":[{"command":"\ud83d\ude00 \/ \u0001"}]}}`))
	require.NoError(t, err)
	require.Equal(t, "😀 / \u0001", in.Job.Steps[0].Command)
}

func TestDecodeEvalReportsEverythingAtOnceWithLines(t *testing.T) {
	_, err := DecodeEval([]byte(`name: hello
max_attempts: 010
sandbox:
  ttl: 90
  netwrk: none
job:
  steps:
  - command: a
    code: b
  - comand: x
  - command: ok
    continue: yes
    time_limit: 25h
`))
	got := problemsOf(t, err)
	type where struct {
		path string
		line int
	}
	var at []where
	for _, p := range got {
		at = append(at, where{p.Path, p.Line})
	}
	require.ElementsMatch(t, []where{
		{"max_attempts", 2},
		{"sandbox.ttl", 4},
		{"sandbox.netwrk", 5},
		{"job.steps[0]", 8},
		{"job.steps[1].comand", 10},
		{"job.steps[2].continue", 12},
		{"job.steps[2].time_limit", 13},
	}, at)
	require.Contains(t, err.Error(), `line 10: job.steps[1].comand: unknown field "comand": the fields here are name, command`)
}

func TestDecodeEvalRefuses(t *testing.T) {
	cases := map[string]struct{ data, want string }{
		"an empty file":      {"", "the file is empty"},
		"a comment only":     {"# nothing\n", "the file is empty"},
		"a list":             {"[1]", "want an object"},
		"a scalar":           {"hello", "want an object"},
		"broken YAML":        {"job: [", "not YAML"},
		"two documents":      {"name: a\n---\nname: b\n", "more than one YAML document"},
		"an alias":           {"name: &n x\nsession_id: *n\n" + "job: {steps: [{command: x}]}", "anchors and aliases"},
		"a tag":              {"name: !!binary aGk=\njob: {steps: [{command: x}]}", "tags such as"},
		"a duplicate key":    {`{"name":"a","name":"b","job":{"steps":[{"command":"x"}]}}`, "given twice"},
		"a key's other case": {`{"Name":"a","job":{"steps":[{"command":"x"}]}}`, `unknown field "Name"`},
		"a number as a text": {`{"name":5,"job":{"steps":[{"command":"x"}]}}`, "want a text in quotes"},
		"a text as a number": {`{"max_attempts":"3","job":{"steps":[{"command":"x"}]}}`, "want a whole decimal number"},
		"hex":                {"max_attempts: 0x3\njob: {steps: [{command: x}]}", "want a whole decimal number"},
		"infinity":           {"scorer: {type: json_file, path: s, threshold: .inf}\njob: {steps: [{command: x}]}", "want a decimal number"},
		"a bare template":    {"job: {steps: [{command: {{.x}} }]}", "(a template begins with {{, which YAML reads as an object)"},
		"an empty variable":  {"job: {steps: [{command: x}], env: {A: }}", `write "" for an empty one`},
		"deep nesting":       {strings.Repeat("[", 500) + strings.Repeat("]", 500), "want an object"},
		"a huge file":        {"name: " + strings.Repeat("x", MaxSpecBytes), "is more than the"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			_, err := DecodeEval([]byte(c.data))
			problemsOf(t, err)
			require.ErrorContains(t, err, c.want)
		})
	}
}

func TestUnmarshalJSONRefusesUnknownFieldsAtAnyDepth(t *testing.T) {
	var in EvalInput
	err := json.Unmarshal([]byte(`{"job":{"steps":[{"command":"x","timeout":"5s"}]}}`), &in)
	require.ErrorContains(t, err, `job.steps[0].timeout: unknown field "timeout"`)

	var campaign CampaignInput
	err = json.Unmarshal([]byte(`{"dataset":{"uri":"x"},"eval":{"job":{"steps":[{"command":"x"}]},"scorer":{"kind":"regex"}}}`), &campaign)
	require.ErrorContains(t, err, `eval.scorer.kind: unknown field "kind"`)
	var invalid *InvalidInput
	require.ErrorAs(t, err, &invalid)
}

func TestJSONRoundTrip(t *testing.T) {
	in, err := DecodeEval([]byte(smallest))
	require.NoError(t, err)
	full := in.WithDefaults(Defaults{})
	data, err := json.Marshal(full)
	require.NoError(t, err)
	var back EvalInput
	require.NoError(t, json.Unmarshal(data, &back))
	require.Equal(t, full, back)
}

func TestOverrideMerges(t *testing.T) {
	in := EvalInput{Sandbox: Sandbox{Image: "a", Env: map[string]string{"A": "1"}, Resources: &Resources{CPU: 1, DiskGiB: 3}}}
	out, err := in.Override([]byte(`{"sandbox":{"env":{"B":"2"},"resources":{"cpu":4}}}`))
	require.NoError(t, err)
	require.Equal(t, Sandbox{Image: "a", Env: map[string]string{"A": "1", "B": "2"}, Resources: &Resources{CPU: 4, DiskGiB: 3}}, out.Sandbox)
	require.Equal(t, 1, in.Sandbox.Resources.CPU, "the input is left alone")
	_, err = in.Override([]byte(`{"sandbox":{"cpu":4}}`))
	require.ErrorContains(t, err, "sandbox.cpu: unknown field")
}
