package telemetry

import (
	"context"
	"slices"
	"strings"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/propagation"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"
	"go.temporal.io/sdk/contrib/opentelemetry"
	"go.temporal.io/sdk/interceptor"
	"go.temporal.io/sdk/log"
	"go.temporal.io/sdk/workflow"
)

// Names that the SDK's tracing interceptor gives.
const (
	operationRun   = "RunWorkflow"
	operationChild = "StartChildWorkflow"
	tagRunID       = "temporalRunID"
)

// runTracer is the official tracer, with three things different:
//
//   - The span of a run has the ids that follow from its run ID (spanIDs). The official one makes it anew, with random ids,
//     on every worker that takes the run over, and what came after would be of another trace.
//   - Some workflow types begin a trace of their own, with a link to the parent's span (TracingOptions.Roots).
//   - Log lines of the SDK have the ids under our names.
type runTracer struct {
	interceptor.Tracer
	options opentelemetry.TracerOptions
	roots   []string
}

// rootStart is the span of the start of a child that begins a trace of its own.
type rootStart struct{ interceptor.TracerSpan }

// linked is a parent to link to, not to belong to.
type linked struct{ trace.SpanContext }

// linkMark stands in the header of a child that begins a trace of its own.
const linkMark = "pitwall-link"

// StartSpan starts the span of a run, or leaves it to the official tracer.
func (t runTracer) StartSpan(options *interceptor.TracerStartSpanOptions) (interceptor.TracerSpan, error) {
	if start, ok := options.Parent.(rootStart); ok {
		options.Parent = start.TracerSpan
	}
	run := options.Tags[tagRunID]
	switch {
	case options.Operation == operationRun && run != "":
		return t.startRun(options, run)
	case options.Operation == operationChild && slices.Contains(t.roots, options.Name):
		span, err := t.Tracer.StartSpan(options)
		return rootStart{span}, err
	}
	return t.Tracer.StartSpan(options)
}

func (t runTracer) startRun(options *interceptor.TracerStartSpanOptions, run string) (interceptor.TracerSpan, error) {
	var links []trace.Link
	if parent, ok := options.Parent.(linked); ok {
		options.Parent, links = nil, []trace.Link{{SpanContext: parent.SpanContext}}
	}
	fixed := t.options
	fixed.SpanStarter = func(ctx context.Context, tracer trace.Tracer, name string, start ...trace.SpanStartOption) trace.Span {
		_, span := tracer.Start(withRun(ctx, run), name, append(start, trace.WithLinks(links...))...)
		return span
	}
	tracer, err := opentelemetry.NewTracer(fixed)
	if err != nil {
		return nil, err
	}
	return tracer.StartSpan(options)
}

// MarshalSpan writes a span into a header.
func (t runTracer) MarshalSpan(span interceptor.TracerSpan) (map[string]string, error) {
	start, ok := span.(rootStart)
	if !ok {
		return t.Tracer.MarshalSpan(span)
	}
	data, err := t.Tracer.MarshalSpan(start.TracerSpan)
	if len(data) > 0 {
		data[linkMark] = "1"
	}
	return data, err
}

// UnmarshalSpan reads a span from a header.
func (t runTracer) UnmarshalSpan(data map[string]string) (interceptor.TracerSpanRef, error) {
	if data[linkMark] == "" {
		return t.Tracer.UnmarshalSpan(data)
	}
	ctx := propagation.TraceContext{}.Extract(context.Background(), propagation.MapCarrier(data))
	if parent := trace.SpanContextFromContext(ctx); parent.IsValid() {
		return linked{parent}, nil
	}
	return nil, nil
}

// GetLogger adds a span's ids to the SDK's lines.
func (t runTracer) GetLogger(logger log.Logger, ref interceptor.TracerSpanRef) log.Logger {
	span, ok := ref.(interface{ SpanContext() trace.SpanContext })
	if !ok || !span.SpanContext().IsValid() {
		return logger
	}
	return log.With(logger, FieldTraceID, span.SpanContext().TraceID().String(), FieldSpanID, span.SpanContext().SpanID().String())
}

// attributeEnded marks the span of a run that came to its end.
const attributeEnded = "pitwall.ended"

// isRun: it is the span of a workflow's run.
func isRun(span sdktrace.ReadOnlySpan) bool { return strings.HasPrefix(span.Name(), operationRun+":") }

// ended: the run has come to its end. Its span also ends when the run is evicted from a worker's memory or blocked there;
// it goes on elsewhere, and its span will come with its end.
func ended(run sdktrace.ReadOnlySpan) bool {
	return slices.ContainsFunc(run.Attributes(), func(a attribute.KeyValue) bool {
		return a.Key == attributeEnded
	})
}

// runEnds marks spans of runs.
type runEnds struct{ interceptor.InterceptorBase }

// InterceptWorkflow wraps one execution.
func (*runEnds) InterceptWorkflow(_ workflow.Context, next interceptor.WorkflowInboundInterceptor) interceptor.WorkflowInboundInterceptor {
	return &runEnd{interceptor.WorkflowInboundInterceptorBase{Next: next}}
}

type runEnd struct {
	interceptor.WorkflowInboundInterceptorBase
}

// ExecuteWorkflow does not come back from Next when the run is evicted or blocked.
func (r *runEnd) ExecuteWorkflow(ctx workflow.Context, in *interceptor.ExecuteWorkflowInput) (any, error) {
	result, err := r.Next.ExecuteWorkflow(ctx, in)
	span, _ := opentelemetry.SpanFromWorkflowContext(ctx)
	span.SetAttributes(attribute.Bool(attributeEnded, true))
	return result, err //nolint:wrapcheck // the workflow's own words
}
