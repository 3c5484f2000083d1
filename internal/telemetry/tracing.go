package telemetry

import (
	"context"
	"fmt"
	"time"

	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracehttp"
	"go.opentelemetry.io/otel/sdk/resource"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"
	"go.temporal.io/sdk/contrib/opentelemetry"
	"go.temporal.io/sdk/interceptor"
	"go.uber.org/zap"
)

// TracingOptions say what is traced.
type TracingOptions struct {
	// Service is service.name, unless OTEL_SERVICE_NAME or OTEL_RESOURCE_ATTRIBUTES says otherwise.
	Service string
	// Roots are the workflow types that begin a trace of their own, also as somebody's child: a campaign of a hundred
	// thousand evals would be one trace that no backend shows. The child's span then links to its parent's.
	Roots []string
	// Redact goes over every text of a span. Nil: nothing is hidden.
	Redact  func(text string) string
	Metrics *Metrics
	Log     *zap.Logger
}

// flushBound is how long the end of a worker waits for its last spans.
const flushBound = 5 * time.Second

// Tracing makes spans of workflows, activities and calls, and sends them in batches over OTLP, by OpenTelemetry's own
// variables (OTEL_EXPORTER_OTLP_ENDPOINT …).
//
//	span ended ─> valve ─> queue, bounded ─> batch ─> sender ─> OTLP over HTTP
//	                └ full: dropped, counted            └ refused, or no answer in time: dropped, counted
//
// Nothing waits for any of it but Close, and that not for long. The methods of a nil Tracing make no spans.
type Tracing struct {
	provider     *sdktrace.TracerProvider
	valve        *valve
	interceptors []interceptor.ClientInterceptor
}

// StartTracing begins to send. It does not wait for the receiver: one that is away costs spans, and nothing else.
func StartTracing(ctx context.Context, options TracingOptions) (*Tracing, error) {
	exporter, err := otlptracehttp.New(ctx)
	if err != nil {
		return nil, fmt.Errorf("set up the OTLP exporter: %w", err)
	}
	described, err := resource.New(ctx,
		resource.WithAttributes(attribute.String("service.name", options.Service)), resource.WithFromEnv())
	if err != nil {
		return nil, fmt.Errorf("read OTEL_RESOURCE_ATTRIBUTES: %w", err)
	}
	// What the SDK would print by itself about itself; what matters is counted and logged by the sender.
	otel.SetErrorHandler(otel.ErrorHandlerFunc(func(err error) { options.Log.Debug("OpenTelemetry", zap.Error(err)) }))
	valve := newValve(exporter, options)
	provider := sdktrace.NewTracerProvider(
		sdktrace.WithResource(described),
		sdktrace.WithIDGenerator(spanIDs{}), sdktrace.WithSpanProcessor(valve),
	)
	options.Metrics.Exports(ExporterOTLP)
	interceptors, err := workflowSpans(provider.Tracer("pitwall"), options.Roots)
	if err != nil {
		return nil, err
	}
	return &Tracing{provider: provider, valve: valve, interceptors: interceptors}, nil
}

// workflowSpans are the interceptors of a Temporal client, and of its workers.
func workflowSpans(tracer trace.Tracer, roots []string) ([]interceptor.ClientInterceptor, error) {
	options := opentelemetry.TracerOptions{
		Tracer: tracer, DisableQueryTracing: true, AllowInvalidParentSpans: true, // whoever starts an eval may send anything
		// A replay runs the handlers of updates again, and each time they would have another span.
		DisableUpdateTracing: true,
	}
	official, err := opentelemetry.NewTracer(options)
	if err != nil {
		return nil, fmt.Errorf("set up the tracing of workflows: %w", err)
	}
	traced := runTracer{Tracer: official, options: options, roots: roots}
	return []interceptor.ClientInterceptor{interceptor.NewTracingInterceptor(traced), &runEnds{}}, nil
}

// Interceptors are those of a Temporal client; its workers take them from it.
func (t *Tracing) Interceptors() []interceptor.ClientInterceptor {
	if t == nil {
		return nil
	}
	return t.interceptors
}

// Tracer makes spans of one's own; nil where nothing is traced.
func (t *Tracing) Tracer() trace.Tracer {
	if t == nil {
		return nil
	}
	return t.provider.Tracer("pitwall")
}

// Close sends what is left, for at most 5 s. What is not sent by then is dropped, and counted.
func (t *Tracing) Close() {
	if t == nil {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), flushBound)
	defer cancel()
	t.valve.closed(t.provider.Shutdown(ctx))
}
