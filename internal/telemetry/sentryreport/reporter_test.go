package sentryreport_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/interceptor"
	"go.temporal.io/sdk/log"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/testsuite"
	"go.temporal.io/sdk/worker"
	"go.uber.org/zap"

	"pitwall/activities"
	"pitwall/internal/telemetry"
	"pitwall/internal/telemetry/sentryreport"
	"pitwall/test/sentryingest"
)

const secret = "sentinel-3141592653"

func start(t *testing.T, dsn string) (*sentryreport.Reporter, *telemetry.Metrics) {
	t.Helper()
	metrics := telemetry.NewMetrics(time.Hour)
	reporter, err := sentryreport.Start(sentryreport.Options{
		DSN: dsn, Environment: "test", Release: "pitwall@1", Metrics: metrics, Log: zap.NewNop(),
		Describe: activities.Describe, Steers: activities.SteeringErrors(),
		Redact: func(text string) string { return strings.ReplaceAll(text, secret, "[gone]") },
	})
	require.NoError(t, err)
	return reporter, metrics
}

// execute runs an activity that ends so, under the interceptor.
func execute(reporter *sentryreport.Reporter, ends func() error) error {
	suite := testsuite.WorkflowTestSuite{}
	suite.SetLogger(log.NewStructuredLogger(slog.New(slog.DiscardHandler)))
	env := suite.NewTestActivityEnvironment()
	env.SetWorkerOptions(worker.Options{Interceptors: []interceptor.WorkerInterceptor{&sentryreport.Interceptor{Reporter: reporter}}})
	env.RegisterActivityWithOptions(func(context.Context) error { return ends() }, activity.RegisterOptions{Name: "Ends"})
	_, err := env.ExecuteActivity("Ends")
	return err
}

func final(errType, message string) func() error {
	return func() error { return temporal.NewNonRetryableApplicationError(message, errType, nil) }
}

func TestAFinalFailureIsOneEvent(t *testing.T) {
	ingest := sentryingest.Start(t)
	reporter, metrics := start(t, ingest.DSN)
	require.ErrorContains(t, execute(reporter, final(activities.ErrTypeSandboxLost, "sandbox s-1: it held "+secret)), secret, "it passes as it is")
	require.Error(t, execute(reporter, final(activities.ErrTypeInvalidInput, "no")))
	for _, ends := range []func() error{
		func() error { return errors.New("tried again") },
		func() error { return context.Canceled },
		func() error { return temporal.NewCanceledError() },
		final(activities.ErrTypeCapacity, "asked again later by the workflow"),
	} {
		require.Error(t, execute(reporter, ends))
	}
	require.NoError(t, execute(reporter, func() error { return nil }))
	reporter.Close()
	events := ingest.Events()
	require.Len(t, events, 2)
	lost := events[0]
	require.Equal(t, "error", lost.Level)
	require.Equal(t, []string{"Ends", "SandboxLost"}, lost.Fingerprint)
	require.Equal(t, "pitwall@1", lost.Release)
	require.Equal(t, "test", lost.Environment)
	require.Len(t, lost.Exception, 1)
	require.Equal(t, "SandboxLost", lost.Exception[0].Type)
	require.Equal(t, "sandbox s-1: it held [gone]", lost.Exception[0].Value)
	require.Equal(t, "infra", lost.Tags["origin"])
	require.Equal(t, "1", lost.Tags["try"])
	require.NotEmpty(t, lost.Tags["workflow_id"])
	require.Equal(t, "warning", events[1].Level, "somebody else has to act")
	for _, envelope := range ingest.Envelopes() {
		require.NotContains(t, string(envelope), secret)
	}
	require.Contains(t, scrape(t, metrics), `pitwall_telemetry_sent_total{exporter="sentry"} 2`+"\n")
}

func TestWhatEndsTheProcessIsReported(t *testing.T) {
	ingest := sentryingest.Start(t)
	reporter, _ := start(t, ingest.DSN)
	err := fmt.Errorf("reach Temporal: %s", secret)
	func() { defer reporter.Process(&err) }()
	require.PanicsWithValue(t, "oh "+secret, func() {
		var none error
		defer reporter.Process(&none)
		panic("oh " + secret)
	})
	reporter.Close()
	events := ingest.Events()
	require.Len(t, events, 2)
	require.Equal(t, []string{"worker", "WorkerFailed"}, events[0].Fingerprint)
	require.Equal(t, "reach Temporal: [gone]", events[0].Exception[0].Value)
	require.Equal(t, []string{"worker", "PanicError"}, events[1].Fingerprint)
	require.Equal(t, "oh [gone]", events[1].Exception[0].Value)
	require.Contains(t, string(events[1].Exception[0].Stacktrace), "TestWhatEndsTheProcessIsReported")
	require.NotContains(t, string(events[1].Exception[0].Stacktrace), `"vars"`)
}

func TestNoReporterReportsNothing(t *testing.T) {
	var none *sentryreport.Reporter
	err := errors.New("no")
	func() { defer none.Process(&err) }()
	require.Panics(t, func() {
		defer none.Process(&err)
		panic("still one")
	})
	none.Close()
}

// Whatever Sentry answers costs a counted event, and the activity's error stays what it was.
func TestSentryThatRefusesCostsEvents(t *testing.T) {
	for _, status := range []int64{http.StatusTooManyRequests, http.StatusInternalServerError, http.StatusForbidden} {
		ingest := sentryingest.Start(t)
		ingest.Behave(status)
		reporter, metrics := start(t, ingest.DSN)
		for range 3 {
			require.ErrorContains(t, execute(reporter, final("T", "its own error")), "its own error")
		}
		reporter.Close()
		require.Contains(t, scrape(t, metrics), `pitwall_telemetry_dropped_total{exporter="sentry",reason="failed"} 3`+"\n", status)
		require.Contains(t, scrape(t, metrics), `pitwall_telemetry_sent_total{exporter="sentry"} 0`+"\n", status)
		if status == http.StatusTooManyRequests {
			require.Equal(t, 1, ingest.Requests(), "it asked for a pause")
		}
	}
}

// The end of a process waits for its bound, and no longer.
func TestSentryThatHangsIsGivenUp(t *testing.T) {
	t.Parallel()
	ingest := sentryingest.Start(t)
	ingest.Behave(sentryingest.Hangs)
	reporter, metrics := start(t, ingest.DSN)
	for range 3 {
		require.ErrorContains(t, execute(reporter, final("T", "its own error")), "its own error")
	}
	reporter.Close()
	require.Contains(t, scrape(t, metrics), `pitwall_telemetry_dropped_total{exporter="sentry",reason="shutdown"} 3`+"\n")
	require.Contains(t, scrape(t, metrics), `pitwall_telemetry_sent_total{exporter="sentry"} 0`+"\n")
}

func TestWrongDSNIsSaid(t *testing.T) {
	_, err := sentryreport.Start(sentryreport.Options{DSN: "nonsense", Metrics: telemetry.NewMetrics(time.Hour), Log: zap.NewNop()})
	require.ErrorContains(t, err, "set up Sentry")
}

func scrape(t *testing.T, metrics *telemetry.Metrics) string {
	t.Helper()
	recorder := httptest.NewRecorder()
	metrics.Handler().ServeHTTP(recorder, httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/metrics", nil))
	return recorder.Body.String()
}
