package telemetry

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"math/rand/v2"

	"go.opentelemetry.io/otel/trace"
)

// spanIDs makes random ids, as the SDK does, but for the span of a workflow's run. That one's follow from the run's ID: a
// worker that takes a run over, or replays it, makes the same span again, and what it starts then belongs to the same trace.
type spanIDs struct{}

type runKey struct{}

// withRun marks the context in which a run's span is made.
func withRun(ctx context.Context, runID string) context.Context {
	return context.WithValue(ctx, runKey{}, runID)
}

// NewIDs are those of a root span.
func (spanIDs) NewIDs(ctx context.Context) (traceID trace.TraceID, spanID trace.SpanID) {
	if run, ok := ctx.Value(runKey{}).(string); ok {
		return TraceOf(run), spanOf(run)
	}
	for !traceID.IsValid() {
		binary.NativeEndian.PutUint64(traceID[:8], rand.Uint64()) //nolint:gosec // ids, not secrets
		binary.NativeEndian.PutUint64(traceID[8:], rand.Uint64()) //nolint:gosec // likewise
	}
	return traceID, randomSpanID()
}

// NewSpanID is that of a child.
func (spanIDs) NewSpanID(ctx context.Context, _ trace.TraceID) trace.SpanID {
	if run, ok := ctx.Value(runKey{}).(string); ok {
		return spanOf(run)
	}
	return randomSpanID()
}

func randomSpanID() (id trace.SpanID) {
	for !id.IsValid() {
		binary.NativeEndian.PutUint64(id[:], rand.Uint64()) //nolint:gosec // ids, not secrets
	}
	return id
}

// TraceOf is the trace of a workflow's run. It hashes, because samplers by ratio look at the lower half of a trace ID, and
// that of a UUID is not even.
func TraceOf(runID string) trace.TraceID {
	sum := sha256.Sum256([]byte(runID))
	return trace.TraceID(sum[:16])
}

func spanOf(runID string) trace.SpanID {
	sum := sha256.Sum256([]byte("span of " + runID))
	return trace.SpanID(sum[:8])
}
