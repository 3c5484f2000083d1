package main

import (
	"context"

	"go.temporal.io/sdk/interceptor"
	"go.temporal.io/sdk/workflow"

	"pitwall/activities"
	"pitwall/internal/telemetry"
	"pitwall/internal/temporalclient"
	"pitwall/workflows"
)

// watch is what shows what this worker does: its metrics, its journal, its spans.
type watch struct {
	metrics *telemetry.Metrics
	journal *telemetry.Journal
	tracing *telemetry.Tracing // nil unless configured
}

func newWatch(ctx context.Context, setup setup) (*watch, error) {
	metrics := telemetry.NewMetrics(setup.config.ReaperInterval)
	w := &watch{metrics: metrics, journal: telemetry.NewJournal(setup.log, metrics)}
	if !setup.config.Traces() {
		return w, nil
	}
	var err error
	w.tracing, err = telemetry.StartTracing(ctx, telemetry.TracingOptions{
		Service: "pitwall-worker", Roots: workflows.TraceRoots(), Metrics: metrics, Log: setup.log, Redact: setup.redactor.String,
	})
	return w, err
}

// over adds to the options of the connection to Temporal what watches it.
func (w *watch) over(setup setup, options temporalclient.Options) (temporalclient.Options, error) {
	options.Interceptors = w.tracing.Interceptors()
	options.Propagators = []workflow.ContextPropagator{telemetry.Propagator{}}
	if setup.config.HealthAddr == "" {
		return options, nil // nobody could read them
	}
	var err error
	options.Metrics, err = w.metrics.Temporal(setup.log)
	return options, err
}

// interceptors are those of each SDK worker, beside the connection's own, which come first.
func (w *watch) interceptors() []interceptor.WorkerInterceptor {
	return []interceptor.WorkerInterceptor{
		&workflows.Journaling{Journal: w.journal}, &activities.Journaling{Journal: w.journal}, &activities.Detachment{},
	}
}

// close sends what is not sent yet, for a bounded time.
func (w *watch) close() { w.tracing.Close() }
