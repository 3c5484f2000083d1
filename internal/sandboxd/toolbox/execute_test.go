//go:build linux

package toolbox

import (
	"context"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestExecute(t *testing.T) {
	a := startAgent(t)
	long := strings.Repeat("x", 1<<20)
	for name, test := range map[string]struct {
		req  executeRequest
		want executeResponse
	}{
		"merges output and errors":        {executeRequest{Command: "echo out; echo err >&2"}, executeResponse{0, "out\nerr\n"}},
		"reports the exit code":           {executeRequest{Command: "exit 7"}, executeResponse{7, ""}},
		"starts in the home":              {executeRequest{Command: "pwd"}, executeResponse{0, a.home + "\n"}},
		"takes an absolute cwd":           {executeRequest{Command: "pwd", Cwd: "/usr"}, executeResponse{0, "/usr\n"}},
		"passes variables":                {executeRequest{Command: `echo "$A"`, Envs: map[string]string{"A": "b c"}}, executeResponse{0, "b c\n"}},
		"says -1 for a signal":            {executeRequest{Command: "echo before; kill -9 $$"}, executeResponse{-1, "before\n"}},
		"reads the rest from its input":   {executeRequest{Command: "cat\nthe rest"}, executeResponse{0, "the rest\n"}},
		"takes a script past ARG_MAX":     {executeRequest{Command: "n=$(printf %s " + long + " | wc -c); echo $n"}, executeResponse{0, "1048576\n"}},
		"replaces what is not UTF-8":      {executeRequest{Command: `printf 'a\377b'`}, executeResponse{0, "a\uFFFDb"}},
		"keeps NUL and a missing newline": {executeRequest{Command: `printf 'a\0b'`}, executeResponse{0, "a\x00b"}},
	} {
		t.Run(name, func(t *testing.T) {
			a.t = t
			require.Equal(t, test.want, a.execute(test.req))
		})
	}
}

func TestExecuteRefusesBadRequests(t *testing.T) {
	a := startAgent(t)
	a.refuse("POST", "/process/execute", executeRequest{Command: "  "}, 400, "BAD_REQUEST")
	a.refuse("POST", "/process/execute", executeRequest{Command: "true", Timeout: -1}, 400, "BAD_REQUEST")
	a.refuse("POST", "/process/execute", executeRequest{Command: "true", Envs: map[string]string{"A=B": ""}}, 400, "BAD_REQUEST")
	a.refuse("POST", "/process/execute", executeRequest{Command: "true", Envs: map[string]string{"A": "\x00"}}, 400, "BAD_REQUEST")
	a.refuse("POST", "/process/execute", []int{}, 400, "INVALID_REQUEST_BODY")
	got := a.do("POST", "/process/execute", strings.NewReader(`{"command":"true"}`), HeaderUser, "mallory")
	require.Equal(t, 400, got.status)
}

func TestExecuteSaysMinusOneForABadCwd(t *testing.T) {
	got := startAgent(t).execute(executeRequest{Command: "true", Cwd: "/no/such/dir"})
	require.Equal(t, -1, got.ExitCode)
	require.Contains(t, got.Result, "fork/exec")
	require.Contains(t, got.Result, "no such file or directory")
}

func TestExecuteKillsTheGroupAtItsTimeout(t *testing.T) {
	a := startAgent(t)
	a.refuse("POST", "/process/execute", executeRequest{Command: "sleep 600 & echo $! >pid; wait", Timeout: 1}, 408, "PROCESS_EXECUTION_TIMEOUT")
	pid, err := os.ReadFile(filepath.Join(a.home, "pid"))
	require.NoError(t, err)
	eventually(t, func() bool {
		text, err := os.ReadFile("/proc/" + strings.TrimSpace(string(pid)) + "/stat")
		return err != nil || strings.Contains(string(text), ") Z ")
	}, "the child lives on")
}

func TestExecuteAnswersAtItsTimeoutThoughAnEscapedChildHoldsTheOutput(t *testing.T) {
	a := startAgent(t)
	a.refuse("POST", "/process/execute", executeRequest{Command: "setsid sleep 5 & sleep 600", Timeout: 1}, 408, "PROCESS_EXECUTION_TIMEOUT")
}

func TestExecuteWaitsForWhoeverHoldsTheOutput(t *testing.T) {
	got := startAgent(t).execute(executeRequest{Command: "(sleep 0.3; echo late) & echo early"})
	require.Equal(t, "early\nlate\n", got.Result)
}

func TestExecuteBoundsOutput(t *testing.T) {
	got := startAgent(t).execute(executeRequest{Command: "head -c 6000000 /dev/zero | tr '\\0' x"})
	require.Zero(t, got.ExitCode)
	require.Equal(t, strings.Repeat("x", maxOutputBytes)+"\n[output truncated: the first 4194304 of 6000000 bytes]\n", got.Result)
}

func TestExecuteGoesOnWithoutItsClient(t *testing.T) {
	a := startAgent(t)
	ctx, cancel := context.WithCancel(t.Context())
	req, err := http.NewRequestWithContext(ctx, "POST", "http://sandbox/process/execute",
		strings.NewReader(`{"command":"touch started; while [ ! -e go ]; do sleep 0.01; done; touch done"}`))
	require.NoError(t, err)
	gone := make(chan struct{})
	go func() {
		defer close(gone)
		if resp, err := a.client.Do(req); err == nil {
			resp.Body.Close()
		}
	}()
	exists := func(name string) func() bool {
		return func() bool { _, err := os.Stat(filepath.Join(a.home, name)); return err == nil }
	}
	eventually(t, exists("started"), "the command does not start")
	cancel()
	<-gone
	require.NoError(t, os.WriteFile(filepath.Join(a.home, "go"), nil, 0o600))
	eventually(t, exists("done"), "the command ended with its client")
}

func TestCommandsDoNotInheritTheAgentsEnvironment(t *testing.T) {
	t.Setenv("AGENT_SECRET", "visible")
	require.NotContains(t, startAgent(t).execute(executeRequest{Command: "env"}).Result, "AGENT_SECRET")
}

func TestEnvironment(t *testing.T) {
	a := startAgent(t)
	a.json("POST", "/env", updateEnvRequest{Set: map[string]string{"A": "1", "B": "secret:2"}}, 200, nil)
	require.Equal(t, "1 secret:2\n", a.execute(executeRequest{Command: "echo $A $B"}).Result)
	a.json("POST", "/env", updateEnvRequest{Unset: []string{"A"}, UnsetValuePrefix: "secret:"}, 200, nil)
	require.Equal(t, "- -\n", a.execute(executeRequest{Command: "echo ${A-'-'} ${B-'-'}"}).Result)
	a.refuse("POST", "/env", updateEnvRequest{Set: map[string]string{"1A": ""}}, 400, "BAD_REQUEST")
}

func TestCodeRun(t *testing.T) {
	a := startAgent(t)
	run := func(language, code string, argv ...string) codeRunResponse {
		var resp codeRunResponse
		a.json("POST", "/process/code-run", codeRunRequest{Language: language, Code: code, Argv: argv}, 200, &resp)
		return resp
	}
	require.Equal(t, codeRunResponse{ExitCode: 3, Result: "['-', 'a', 'y z']\n"}, run("python", "import sys; print(sys.argv); sys.exit(3)", "a", "y z"))
	require.Equal(t, codeRunResponse{Result: "2 y z\n"}, run("bash", "echo $# $2", "a", "y z"))
	charts := run("python", `print("a"); print('`+chartPrefix+`{"type":"chart","value":{"title":"t"}}'); print("`+chartPrefix+`b")`)
	require.Equal(t, "a\n"+chartPrefix+"b\n", charts.Result)
	require.JSONEq(t, `{"title":"t"}`, string(charts.Artifacts.Charts[0]))
	a.refuse("POST", "/process/code-run", codeRunRequest{Language: "cobol"}, 400, "BAD_REQUEST")
	a.refuse("POST", "/process/code-run", codeRunRequest{Language: "bash", Code: "sleep 600", Timeout: 1}, 408, "PROCESS_EXECUTION_TIMEOUT")
}

// TestCodeRunFindsInterpreters has stand-ins on PATH for what a machine may lack.
func TestCodeRunFindsInterpreters(t *testing.T) {
	a := startAgent(t)
	bin := filepath.Join(a.home, "bin")
	require.NoError(t, os.Mkdir(bin, 0o755))
	a.json("POST", "/env", updateEnvRequest{Set: map[string]string{"PATH": bin + ":/usr/bin:/bin"}}, 200, nil)
	tool := func(name, script string) {
		require.NoError(t, os.WriteFile(filepath.Join(bin, name), []byte("#!/bin/sh\n"+script), 0o755))
	}
	run := func(language string) (resp codeRunResponse) {
		a.json("POST", "/process/code-run", codeRunRequest{Language: language, Code: "code", Argv: []string{"x"}}, 200, &resp)
		return resp
	}
	tool("node", "exit 9") // as one that knows no --experimental-strip-types
	a.refuse("POST", "/process/code-run", codeRunRequest{Language: "typescript", Code: "code"}, 400, "BAD_REQUEST")
	tool("node", `[ "$2" = -e ] || { [ "$1" = - ] && cat || cat "$3"; }`)
	require.Equal(t, "process.argv.splice(1,1);code", run("javascript").Result)
	require.Equal(t, "code", run("typescript").Result)
	tool("ts-node", `echo "$1 ${3}"; cat "$2"`)
	require.Equal(t, "-T x\ncode", run("typescript").Result)
}
