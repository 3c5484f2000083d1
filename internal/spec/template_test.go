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

// Numbers of a row compare and format as numbers, and print as they stand in the row.
func TestNumbersOfARow(t *testing.T) {
	row := map[string]any{"n": json.Number("0"), "i": json.Number("7"), "f": json.Number("0.5"), "version": json.Number("3.10"), "exp": json.Number("1E2"), "minus": json.Number("-0"), "whole": json.Number("1.0"), "nil": json.Number("0.0")}
	for text, want := range map[string]string{
		`{{if .n}}yes{{else}}no{{end}}`:                                          "no",
		`{{printf "%03d" .i}}`:                                                   "007",
		`{{printf "%.2f" .f}}`:                                                   "0.50",
		`{{if eq .i 7}}seven{{end}}`:                                             "seven",
		`{{if gt .i 10}}big{{else}}small{{end}}`:                                 "small",
		`{{if lt .f 0.6}}less{{end}}`:                                            "less",
		`{{if gt .whole 0.5}}over{{end}}`:                                        "over",
		`{{if .nil}}yes{{else}}no{{end}}`:                                        "no",
		`{{printf "%.2f" .whole}} {{.whole}} {{json .whole}} {{shquote .whole}}`: "1.00 1.0 1.0 '1.0'",
		`{{.i}} {{.f}} {{.version}} {{.exp}} {{.minus}} {{shquote .f}} {{json .version}}`: "7 0.5 3.10 1E2 -0 '0.5' 3.10",
	} {
		got, err := RenderText("x", text, row)
		require.NoError(t, err, text)
		require.Equal(t, want, got, text)
	}
	rapid.Check(t, func(t *rapid.T) {
		number := json.Number(rapid.StringMatching(`-?(0|[1-9][0-9]{0,20})(\.[0-9]{1,20})?([eE][+-]?[0-9]{1,3})?`).Draw(t, "number"))
		got, err := RenderText("x", "{{.n}}", map[string]any{"n": number})
		require.NoError(t, err)
		require.Equal(t, number.String(), got)
	})
}
