package spec

import (
	"encoding/json"
	"os/exec"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

func TestRenderFillsEveryText(t *testing.T) {
	tmpl, err := EvalTemplate{
		Sandbox: Sandbox{Image: "python:{{.version}}", Env: map[string]string{"ID": "{{.sample_id}}"}},
		Inputs:  Inputs{Files: []File{{Path: "tests.json", Content: "{{json .tests}}"}, {Path: "raw", ContentBase64: "{{b64 .raw}}"}}},
		Job:     Job{Steps: []Step{{Command: "echo {{shquote .say}}"}, {Code: "{{.none}}{{.tests}} {{.big}}{{if .none}}x{{end}}"}}},
		Scorer:  &Scorer{Type: ScorerRegex, Pattern: "{{.want}}"},
	}.Compile()
	require.NoError(t, err)
	got, err := tmpl.Render(map[string]any{
		"version": json.Number("3.10"), "sample_id": "a", "tests": []any{"<x>", json.Number("1")}, "raw": "\x00",
		"say": "it's", "want": "^ok$", "none": nil, "big": json.Number("12345678901234567890"),
	})
	require.NoError(t, err)
	require.Equal(t, "python:3.10", got.Sandbox.Image)
	require.Equal(t, map[string]string{"ID": "a"}, got.Sandbox.Env)
	require.Equal(t, `["<x>",1]`, got.Inputs.Files[0].Content)
	require.Equal(t, "AA==", got.Inputs.Files[1].ContentBase64)
	require.Equal(t, `echo 'it'\''s'`, got.Job.Steps[0].Command)
	require.Equal(t, `["<x>",1] 12345678901234567890`, got.Job.Steps[1].Code)
	require.Equal(t, "^ok$", got.Scorer.Pattern)
	again, err := tmpl.Render(map[string]any{"version": "4", "sample_id": "b", "tests": 1, "raw": "", "say": "", "want": "", "none": 1, "big": 1})
	require.NoError(t, err)
	require.Equal(t, "python:4", again.Sandbox.Image)
	require.Equal(t, "python:3.10", got.Sandbox.Image, "trials share nothing")
}

func TestRenderNamesTheMissingField(t *testing.T) {
	tmpl, err := EvalTemplate{Job: Job{Steps: []Step{{Command: "x"}, {Command: "echo {{.promt}}"}}}}.Compile()
	require.NoError(t, err)
	_, err = tmpl.Render(map[string]any{"prompt": "x", "id": "y"})
	require.EqualError(t, err, `eval.job.steps[1].command: the template names the field "promt", and the fields are id, prompt`)
	var failed *RenderError
	require.ErrorAs(t, err, &failed)
}

func TestRenderIsBounded(t *testing.T) {
	tmpl, err := EvalTemplate{Name: `{{range $i := .n}}{{$.text}}{{end}}`}.Compile()
	require.NoError(t, err)
	_, err = tmpl.Render(map[string]any{"n": make([]any, 5000), "text": strings.Repeat("x", 1000)})
	require.ErrorContains(t, err, "store the data and give its uri")
}

// A value that is quoted reaches a real shell as it was, whatever is in it.
func TestShquoteSurvivesTheShell(t *testing.T) {
	sh, err := exec.LookPath("sh")
	require.NoError(t, err)
	rapid.Check(t, func(t *rapid.T) {
		value := strings.ReplaceAll(rapid.String().Draw(t, "value"), "\x00", "")
		out, err := exec.Command(sh, "-c", "printf %s "+shquote(value)).Output()
		require.NoError(t, err)
		require.Equal(t, value, string(out))
	})
}
