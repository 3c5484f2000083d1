package docs

import (
	"encoding/json"
	"os"
	"os/exec"
	"regexp"
	"testing"

	"github.com/stretchr/testify/require"

	"pitwall/internal/spec"
)

// The page shows the TypeScript that the tests run.
func TestMAMSTypeScriptIsTheExample(t *testing.T) {
	page, err := os.ReadFile("mams.md")
	require.NoError(t, err)
	example, err := os.ReadFile("../examples/mams/typescript/evaluate.ts")
	require.NoError(t, err)
	require.Contains(t, string(page), "```ts\n"+string(example)+"```\n")
}

// TestMAMSPython: the Python of the page is Python, and the input in it is one that a worker takes.
func TestMAMSPython(t *testing.T) {
	if _, err := exec.LookPath("python3"); err != nil {
		t.Skip("not run: the check of Python in docs/mams.md needs python3")
	}
	page, err := os.ReadFile("mams.md")
	require.NoError(t, err)
	block := regexp.MustCompile("(?s)```python\n(.*?)```").FindSubmatch(page)
	require.NotNil(t, block)
	// It is parsed, not run: the value of EVAL is a literal.
	const extract = `
import ast, json, sys
for node in ast.parse(sys.stdin.read()).body:
    if isinstance(node, ast.Assign) and node.targets[0].id == "EVAL":
        print(json.dumps(ast.literal_eval(node.value)))
`
	python := exec.CommandContext(t.Context(), "python3", "-c", extract)
	stdin, err := python.StdinPipe()
	require.NoError(t, err)
	go func() { _, _ = stdin.Write(block[1]); _ = stdin.Close() }()
	input, err := python.Output()
	require.NoError(t, err)
	require.True(t, json.Valid(input))
	in, err := spec.DecodeEval(input)
	require.NoError(t, err)
	require.NoError(t, in.WithDefaults(spec.Defaults{}).Validate())
}
