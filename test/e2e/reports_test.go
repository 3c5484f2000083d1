//go:build linux

package e2e

import (
	"context"
	"net/http"
	"strconv"
	"testing"

	"github.com/stretchr/testify/require"

	"pitwall/activities"
	"pitwall/internal/spec"
	"pitwall/test/faultproxy"
	"pitwall/test/galileoreceiver"
	"pitwall/test/harness"
	"pitwall/test/otlpreceiver"
	"pitwall/test/sentryingest"
)

// reportsOf are the errors that were reported of an eval.
func reportsOf(ingest *sentryingest.Ingest, eval string) (events []sentryingest.Event) {
	for _, event := range ingest.Events() {
		if event.Tags["workflow_id"] == eval {
			events = append(events, event)
		}
	}
	return events
}

// traceOf is the trace of an eval; nil while there is none.
func traceOf(receiver *galileoreceiver.Receiver, eval string) []otlpreceiver.Span {
	for _, trace := range receiver.Traces() {
		if trace[0].Attributes["pitwall.workflow_id"] == eval {
			return trace
		}
	}
	return nil
}

// Sentry and Galileo that hang, refuse or keep nothing cost counted drops, and nothing else; well again, they get one error
// and one trace of what happens then.
func TestErrorsAndEvalsAreReportedAtNoCost(t *testing.T) {
	t.Parallel() // it mostly waits
	ingest, receiver := sentryingest.Start(t), galileoreceiver.Start(t)
	s, proxy := behindFaults(t, harness.Options{WorkerEnv: append(receiver.Env(), "SENTRY_DSN="+ingest.DSN, "SENTRY_ENVIRONMENT=test")})
	runs := 0
	// unhurt runs an eval that passes, and one with an error of its own; both exporters have something to send.
	unhurt := func(what string) {
		runs++
		passes, fails := s.Run("passes/"+strconv.Itoa(runs), harness.Command("echo done")), s.Run("fails/"+strconv.Itoa(runs), missing())
		result := s.Result(passes)
		require.True(t, result.Score.Passed, what)
		require.Len(t, result.Attempts, 1, what)
		require.Equal(t, spec.CleanupProven, result.Cleanup, what)
		result = s.Result(fails)
		require.Equal(t, activities.ErrTypeInputMissing, result.Error.Type, what)
	}
	awaitDrops := func(what string, ofSentry, ofGalileo string) {
		errors, evals := dropped(t.Context(), s, "sentry", ofSentry), dropped(t.Context(), s, "galileo", ofGalileo)
		unhurt(what)
		s.Eventually("drops are counted: "+what, func(ctx context.Context) bool {
			return dropped(ctx, s, "sentry", ofSentry) > errors && dropped(ctx, s, "galileo", ofGalileo) > evals
		})
	}
	ingest.Behave(sentryingest.Hangs)
	receiver.Behave(galileoreceiver.Hangs)
	awaitDrops("they hang", "failed", "failed")
	ingest.Behave(http.StatusInternalServerError)
	receiver.Behave(http.StatusForbidden)
	awaitDrops("they refuse", "failed", "failed")
	receiver.Behave(galileoreceiver.Rejects)
	awaitDrops("one keeps nothing of what it takes", "failed", "rejected")
	require.Empty(t, ingest.Events())
	require.Empty(t, receiver.Traces())

	ingest.Behave(http.StatusOK)
	receiver.Behave(http.StatusOK)
	t.Run("a fault of the infrastructure", func(t *testing.T) { reportedFault(t, s, proxy, ingest, receiver) })
	unhurt("they are well again")
	passes := "passes/" + strconv.Itoa(runs)
	s.Eventually("its trace comes", func(context.Context) bool { return traceOf(receiver, passes) != nil })
	require.Equal(t, "double_value:1", traceOf(receiver, passes)[0].Attributes["pitwall.score"])
	require.Empty(t, reportsOf(ingest, passes), "what went well is not reported")

	ingest.Behave(sentryingest.Hangs)
	receiver.Behave(galileoreceiver.Hangs)
	unhurt("they hang again")
	s.Workers[0].Stop() // fails where the end waits for them
	requireWarned(t, s.Workers[0])
}

// missing is an eval whose input is not there.
func missing() spec.EvalInput {
	in := harness.Command("true")
	in.Inputs.Files = []spec.File{{Path: "in", URI: "store:inputs/nowhere"}}
	return in
}

// reportedFault: an eval of one attempt, whose sandbox is broken from the start, is one error and one trace without a score.
func reportedFault(t *testing.T, s *harness.Stack, proxy *faultproxy.Proxy, ingest *sentryingest.Ingest, receiver *galileoreceiver.Receiver) {
	t.Helper()
	require.NoError(t, proxy.Add(faultproxy.Rule{
		Fault: faultproxy.StateError, Labels: map[string]string{activities.LabelEval: "faulty"}, Count: -1,
	}))
	in := watched()
	in.MaxAttempts = 1
	result := s.Result(s.Run("faulty", in))
	require.Equal(t, spec.OriginInfra, result.Error.Origin, "%+v", result.Error)
	s.Eventually("its error and its trace come", func(context.Context) bool {
		return len(reportsOf(ingest, "faulty")) > 0 && traceOf(receiver, "faulty") != nil
	})
	events := reportsOf(ingest, "faulty")
	require.Len(t, events, 1, "%+v", events)
	event := events[0]
	require.Equal(t, []string{"CreateSandbox", result.Error.Type}, event.Fingerprint)
	require.Equal(t, "error", event.Level)
	require.Equal(t, "test", event.Environment)
	require.Equal(t, result.Error.Message, event.Exception[0].Value)
	for name, want := range map[string]string{
		"session_id": "session-1", "negotiation_id": "negotiation-1", "campaign": "watching", "sample": "s/1", "epoch": "2", "attempt": "1",
		"run_id": result.RunID, "activity": "CreateSandbox", "error_type": result.Error.Type, "origin": "infra",
	} {
		require.Equal(t, want, event.Tags[name], name)
	}
	trace := traceOf(receiver, "faulty")
	require.Len(t, trace, 2)
	require.True(t, trace[0].Failed)
	require.Equal(t, "infra_error", trace[0].Attributes["pitwall.outcome"])
	require.Equal(t, "session-1", trace[0].Attributes["pitwall.session_id"])
	require.NotContains(t, trace[0].Attributes, "pitwall.score")
}
