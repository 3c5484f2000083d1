package galileo_test

import (
	"bytes"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"

	"pitwall/internal/spec"
	"pitwall/internal/telemetry"
	"pitwall/internal/telemetry/galileo"
	"pitwall/test/galileoreceiver"
)

const secret = "sentinel-3141592653"

// started is an exporter to a receiver; log is what it logs.
func started(t *testing.T, endpoint string, change ...func(http.Header)) (exporter *galileo.Exporter, metrics *telemetry.Metrics, logged *bytes.Buffer) {
	t.Helper()
	metrics, logged = telemetry.NewMetrics(time.Hour), &bytes.Buffer{}
	log, err := telemetry.NewLogger(zapcore.AddSync(logged), telemetry.FormatJSON, "info")
	require.NoError(t, err)
	headers := http.Header{}
	headers.Set("Galileo-API-Key", galileoreceiver.Key)
	headers.Set("project", galileoreceiver.Project)
	headers.Set("logstream", galileoreceiver.LogStream)
	for _, change := range change {
		change(headers)
	}
	return galileo.Start(galileo.Options{
		Endpoint: endpoint, Headers: headers, Metrics: metrics, Log: log.WithOptions(zap.WithCaller(false)),
		Redact: func(text string) string { return strings.ReplaceAll(text, secret, "[gone]") },
	}), metrics, logged
}

// evaluated is a result with two attempts, the first of which was lost, and a secret in whatever is told of it.
func evaluated() (telemetry.Correlation, spec.EvalResult) {
	at := time.Date(2026, 11, 26, 12, 0, 0, 0, time.UTC)
	code := 0
	ids := telemetry.Correlation{SessionID: "session-1", NegotiationID: "negotiation-1", Campaign: "nightly", Sample: "HumanEval/1", Epoch: 2, Attempt: 2}
	return ids, spec.EvalResult{
		EvalID: "eval/nightly/HumanEval%2F1/2", RunID: "01a21775-fa8d-71ce-9dc3-f39776e70afa", Status: spec.StatusCompleted,
		Trial: &spec.Trial{Campaign: "nightly", Sample: "HumanEval/1", Epoch: 2},
		Score: &spec.Score{Value: 0.5, Passed: true, Explanation: "half of " + secret},
		Attempts: []spec.Attempt{
			{Number: 1, Error: &spec.EvalError{Origin: spec.OriginInfra, Type: "SandboxLost", Message: "lost with " + secret}},
			{
				Number: 2, Job: &spec.JobResult{Steps: []spec.StepResult{{Name: "main", ExitCode: &code, Stdout: spec.Stream{Tail: "output stays here"}}}},
				Sandboxes: []spec.SandboxUse{{ID: "sandbox-2", CreatedAt: at.Add(2 * time.Second), Removal: &spec.Certificate{ConfirmedAt: at.Add(4 * time.Second)}}},
			},
		},
		Cleanup: spec.CleanupProven, StartedAt: at, FinishedAt: at.Add(5 * time.Second),
		Effective: &spec.EvalInput{Kind: spec.KindToolSimulation, Job: spec.Job{Steps: []spec.Step{{Name: "main", Command: "code stays here"}}}},
	}
}

func TestAnEvalIsOneTrace(t *testing.T) {
	receiver := galileoreceiver.Start(t)
	exporter, metrics, _ := started(t, receiver.URL)
	ids, result := evaluated()
	exporter.Export(ids, result)
	exporter.Close()
	require.Len(t, receiver.Traces(), 1)
	spans := receiver.Traces()[0]
	require.Len(t, spans, 3)
	eval, lost, ran := spans[0], spans[1], spans[2]
	require.Equal(t, telemetry.TraceOf(result.RunID).String(), eval.TraceID, "the same trace as in OpenTelemetry")
	require.Empty(t, eval.Parent)
	require.Equal(t, "invoke_agent HumanEval/1", eval.Name)
	require.Equal(t, 5*time.Second, eval.End.Sub(eval.Start))
	for name, want := range map[string]string{
		"pitwall.session_id": "session-1", "pitwall.negotiation_id": "negotiation-1", "pitwall.campaign": "nightly", "pitwall.sample": "HumanEval/1",
		"pitwall.epoch": "2", "pitwall.workflow_id": result.EvalID, "pitwall.run_id": result.RunID, "pitwall.kind": "tool_simulation",
		"pitwall.outcome": "passed", "pitwall.cleanup": "proven", "pitwall.score": "double_value:0.5", "pitwall.passed": "bool_value:true",
		"gen_ai.operation.name": "invoke_agent", "gen_ai.provider.name": "pitwall", "openinference.span.kind": "AGENT",
		"gen_ai.evaluation.score.value": "double_value:0.5", "gen_ai.evaluation.score.label": "passed", "session.id": "session-1",
	} {
		require.Equal(t, want, eval.Attributes[name], name)
	}
	require.Equal(t, "session-1", eval.Resource["galileo.session.id"])
	require.JSONEq(t, `{"eval":"HumanEval/1","kind":"tool_simulation","steps":["main"]}`, eval.Attributes["input.value"])
	require.JSONEq(t, `{"outcome":"passed","score":0.5,"explanation":"half of [gone]"}`, eval.Attributes["output.value"])
	require.Equal(t, "half of [gone]", eval.Events[0]["gen_ai.evaluation.explanation"])
	require.Equal(t, eval.SpanID, lost.Parent)
	require.True(t, lost.Failed)
	require.Equal(t, "lost with [gone]", lost.Error)
	require.Equal(t, "SandboxLost", lost.Attributes["pitwall.error_type"])
	require.Equal(t, "sandbox-2", ran.Attributes["pitwall.sandbox_id"])
	require.Equal(t, "2", ran.Attributes["pitwall.attempt"])
	require.Equal(t, 2*time.Second, ran.End.Sub(ran.Start))
	require.JSONEq(t, `{"exit_codes":[0]}`, ran.Attributes["output.value"])
	for _, hidden := range []string{secret, "stays here", galileoreceiver.Key} {
		require.NotContains(t, string(receiver.Bodies()[0]), hidden)
	}
	require.Contains(t, scrape(t, metrics), `pitwall_telemetry_sent_total{exporter="galileo"} 1`+"\n")
}

// An eval without a verdict says who has to act, and has no score: not even 0.
func TestAnErrorHasNoScore(t *testing.T) {
	receiver := galileoreceiver.Start(t)
	exporter, _, _ := started(t, receiver.URL)
	ids, result := evaluated()
	result.Status, result.Score, result.Error = spec.StatusError, nil, &spec.EvalError{Origin: spec.OriginInfra, Type: "SandboxLost", Message: "gone"}
	exporter.Export(ids, result)
	exporter.Close()
	eval := receiver.Traces()[0][0]
	require.True(t, eval.Failed)
	require.Equal(t, "infra_error", eval.Attributes["pitwall.outcome"])
	require.Empty(t, eval.Events)
	for name := range eval.Attributes {
		require.NotContains(t, name, "score")
	}
}

func TestTheSameRunHasTheSameIDs(t *testing.T) {
	receiver := galileoreceiver.Start(t)
	exporter, _, _ := started(t, receiver.URL)
	ids, result := evaluated()
	exporter.Export(ids, result)
	result.FinishedAt = result.FinishedAt.Add(time.Second)
	exporter.Export(telemetry.Correlation{}, result)
	result.RunID = "another"
	exporter.Export(ids, result)
	exporter.Close()
	traces := receiver.Traces()
	require.Len(t, traces, 3)
	known := map[string]bool{}
	for i := range traces[0] {
		require.Equal(t, traces[0][i].TraceID, traces[1][i].TraceID)
		require.Equal(t, traces[0][i].SpanID, traces[1][i].SpanID)
		require.NotEqual(t, traces[0][i].TraceID, traces[2][i].TraceID)
		known[traces[0][i].SpanID], known[traces[2][i].SpanID] = true, true
	}
	require.Len(t, known, 6)
}

// Whatever it answers costs a counted trace, and a line that says why.
func TestAReceiverThatRefusesCostsTraces(t *testing.T) {
	for name, test := range map[string]struct {
		mode     int64
		change   func(http.Header)
		requests int
		reason   string
		says     string
	}{
		"a wrong key":             {http.StatusOK, func(h http.Header) { h.Set("Galileo-API-Key", "wrong") }, 1, "failed", "401 Unauthorized"},
		"no such project":         {http.StatusOK, func(h http.Header) { h.Set("project", "other") }, 1, "failed", "404 Not Found"},
		"no such stream":          {http.StatusOK, func(h http.Header) { h.Del("logstream") }, 1, "failed", "422 Unprocessable"},
		"bad request":             {http.StatusBadRequest, nil, 1, "failed", "400 Bad Request"},
		"forbidden":               {http.StatusForbidden, nil, 1, "failed", "403 Forbidden"},
		"a redirect":              {http.StatusFound, nil, 1, "failed", "302 Found"},
		"too many":                {http.StatusTooManyRequests, nil, 3, "failed", "429 Too Many Requests"},
		"away":                    {http.StatusServiceUnavailable, nil, 3, "failed", "503 Service Unavailable"},
		"takes it, keeps nothing": {galileoreceiver.Rejects, nil, 1, "rejected", "3 spans of a trace: \\\"Group 0: Run not found for logstream"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			receiver := galileoreceiver.Start(t)
			receiver.Behave(test.mode)
			change := test.change
			if change == nil {
				change = func(http.Header) {}
			}
			exporter, metrics, logged := started(t, receiver.URL, change)
			exporter.Export(evaluated())
			exporter.Close()
			require.Equal(t, test.requests, receiver.Requests())
			require.Contains(t, scrape(t, metrics), `pitwall_telemetry_dropped_total{exporter="galileo",reason="`+test.reason+`"} 1`+"\n")
			require.Contains(t, scrape(t, metrics), `pitwall_telemetry_sent_total{exporter="galileo"} 0`+"\n")
			var line map[string]any
			require.NoError(t, json.Unmarshal(logged.Bytes(), &line), logged.String())
			require.Equal(t, "galileo", line["exporter"])
			require.Contains(t, logged.String(), test.says)
			require.NotContains(t, logged.String(), galileoreceiver.Key)
		})
	}
}

// One that is back within the tries gets the trace.
func TestAReceiverThatComesBackGetsTheTrace(t *testing.T) {
	receiver := galileoreceiver.Start(t)
	receiver.Behave(http.StatusServiceUnavailable)
	exporter, metrics, _ := started(t, receiver.URL)
	exporter.Export(evaluated())
	require.Eventually(t, func() bool { return receiver.Requests() > 0 }, 10*time.Second, time.Millisecond)
	receiver.Behave(http.StatusOK)
	exporter.Close()
	require.Len(t, receiver.Traces(), 1)
	require.Contains(t, scrape(t, metrics), `pitwall_telemetry_sent_total{exporter="galileo"} 1`+"\n")
}

func TestAReceiverThatHangsIsGivenUp(t *testing.T) {
	t.Parallel()
	receiver := galileoreceiver.Start(t)
	receiver.Behave(galileoreceiver.Hangs)
	exporter, metrics, _ := started(t, receiver.URL)
	exporter.Export(evaluated())
	exporter.Close()
	require.Contains(t, scrape(t, metrics), `pitwall_telemetry_dropped_total{exporter="galileo",reason="shutdown"} 1`+"\n")
}

func TestNoExporterExportsNothing(t *testing.T) {
	var none *galileo.Exporter
	none.Export(evaluated())
	none.Close()
}

func scrape(t *testing.T, metrics *telemetry.Metrics) string {
	t.Helper()
	recorder := httptest.NewRecorder()
	metrics.Handler().ServeHTTP(recorder, httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/metrics", nil))
	return recorder.Body.String()
}
