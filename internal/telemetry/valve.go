package telemetry

import (
	"context"
	"regexp"
	"strconv"
	"sync/atomic"

	sdktrace "go.opentelemetry.io/otel/sdk/trace"
)

// valve stands before the SDK's batch processor and admits no more spans than fit into its queue, so that every span is
// counted that is not sent: the SDK drops in silence.
type valve struct {
	sdktrace.SpanProcessor // the SDK's, which owns queue and batches
	room                   int64
	// pending are admitted and neither sent nor dropped.
	pending atomic.Int64
	runs    *recent // whose spans have passed
	drops
}

// newValve makes a valve whose queue and batches are of the sizes that OTEL_BSP_* set (2048 and 512 spans by default).
func newValve(exporter sdktrace.SpanExporter, options TracingOptions) *valve {
	v := &valve{runs: newRecent(), drops: drops{exporter: ExporterOTLP, metrics: options.Metrics, log: options.Log}}
	room := func(o *sdktrace.BatchSpanProcessorOptions) { v.room = int64(o.MaxQueueSize) }
	v.SpanProcessor = sdktrace.NewBatchSpanProcessor(&sender{exporter, v, cleaner{options.Redact}}, room)
	return v
}

// OnEnd queues a span, or drops it.
func (v *valve) OnEnd(span sdktrace.ReadOnlySpan) {
	if !span.SpanContext().IsSampled() || isRun(span) && !v.wanted(span) {
		return
	}
	if v.pending.Add(1) > v.room {
		v.pending.Add(-1)
		v.dropped(DropQueueFull, 1, nil)
		return
	}
	v.SpanProcessor.OnEnd(span)
}

// wanted: the run has come to its end, and this worker has not sent its span already.
func (v *valve) wanted(run sdktrace.ReadOnlySpan) bool {
	return ended(run) && v.runs.isNew(run.SpanContext().SpanID().String())
}

// closed takes the end of the batch processor: what it still holds is not sent any more.
func (v *valve) closed(err error) {
	if left := v.pending.Load(); left > 0 {
		v.dropped(DropShutdown, int(left), err)
	}
}

// sender exports batches and counts what became of them. It never returns an error: nobody could do more about it.
type sender struct {
	sdktrace.SpanExporter
	valve   *valve
	cleaner cleaner
}

// ExportSpans sends one batch; the SDK bounds it by OTEL_BSP_EXPORT_TIMEOUT (30 s).
func (s *sender) ExportSpans(ctx context.Context, spans []sdktrace.ReadOnlySpan) error {
	err := s.SpanExporter.ExportSpans(ctx, s.cleaner.spans(spans))
	s.valve.pending.Add(-int64(len(spans)))
	lost, reason := lostOf(err, len(spans))
	s.valve.metrics.Sent(ExporterOTLP, len(spans)-lost)
	if lost > 0 {
		s.valve.dropped(reason, lost, err)
	}
	return nil
}

// partial is how the exporter says that the receiver rejected some of a batch: its error has no exported type. The receiver's
// own words come first.
var partial = regexp.MustCompile(`OTLP partial success: (?s:.*)\((\d+) spans rejected\)`)

// lostOf is how many of a batch did not arrive, and why.
func lostOf(err error, batch int) (lost int, reason string) {
	if err == nil {
		return 0, ""
	}
	if match := partial.FindStringSubmatch(err.Error()); match != nil {
		if lost, err := strconv.Atoi(match[1]); err == nil {
			return min(lost, batch), DropRejected
		}
	}
	return batch, DropFailed
}
