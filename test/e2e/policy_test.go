//go:build linux

package e2e

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/temporal"

	"pitwall/activities"
	"pitwall/internal/policy"
	"pitwall/internal/spec"
	"pitwall/test/harness"
)

const strictPolicy = `version: 1
all:
  max_time_limit: 60s
  network: {mode: allow, domains: ["*.example.org"]}
kinds:
  tool_simulation:
    tools: [search]
    network: {mode: none}
    refuse: {commands: [{name: curl, pattern: '\bcurl\b'}]}
`

// boastful stands before the sandbox server and, once it is told to, says that a sandbox is blocked less than it is.
type boastful struct{ open atomic.Bool }

func (b *boastful) front(t *testing.T) func(string) string {
	return func(server string) string {
		to, err := url.Parse(server)
		require.NoError(t, err)
		proxy := &httputil.ReverseProxy{
			Rewrite: func(r *httputil.ProxyRequest) {
				r.SetURL(to)
				r.Out.Host = r.In.Host // what the server says of itself leads back here
				r.Out.Header.Del("Accept-Encoding")
			},
			ModifyResponse: func(response *http.Response) error {
				if !b.open.Load() || !strings.HasPrefix(response.Request.URL.Path, "/api/sandbox") {
					return nil
				}
				return rewrite(response, `"networkBlockAll":true`, `"networkBlockAll":false`)
			},
		}
		front := httptest.NewServer(proxy)
		t.Cleanup(front.Close)
		return front.URL
	}
}

// rewrite replaces a text in an answer's body.
func rewrite(response *http.Response, from, to string) error {
	body, err := io.ReadAll(io.LimitReader(response.Body, 1<<20))
	if err != nil {
		return err
	}
	response.Body.Close()
	body = bytes.ReplaceAll(body, []byte(from), []byte(to))
	response.Body, response.ContentLength = io.NopCloser(bytes.NewReader(body)), int64(len(body))
	response.Header.Set("Content-Length", strconv.Itoa(len(body)))
	return nil
}

func storedResult(t *testing.T, s *harness.Stack, uri string) spec.EvalResult {
	t.Helper()
	file, err := s.Store.Resolve(t.Context(), uri, "")
	require.NoError(t, err)
	defer file.Close()
	var result spec.EvalResult
	require.NoError(t, json.NewDecoder(file).Decode(&result))
	return result
}

func TestPolicy(t *testing.T) {
	file := filepath.Join(t.TempDir(), "policy.yaml")
	require.NoError(t, os.WriteFile(file, []byte(strictPolicy), 0o600))
	inForce, err := policy.Load(file)
	require.NoError(t, err)
	var provider boastful
	s := harness.Start(t, harness.Options{WorkerEnv: []string{"PITWALL_POLICY_FILE=" + file}, FrontDaytona: provider.front(t)})
	require.Contains(t, s.Workers[0].Tail(), inForce.SHA256(), "the worker's log")

	t.Run("a violation creates nothing", func(t *testing.T) {
		in := harness.Command("curl http://x")
		in.Kind, in.Tools = spec.KindToolSimulation, []string{"shell"}
		in.Sandbox.Network = spec.Network{Mode: spec.NetworkFull}
		in.Job.Steps[0].TimeLimit = spec.Duration(3600e9)
		err := s.Run("refused", in).Get(t.Context(), nil)
		var app *temporal.ApplicationError
		require.ErrorAs(t, err, &app)
		require.Equal(t, activities.ErrTypePolicyViolation, app.Type())
		require.True(t, app.NonRetryable())
		for _, rule := range []string{"max_time_limit", "network.mode", "tools", "refuse.commands.curl"} {
			require.Contains(t, app.Message(), "  "+rule+": ")
		}
		_, stderr, code := s.Starter("run", writeEval(t, "sandbox: {network: {mode: full}}\njob: {steps: [{command: \"true\"}]}\n"))
		require.Equal(t, 3, code, stderr)
		require.Contains(t, stderr, `network.mode: admits allow; sandbox.network.mode asks for "full"`)
		require.Zero(t, s.Ledger().Created, "the server's own record")
		s.AwaitNoLease()
	})
	t.Run("what is admitted says under which policy", func(t *testing.T) {
		in := harness.Command("true")
		in.Kind, in.Tools = spec.KindToolSimulation, []string{"search"}
		result := s.Result(s.Run("admitted", in))
		require.True(t, result.Score.Passed)
		require.Equal(t, inForce.SHA256(), result.PolicySHA256)
	})
	t.Run("a campaign counts a violation as its user's error", func(t *testing.T) {
		campaign := writeCampaign(t, `eval: {kind: tool_simulation, tools: [search], job: {steps: [{command: "{{.command}}", time_limit: 30s}]}}`, commandRows("true", "curl x")...)
		before := s.Ledger().Created
		summary, code := s.RunCampaign(campaign)
		require.Equal(t, 2, code, "coverage is 1/2")
		require.Equal(t, 1, summary.NScored)
		require.Zero(t, summary.NInfraError)
		rows := s.Rows(summary.ResultsURI)
		require.Equal(t, spec.OriginUser, rows[1].Error.Origin)
		require.Equal(t, activities.ErrTypePolicyViolation, rows[1].Error.Type)
		require.Contains(t, rows[1].Error.Message, "refuse.commands.curl")
		require.Equal(t, before+1, s.Ledger().Created)
		stored := storedResult(t, s, rows[1].ResultURI)
		require.Equal(t, inForce.SHA256(), stored.PolicySHA256)
		require.Empty(t, stored.Attempts)
	})
	t.Run("an allow list leads through the proxy alone", func(t *testing.T) {
		in := harness.Command(`python3 - <<'END'
import os, socket, urllib.request
for url in ("http://elsewhere.org/", "http://169.254.169.254/latest/", "http://a.example.org.elsewhere.org/"):
    try: urllib.request.urlopen(url, timeout=30)
    except urllib.error.HTTPError as e: print(e.code, e.read().decode().strip())
try: socket.create_connection(("1.1.1.1", 53), 3)
except OSError as e: print(e.strerror)
END`)
		in.Sandbox.Network = spec.Network{Mode: spec.NetworkAllow, AllowDomains: []string{"a.example.org"}}
		result := s.Result(s.Run("listed", in))
		require.Equal(t, spec.StatusCompleted, result.Status, "%+v", result.Error)
		require.Equal(t, `403 pitwall egress: "elsewhere.org" is not on this sandbox's allow list
403 pitwall egress: address 169.254.169.254 is in no network of this sandbox's allow list
403 pitwall egress: "a.example.org.elsewhere.org" is not on this sandbox's allow list
Network is unreachable
`, result.Job.Steps[0].Stdout.Tail)
	})
	t.Run("a provider that applies less is refused, and nothing runs", func(t *testing.T) {
		provider.open.Store(true)
		defer provider.open.Store(false)
		before := s.Ledger().Created
		result := s.Result(s.Run("weaker", harness.Command("echo ran")))
		require.Equal(t, spec.StatusError, result.Status)
		require.Equal(t, activities.ErrTypePolicyWeaker, result.Error.Type)
		require.Equal(t, spec.OriginUser, result.Error.Origin)
		require.Contains(t, result.Error.Message, "the provider applied no bound")
		require.Nil(t, result.Job)
		require.Equal(t, spec.CleanupProven, result.Cleanup)
		require.Len(t, result.Attempts, 1, "another attempt would be no better")
		require.NotNil(t, result.Attempts[0].Sandboxes[0].Removal)
		require.Equal(t, before+1, s.Ledger().Created)
	})
	require.Empty(t, s.Live())
	s.AwaitNoLease()
}
