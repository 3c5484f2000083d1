//go:build linux

package e2e

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/temporal"

	"pitwall/activities"
	"pitwall/internal/daytona"
	"pitwall/internal/report"
	"pitwall/internal/spec"
	"pitwall/test/galileoreceiver"
	"pitwall/test/harness"
	"pitwall/test/otlpreceiver"
	"pitwall/test/sentryingest"
)

// The sentinels: an API key in the environment, and a file with characters that every encoding escapes.
const (
	envSentinel  = "sentinel/of+the env=3141592653"
	fileSentinel = `sentinel "of the file" \ <2718281828>`
)

func digestOf(text string) string {
	sum := sha256.Sum256([]byte(text))
	return hex.EncodeToString(sum[:])
}

// leaks prints and keeps its secrets in every way that it can think of.
const leaks = `
import base64, json, os, sys, time, urllib.parse
env, file = os.environ['ENV_KEY'], open('keys/file').read()
for text in (env, file):
    raw = text.encode()
    for form in (text, json.dumps({'k': text}), json.dumps(json.dumps(text)), urllib.parse.quote(text, safe=''), urllib.parse.quote_plus(text), raw.hex(), raw.hex().upper(),
                 base64.b64encode(raw).decode(), base64.b64encode(b'x' + raw).decode(), base64.urlsafe_b64encode(b'xy' + raw).decode(), repr({'k': text})):
        print('before', form, 'after')
        print('before', form, 'after', file=sys.stderr)
    sys.stdout.write(text[:9]); sys.stdout.flush(); time.sleep(2.5)  # a copy of the stream is taken in between
    sys.stdout.write(text[9:] + '\n')
os.makedirs('out', exist_ok=True)
json.dump({'score': 1, 'why': env}, open('out/score.json', 'w'))
open('out/log.txt', 'w').write('x' * 70000 + env + '\n' + file + '\nurl postgres://app:c0rrect-horse-battery@db/app\n')
open('out/binary', 'wb').write(bytes(range(256)) * 300 + env.encode() + bytes(range(256)))
open('out/' + env.replace('/', '_') + '-' + base64.b64encode(env.encode()).decode(), 'w').write('named after a secret')
open('out/two-' + env.replace('/', '%2F').replace('+', '%2B').replace(' ', '+').replace('=', '%3D'), 'w').write('one')
raise RuntimeError('an exception with ' + env + ' and ' + file)
`

func secretsStack(t *testing.T, env ...string) *harness.Stack {
	t.Helper()
	folder := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(folder, "file-key"), []byte(fileSentinel+"\n"), 0o600))
	return harness.Start(t, harness.Options{FrontDaytona: quotes(t), WorkerEnv: append(env,
		"PITWALL_SECRET_ENV_KEY="+envSentinel, "PITWALL_SECRETS_DIR="+folder, "PITWALL_LOG_LEVEL=debug")})
}

func TestSecretsReachTheirStepsAndNothingElse(t *testing.T) {
	receiver, errors, evals := otlpreceiver.Start(t), sentryingest.Start(t), galileoreceiver.Start(t)
	s := secretsStack(t, append(evals.Env(), "OTEL_EXPORTER_OTLP_ENDPOINT="+receiver.URL, "SENTRY_DSN="+errors.DSN)...)
	search := harness.NewSearch(map[string]string{"ENV_KEY": envSentinel, "file-key": fileSentinel})
	secrets := []spec.Secret{{Name: "ENV_KEY"}, {Name: "file-key", File: "keys/file"}}

	t.Run("a step sees what it names", func(t *testing.T) { aStepSeesWhatItNames(t, s, secrets) })
	t.Run("what leaks is redacted", func(t *testing.T) { whatLeaksIsRedacted(t, s, secrets, search) })
	t.Run("reports have none", func(t *testing.T) { reportsHaveNone(t, s, search) })
	t.Run("a step goes on after its worker's death", func(t *testing.T) { redactedAfterADeath(t, s, secrets) })
	t.Run("an unknown one is named before anything is created", func(t *testing.T) {
		in := harness.Command("true")
		in.Job.Secrets = []spec.Secret{{Name: "NOT_THERE"}}
		err := s.Run("unknown", in).Get(t.Context(), nil)
		var app *temporal.ApplicationError
		require.ErrorAs(t, err, &app)
		require.Equal(t, activities.ErrTypeSecretMissing, app.Type())
		require.ErrorContains(t, err, `find secret "NOT_THERE": this worker has none of that name: set PITWALL_SECRET_NOT_THERE, or write the file`)
		require.Empty(t, s.Live())
	})
	t.Run("a failure quotes one", func(t *testing.T) { aFailureQuotesASecret(t, s, errors, evals) })
	search.EverywhereOf(s)
	for _, envelope := range errors.Envelopes() {
		search.In("Sentry's envelopes", "envelope", envelope)
	}
	for _, body := range evals.Bodies() {
		search.In("traces to Galileo", "trace", body)
	}
	for _, span := range receiver.Spans() {
		search.In("spans", span.Name, fmt.Appendf(nil, "%+v", span))
	}
	require.Empty(t, search.Found)
	for place, items := range search.Items {
		t.Logf("%s: %d items, %d bytes, no sentinel", place, items, search.Bytes[place])
	}
	for _, place := range []string{"log lines", "stored objects", "events of histories", "spans", "metrics", "output of the command line", "reports", "Sentry's envelopes", "traces to Galileo"} {
		require.Positive(t, search.Items[place], place)
	}
}

// quotes stands before the provider, and refuses the sandbox of the eval "quoted" with a secret in its words.
func quotes(t *testing.T) func(string) string {
	t.Helper()
	return func(server string) string {
		target, err := url.Parse(server)
		require.NoError(t, err)
		proxy := &httputil.ReverseProxy{
			Rewrite:  func(r *httputil.ProxyRequest) { r.SetURL(target); r.Out.Host = r.In.Host },
			ErrorLog: log.New(io.Discard, "", 0), // of calls that the test cuts off
		}
		front := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.Method == http.MethodPost && strings.HasSuffix(r.URL.Path, "/api/sandbox") {
				body, _ := io.ReadAll(r.Body)
				if bytes.Contains(body, []byte(`"quoted"`)) {
					w.Header().Set("Content-Type", "application/json")
					w.WriteHeader(http.StatusBadRequest)
					fmt.Fprintf(w, `{"statusCode":400,"message":%q}`, "this will not do: "+envSentinel)
					return
				}
				r.Body = io.NopCloser(bytes.NewReader(body))
			}
			proxy.ServeHTTP(w, r)
		}))
		t.Cleanup(front.Close)
		return front.URL
	}
}

func aFailureQuotesASecret(t *testing.T, s *harness.Stack, errors *sentryingest.Ingest, evals *galileoreceiver.Receiver) {
	t.Helper()
	result := s.Result(s.Run("quoted", harness.Command("true")))
	require.Equal(t, spec.StatusError, result.Status)
	require.Contains(t, result.Error.Message, "this will not do: [REDACTED:ENV_KEY]")
	s.Eventually("its error and its trace come", func(context.Context) bool {
		return len(reportsOf(errors, "quoted")) > 0 && traceOf(evals, "quoted") != nil
	})
	require.Contains(t, reportsOf(errors, "quoted")[0].Exception[0].Value, "this will not do: [REDACTED:ENV_KEY]")
	require.Contains(t, traceOf(evals, "quoted")[0].Error, "this will not do: [REDACTED:ENV_KEY]")
}

func aStepSeesWhatItNames(t *testing.T, s *harness.Stack, secrets []spec.Secret) {
	t.Helper()
	in := spec.EvalInput{Job: spec.Job{Steps: []spec.Step{
		{Name: "named", Secrets: secrets, Command: `printf %s "$ENV_KEY" | sha256sum; sha256sum <keys/file; stat -c %a keys/file
			printf %s "$ENV_KEY" | cut -c1-12 >piece
			env | grep -c '^PITWALL_SECRET_'; cat /proc/*/environ 2>/dev/null | tr '\000' '\n' | grep -c '^PITWALL_SECRET_'
			cat /proc/*/cmdline 2>/dev/null | tr '\000' ' ' | grep -cFf piece; grep -rlFf piece /var/tmp/.pitwall 2>/dev/null | wc -l; true`},
		{Name: "other", Command: `echo "[$ENV_KEY]"; ls keys; cat /proc/*/environ 2>/dev/null | grep -caFf piece; true`},
	}}}
	result := s.Result(s.Run("named", in))
	require.Equal(t, spec.StatusCompleted, result.Status, "%+v", result.Error)
	require.Len(t, result.Job.Steps, 2)
	require.Equal(t, digestOf(envSentinel)+"  -\n"+digestOf(fileSentinel)+"  -\n600\n0\n0\n0\n0\n", result.Job.Steps[0].Stdout.Tail)
	require.Equal(t, "[]\n0\n", result.Job.Steps[1].Stdout.Tail)
}

func whatLeaksIsRedacted(t *testing.T, s *harness.Stack, secrets []spec.Secret, search *harness.Search) {
	t.Helper()
	in := spec.EvalInput{
		Job:       spec.Job{Secrets: secrets, Steps: []spec.Step{{Name: "leak", Code: leaks}}},
		Artifacts: []spec.ArtifactRule{{Path: "out/**", When: spec.WhenAlways}, {Path: "keys/*", When: spec.WhenAlways}},
		Scorer:    &spec.Scorer{Type: spec.ScorerRegex, Pattern: "before .* after", Stream: spec.StreamStdout},
	}
	file := filepath.Join(t.TempDir(), "leak.json")
	text, err := json.Marshal(in)
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(file, text, 0o600))
	stdout, stderr, _ := s.Starter("run", file, "-o", "json")
	search.In("output of the command line", "run", []byte(stdout+stderr))
	var result spec.EvalResult
	require.NoError(t, json.Unmarshal([]byte(stdout), &result), stdout)
	for _, args := range [][]string{{"logs", result.EvalID}, {"artifacts", "list", result.EvalID}} {
		stdout, stderr, code := s.Starter(args...)
		require.Zero(t, code, stderr)
		search.In("output of the command line", args[0], []byte(stdout+stderr))
	}
	require.Equal(t, spec.StatusCompleted, result.Status, "%+v", result.Error)
	leaked := read(t, s, result.Job.Steps[0].Stdout)
	require.Equal(t, 22, strings.Count(leaked, "before "), leaked)
	require.Equal(t, 24, strings.Count(leaked, "[REDACTED:"), leaked)
	require.Equal(t, result.Job.Steps[0].Stdout.BytesKept, int64(len(leaked)))
	require.NotEqual(t, result.Job.Steps[0].Stdout.BytesTotal, result.Job.Steps[0].Stdout.BytesKept)
	require.False(t, result.Job.Steps[0].Stdout.Truncated)
	require.Contains(t, result.Job.Steps[0].Stderr.Tail, "an exception with [REDACTED:ENV_KEY] and [REDACTED:file-key]")
	content := map[string]string{}
	for _, kept := range result.Artifacts {
		if kept.Ref != nil {
			body, err := s.Store.Resolve(t.Context(), kept.Ref.URI, kept.Ref.SHA256)
			require.NoError(t, err)
			data, err := io.ReadAll(body)
			require.NoError(t, err)
			body.Close()
			content[strings.TrimPrefix(kept.Path, "/home/daytona/")] = string(data)
		}
		require.NotContains(t, kept.Path, "keys/file", "the file is gone before artifacts are fetched")
	}
	all := string(bytes.Repeat(allBytes(), 300))
	require.Equal(t, all+"[REDACTED:ENV_KEY]"+string(allBytes()), content["out/binary"], "every other byte is as it was")
	require.Equal(t, strings.Repeat("x", 70000)+"[REDACTED:ENV_KEY]\n[REDACTED:file-key]\nurl postgres://app:[REDACTED:url-password]@db/app\n", content["out/log.txt"])
}

// reportsHaveNone runs a campaign that leaks, and searches its report in every form.
func reportsHaveNone(t *testing.T, s *harness.Stack, search *harness.Search) {
	t.Helper()
	leak, err := json.Marshal(leaks)
	require.NoError(t, err)
	file := writeCampaign(t, `eval: {job: {secrets: [{name: ENV_KEY}, {name: file-key, file: keys/file}], steps: [{name: leak, code: `+string(leak)+
		`}]}, artifacts: [{path: "out/**", when: always}]}`+"\n", commandRows("leak")...)
	_, code := s.RunCampaign(file, "--name", "leaks")
	require.Equal(t, 0, code)
	for _, form := range report.Forms {
		stdout, stderr, code := s.Starter("report", "leaks", "--format", form.Name)
		require.Equal(t, 0, code, stderr)
		search.In("reports", form.Name, []byte(stdout+stderr))
		if form.Name == "html" || form.Name == "json" || form.Name == "junit" {
			require.Contains(t, stdout, "[REDACTED:ENV_KEY]", form.Name)
		}
	}
}

func redactedAfterADeath(t *testing.T, s *harness.Stack, secrets []spec.Secret) {
	t.Helper()
	in := spec.EvalInput{Job: spec.Job{Secrets: secrets, Steps: []spec.Step{
		{Name: "long", Command: `printf "one %s" "$ENV_KEY"; touch began; while [ ! -e go ]; do sleep 0.1; done; echo " two $ENV_KEY"; cat keys/file`},
	}}}
	run := s.Run("death", in)
	sandbox := s.AwaitSandbox(run.GetID())
	s.AwaitFile(sandbox, "/home/daytona/began")
	s.Workers[0].Kill()
	s.StartWorker()
	_, err := s.Daytona.Toolbox(sandbox).Execute(t.Context(), daytona.ExecuteRequest{Command: "touch go", Timeout: 30 * time.Second})
	require.NoError(t, err)
	result := s.Result(run)
	require.Equal(t, spec.StatusCompleted, result.Status, "%+v", result.Error)
	require.Len(t, result.Attempts, 1)
	require.Equal(t, "one [REDACTED:ENV_KEY] two [REDACTED:ENV_KEY]\n[REDACTED:file-key]", read(t, s, result.Job.Steps[0].Stdout), "launched once, with its secrets")
}

func allBytes() []byte {
	all := make([]byte, 256)
	for i := range all {
		all[i] = byte(i)
	}
	return all
}

// With keys nothing of an input, a result or a failure can be read in a history without them.
func TestPayloadsAreEncrypted(t *testing.T) {
	key := "PITWALL_PAYLOAD_KEYS=2026-11:" + base64.StdEncoding.EncodeToString(bytes.Repeat([]byte{7}, 32))
	s := harness.Start(t, harness.Options{WorkerEnv: []string{key}})
	const text = "only-readable-with-a-key"
	file := filepath.Join(t.TempDir(), "eval.yaml")
	require.NoError(t, os.WriteFile(file, []byte("job: {steps: [{command: 'echo "+text+"'}]}\n"), 0o600))
	stdout, stderr, code := s.StarterWith([]string{key}, "run", file, "-o", "json")
	require.Zero(t, code, stderr)
	require.Contains(t, stdout, text+`\n`)
	_, stderr, code = s.StarterWith([]string{key}, "run", writeFile(t, "job: {steps: [{command: 'true'}], secrets: [{name: "+strings.ReplaceAll(text, "-", "_")+"}]}\n"))
	require.Equal(t, 3, code)
	require.Contains(t, stderr, `find secret "only_readable_with_a_key"`)
	stdout, stderr, code = s.StarterWith([]string{key}, "sandboxes", "audit", "-o", "json")
	require.Zero(t, code, stdout+stderr)

	search := harness.NewSearch(map[string]string{"text": text, "name": strings.ReplaceAll(text, "-", "_")})
	search.EverywhereOf(s)
	for _, found := range search.Found {
		require.NotContains(t, found, "events of histories")
		require.NotContains(t, found, "memos")
	}
	require.Positive(t, search.Items["events of histories"])
}

func writeFile(t *testing.T, text string) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "eval.yaml")
	require.NoError(t, os.WriteFile(file, []byte(text), 0o600))
	return file
}
