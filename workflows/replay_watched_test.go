package workflows_test

import (
	"bytes"
	"testing"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/interceptor"
	"go.temporal.io/sdk/worker"
	"go.temporal.io/sdk/workflow"
	"go.uber.org/zap"

	"pitwall/internal/telemetry"
	"pitwall/test/otlpreceiver"
	"pitwall/test/recording"
	"pitwall/workflows"
)

// Histories that nobody watched replay in a worker that is watched in every way, and tell it nothing new.
func TestRecordingsReplayWatched(t *testing.T) {
	receiver := otlpreceiver.Start(t)
	t.Setenv("OTEL_EXPORTER_OTLP_ENDPOINT", receiver.URL)
	var lines bytes.Buffer
	log, err := telemetry.NewLogger(&lines, telemetry.FormatJSON, "info")
	require.NoError(t, err)
	tracing, err := telemetry.StartTracing(t.Context(), telemetry.TracingOptions{Service: "replay", Roots: workflows.TraceRoots(), Log: zap.NewNop()})
	require.NoError(t, err)
	var interceptors []interceptor.WorkerInterceptor
	for _, one := range tracing.Interceptors() {
		interceptors = append(interceptors, one.(interceptor.WorkerInterceptor))
	}
	interceptors = append(interceptors, &workflows.Journaling{Journal: telemetry.NewJournal(log, nil)})
	replayer, err := worker.NewWorkflowReplayerWithOptions(worker.WorkflowReplayerOptions{
		Interceptors: interceptors, ContextPropagators: []workflow.ContextPropagator{telemetry.Propagator{}},
	})
	require.NoError(t, err)
	workflows.Register(replayer)
	replayed := 0
	for set, histories := range recordings(t) {
		for name, history := range histories {
			require.NoError(t, recording.ReplayWith(replayer, history), "%s/%s", set, name)
			replayed++
		}
	}
	require.Greater(t, replayed, 10)
	tracing.Close()
	require.Empty(t, lines.String(), "a replay is no news")
	for _, span := range receiver.Spans() {
		require.Equal(t, "RunWorkflow", span.Name[:len("RunWorkflow")], "nothing is started in a replay")
	}
}
