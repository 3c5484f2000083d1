package main

import (
	"cmp"
	"context"
	"sync"

	"go.temporal.io/sdk/interceptor"
	"go.temporal.io/sdk/workflow"

	"pitwall/activities"
	"pitwall/internal/telemetry"
	"pitwall/internal/telemetry/galileo"
	"pitwall/internal/telemetry/sentryreport"
	"pitwall/internal/temporalclient"
	"pitwall/internal/version"
	"pitwall/workflows"
)

// watch is what shows what this worker does: its metrics, its journal, its spans.
type watch struct {
	metrics *telemetry.Metrics
	journal *telemetry.Journal
	tracing *telemetry.Tracing     // nil unless configured
	errors  *sentryreport.Reporter // likewise
	evals   *galileo.Exporter      // likewise
}

func newWatch(ctx context.Context, setup setup) (*watch, error) {
	metrics := telemetry.NewMetrics(setup.config.ReaperInterval)
	w := &watch{metrics: metrics, journal: telemetry.NewJournal(setup.log, metrics)}
	if err := w.report(setup); err != nil {
		return nil, err
	}
	if !setup.config.Traces() {
		return w, nil
	}
	var err error
	w.tracing, err = telemetry.StartTracing(ctx, telemetry.TracingOptions{
		Service: "pitwall-worker", Roots: workflows.TraceRoots(), Metrics: metrics, Log: setup.log, Redact: setup.redactor.String,
	})
	return w, err
}

// report starts what tells others of errors and of evals.
func (w *watch) report(setup setup) error {
	settings, redact := setup.config, setup.redactor.String
	if settings.Observes() {
		w.evals = galileo.Start(galileo.Options{
			Endpoint: settings.GalileoEndpoint, Headers: settings.GalileoHeaders(), Redact: redact, Metrics: w.metrics, Log: setup.log,
		})
	}
	if !settings.Reports() {
		return nil
	}
	var err error
	w.errors, err = sentryreport.Start(sentryreport.Options{
		DSN: settings.SentryDSN.Reveal(), Environment: settings.SentryEnvironment, Release: cmp.Or(settings.SentryRelease, version.Read().Release()),
		Redact: redact, Describe: activities.Describe, Steers: activities.SteeringErrors(), Metrics: w.metrics, Log: setup.log,
	})
	return err
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
	interceptors := []interceptor.WorkerInterceptor{
		&workflows.Journaling{Journal: w.journal}, &activities.Journaling{Journal: w.journal}, &activities.Detachment{},
	}
	if w.errors != nil {
		interceptors = append(interceptors, &sentryreport.Interceptor{Reporter: w.errors})
	}
	if w.evals != nil {
		interceptors = append(interceptors, &activities.Observing{Evals: w.evals})
	}
	return interceptors
}

// close sends what is not sent yet, for a bounded time: to all at once.
func (w *watch) close() {
	var wg sync.WaitGroup
	for _, closes := range []func(){w.tracing.Close, w.errors.Close, w.evals.Close} {
		wg.Go(closes)
	}
	wg.Wait()
}
