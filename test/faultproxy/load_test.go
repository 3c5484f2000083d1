package faultproxy_test

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	fp "pitwall/test/faultproxy"
)

func write(t *testing.T, text string) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "faults.yaml")
	require.NoError(t, os.WriteFile(file, []byte(text), 0o600))
	return file
}

// TestLoad: every key, in YAML and JSON.
func TestLoad(t *testing.T) {
	script, err := fp.Load(write(t, `
seed: 42
rules:
  - fault: delete-stuck
    call: delete
    path: /sandbox/
    labels: {pitwall-managed: "1"}
    after: 2
    count: -1
    probability: 0.5
    delay: 1m30s
    listed: true
  - {"fault": "bad-gateway-after", "status": 503}
  - {fault: slow-body, bytes: 10, delay: 5ms, probability: 1}
`))
	require.NoError(t, err)
	require.Equal(t, fp.Script{Seed: 42, Rules: []fp.Rule{
		{
			Fault: fp.DeleteStuck, Call: fp.Delete, Path: "/sandbox/", Labels: map[string]string{"pitwall-managed": "1"},
			After: 2, Count: -1, Probability: 0.5, Delay: 90 * time.Second, Listed: true,
		},
		{Fault: fp.BadGatewayAfter, Status: 503},
		{Fault: fp.SlowBody, Bytes: 10, Delay: 5 * time.Millisecond, Probability: 1},
	}}, script)
}

// TestLoadErrors: each names rule, key and remedy.
func TestLoadErrors(t *testing.T) {
	for text, want := range map[string][]string{
		"rules: [":                 {"is no YAML"},
		"- fault: quota":           {"is no YAML of the form"},
		"rules: []":                {"rules:", "write at least one"},
		"rules: {fault: quota}":    {"rules:", "is no list"},
		"rule: [{fault: quota}]":   {"rule:", "write seed and rules"},
		"seed: x\nrules: []":       {"seed:", "whole number"},
		"rules: [quota]":           {"rule 1:", "is no mapping"},
		"rules: [{fault: quotas}]": {"rule 1: fault:", `"quotas"`, "quota, no-runners"},
		"rules: [{call: get}]":     {"rule 1: fault:"},
		"rules: [{fault: quota}, {x: 1, y: 2, fault: quota}]": {"rule 2: x:", "y:", "write fault, call"},
		"rules: [{fault: quota, call: delete}]":               {"rule 1: call:", "cannot hit", "[create]"},
		"rules: [{fault: quota, path: '('}]":                  {"rule 1: path:", "regular expression"},
		"rules: [{fault: quota, path: 1}]":                    {"rule 1: path:", "write a text"},
		"rules: [{fault: quota, labels: {a: 1}}]":             {"rule 1: labels: a:", "in quotes"},
		"rules: [{fault: quota, labels: a}]":                  {"rule 1: labels:", "name: value"},
		"rules: [{fault: quota, after: -1}]":                  {"rule 1: after:"},
		"rules: [{fault: quota, count: -2}]":                  {"rule 1: count:", "-1 for every one"},
		"rules: [{fault: quota, count: 1.5}]":                 {"rule 1: count:", "whole number"},
		"rules: [{fault: quota, probability: 2}]":             {"rule 1: probability:"},
		"rules: [{fault: quota, probability: .nan}]":          {"rule 1: probability:"},
		"rules: [{fault: quota, probability: often}]":         {"rule 1: probability:"},
		"rules: [{fault: late-reply}]":                        {"rule 1: delay:", "needs one", "3s"},
		"rules: [{fault: late-reply, delay: 3}]":              {"rule 1: delay:", "with its unit"},
		"rules: [{fault: late-reply, delay: 2h}]":             {"rule 1: delay:", "1h"},
		"rules: [{fault: slow-body, delay: 1s}]":              {"rule 1: bytes:", "from 1"},
		"rules: [{fault: quota, status: 502}]":                {"rule 1: status:", "bad-gateway"},
		"rules: [{fault: bad-gateway-after, status: 200}]":    {"rule 1: status:", "502, 503 or 504"},
		"rules: [{fault: quota, listed: true}]":               {"rule 1: listed:", "delete-stuck"},
		"rules: [{fault: delete-stuck, listed: often}]":       {"rule 1: listed:", "true or false"},
	} {
		file := write(t, text)
		_, err := fp.Load(file)
		require.Error(t, err, text)
		for _, part := range append(want, file) {
			require.ErrorContains(t, err, part, text)
		}
	}
	_, err := fp.Load(filepath.Join(t.TempDir(), "none"))
	require.ErrorIs(t, err, os.ErrNotExist)
	_, err = fp.Load(write(t, string(make([]byte, 2<<20))))
	require.ErrorContains(t, err, "at most")
}

// TestDocumented: doc.go and the page for users have each fault, and the examples are scripts.
func TestDocumented(t *testing.T) {
	table, err := os.ReadFile("doc.go")
	require.NoError(t, err)
	page, err := os.ReadFile("../../docs/local-platform.md")
	require.NoError(t, err)
	for _, info := range fp.Faults() {
		require.Contains(t, string(table), "//\t"+string(info.Name)+" ")
		require.Contains(t, string(page), "`"+string(info.Name)+"`")
	}
	examples, err := filepath.Glob("../../examples/faults/*.yaml")
	require.NoError(t, err)
	require.NotEmpty(t, examples)
	for _, example := range examples {
		_, err := fp.Load(example)
		require.NoError(t, err)
	}
}
