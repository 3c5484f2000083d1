//go:build linux

package e2e

import (
	"context"
	"regexp"
	"strconv"
	"testing"

	"github.com/stretchr/testify/require"

	"pitwall/internal/spec"
	"pitwall/test/harness"
	"pitwall/test/otlpreceiver"
)

// A receiver of spans that hangs, refuses or takes a part costs counted spans, and nothing else; one that comes back gets the
// next ones.
func TestReceiverOfSpansThatMisbehavesCostsSpansAlone(t *testing.T) {
	t.Parallel() // it mostly waits
	receiver := otlpreceiver.Start(t)
	receiver.Behave(otlpreceiver.Hangs)
	s := harness.Start(t, harness.Options{WorkerEnv: []string{
		"OTEL_EXPORTER_OTLP_ENDPOINT=" + receiver.URL, "OTEL_BSP_MAX_QUEUE_SIZE=10", "OTEL_BSP_MAX_EXPORT_BATCH_SIZE=5",
		"OTEL_BSP_SCHEDULE_DELAY=100", "OTEL_BSP_EXPORT_TIMEOUT=2000",
	}})
	runs := 0
	requireUnhurt := func(what string) {
		runs++
		result := s.Result(s.Run("unhurt/"+strconv.Itoa(runs), harness.Command("echo done")))
		require.True(t, result.Score.Passed, what)
		require.Len(t, result.Attempts, 1, what)
		require.Equal(t, spec.CleanupProven, result.Cleanup, what)
	}
	requireUnhurt("it hangs")
	for _, reason := range []string{"queue_full", "failed"} {
		s.Eventually("spans are counted as dropped: "+reason, func(ctx context.Context) bool { return dropped(ctx, s, "otlp", reason) > 0 })
	}
	require.Empty(t, receiver.Spans())

	receiver.Behave(otlpreceiver.Refuses)
	asked, failed := receiver.Requests(), dropped(t.Context(), s, "otlp", "failed")
	requireUnhurt("it refuses")
	s.Eventually("what is refused is counted", func(ctx context.Context) bool {
		return receiver.Requests() > asked && dropped(ctx, s, "otlp", "failed") > failed
	})

	receiver.Behave(otlpreceiver.Rejects)
	requireUnhurt("it takes a part")
	s.Eventually("the part that is rejected is counted", func(ctx context.Context) bool { return dropped(ctx, s, "otlp", "rejected") > 0 })

	receiver.Behave(otlpreceiver.Accepts)
	before := len(receiver.Spans())
	requireUnhurt("it is well again")
	s.Eventually("spans come again", func(context.Context) bool { return len(receiver.Spans()) > before })

	receiver.Behave(otlpreceiver.Hangs)
	requireUnhurt("it hangs again")
	s.Workers[0].Stop() // fails where the end waits for the receiver
	requireWarned(t, s.Workers[0])
}

// dropped is the counter of what an exporter dropped for a reason.
func dropped(ctx context.Context, s *harness.Stack, exporter, reason string) int {
	match := regexp.MustCompile(`pitwall_telemetry_dropped_total{exporter="` + exporter + `",reason="` + reason + `"} (\d+)`).FindStringSubmatch(metrics(ctx, s))
	if match == nil {
		return 0
	}
	count, _ := strconv.Atoi(match[1])
	return count
}

func requireWarned(t *testing.T, worker *harness.Process) {
	t.Helper()
	warned := 0
	for _, line := range worker.Logged() {
		if line["level"] == "warn" && line["reason"] != nil && line["count"] != nil && line["event"] == nil {
			warned++
		}
	}
	require.Positive(t, warned, "the log says that spans were dropped")
	require.Less(t, warned, 5, "and does not say it all the time")
}
