package sentryreport

import (
	"context"
	"fmt"
	"net/http"

	"github.com/getsentry/sentry-go"
	"go.opentelemetry.io/otel/trace"
	"go.uber.org/zap"

	"pitwall/internal/spec"
	"pitwall/internal/telemetry"
)

// Options say where errors go.
type Options struct {
	DSN, Environment string
	// Release is the version of the program.
	Release string
	// Redact goes over every text of an event. Nil: nothing is hidden.
	Redact func(text string) string
	// Describe says of an activity's error what its type is, and who has to act.
	Describe func(error) *spec.EvalError
	// Steers are the types of errors that are an activity's answer to its workflow, and nobody's trouble.
	Steers  []string
	Metrics *telemetry.Metrics
	Log     *zap.Logger
}

// Reporter sends events. The methods of a nil Reporter send none.
type Reporter struct {
	client  *sentry.Client
	outbox  *telemetry.Outbox[*sentry.Event]
	options Options
}

// Start begins to send. It does not wait for Sentry.
func Start(options Options) (*Reporter, error) {
	transport := &transport{sync: sentry.NewHTTPSyncTransport(), http: http.DefaultTransport.(*http.Transport).Clone()}
	transport.outbox = telemetry.NewOutbox(telemetry.ExporterSentry, transport.send, options.Metrics, options.Log)
	client, err := sentry.NewClient(sentry.ClientOptions{
		Dsn: options.DSN, Environment: options.Environment, Release: options.Release,
		Transport: transport, HTTPClient: &http.Client{Transport: transport},
		BeforeSend: func(event *sentry.Event, _ *sentry.EventHint) *sentry.Event { return scrub(event, options.Redact) },
		// What they would add about the host and its modules is nobody's business.
		Integrations:         func([]sentry.Integration) []sentry.Integration { return nil },
		DisableClientReports: true, // Pitwall counts what is dropped
	})
	if err != nil {
		transport.outbox.Close()
		return nil, fmt.Errorf("set up Sentry: %w", err)
	}
	return &Reporter{client: client, outbox: transport.outbox, options: options}, nil
}

// Close sends what is left, for at most 5 s.
func (r *Reporter) Close() {
	if r != nil {
		r.outbox.Close()
	}
}

// Process is to be deferred by what the process lives for: it reports the error or the panic with which that ends.
func (r *Reporter) Process(err *error) {
	panicked := recover()
	if r != nil {
		switch {
		case panicked != nil:
			r.send(context.Background(), "worker", panicEvent(panicked))
		case *err != nil:
			r.send(context.Background(), "worker", errorEvent("WorkerFailed", (*err).Error(), sentry.LevelFatal))
		}
	}
	if panicked != nil {
		panic(panicked)
	}
}

// errorEvent has no chain of causes: the message of a wrapped error says it all.
func errorEvent(errorType, message string, level sentry.Level) *sentry.Event {
	event := sentry.NewEvent()
	event.Level = level
	event.Exception = []sentry.Exception{{Type: errorType, Value: message}}
	return event
}

// typePanic is how Temporal names a panic of an activity.
const typePanic = "PanicError"

// panicEvent is made while the stack of the panic is still there. Frames hold files, lines and functions, and no variables.
func panicEvent(panicked any) *sentry.Event {
	event := errorEvent(typePanic, fmt.Sprint(panicked), sentry.LevelFatal)
	event.Exception[0].Stacktrace = sentry.NewStacktrace()
	return event
}

// send groups an event by where it comes from and its type.
func (r *Reporter) send(ctx context.Context, from string, event *sentry.Event) {
	event.Transaction = from
	event.Fingerprint = []string{from, event.Exception[0].Type}
	tag := func(name, value string) { event.Tags[name] = value }
	if span := trace.SpanContextFromContext(ctx); span.IsValid() {
		tag(telemetry.FieldTraceID, span.TraceID().String())
		event.Contexts["trace"] = sentry.Context{"trace_id": span.TraceID().String(), "span_id": span.SpanID().String()}
	}
	for _, id := range telemetry.ActivityCorrelation(ctx).Known() {
		tag(id.Name, id.Value)
	}
	tag(telemetry.FieldErrorType, event.Exception[0].Type)
	r.client.CaptureEvent(event, nil, nil)
}
