package telemetry_test

import (
	"context"
	"errors"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/otel/attribute"
	"go.uber.org/zap"

	"pitwall/internal/telemetry"
	"pitwall/test/otlpreceiver"
)

// start begins to trace to an endpoint, with a queue of four spans.
func start(t *testing.T, endpoint string, options telemetry.TracingOptions) *telemetry.Tracing {
	t.Helper()
	t.Setenv("OTEL_EXPORTER_OTLP_ENDPOINT", endpoint)
	t.Setenv("OTEL_BSP_MAX_QUEUE_SIZE", "4")
	t.Setenv("OTEL_BSP_MAX_EXPORT_BATCH_SIZE", "2")
	t.Setenv("OTEL_BSP_EXPORT_TIMEOUT", "500")
	options.Service, options.Log = "test", zap.NewNop()
	tracing, err := telemetry.StartTracing(t.Context(), options)
	require.NoError(t, err)
	return tracing
}

func end(tracing *telemetry.Tracing, spans int) {
	for range spans {
		_, span := tracing.Tracer().Start(context.Background(), "one")
		span.End()
	}
}

const counter = `pitwall_telemetry_dropped_total{exporter="otlp",reason="`

func TestWhatIsRejectedIsCounted(t *testing.T) {
	receiver := otlpreceiver.Start(t)
	receiver.Behave(otlpreceiver.Rejects)
	metrics := telemetry.NewMetrics(time.Hour)
	tracing := start(t, receiver.URL, telemetry.TracingOptions{Metrics: metrics})
	end(tracing, 2)
	tracing.Close()
	require.Len(t, receiver.Spans(), 1)
	require.Contains(t, scrape(t, metrics), counter+`rejected"} 1`+"\n")
	require.Contains(t, scrape(t, metrics), `pitwall_telemetry_sent_total{exporter="otlp"} 1`+"\n")
}

// Every span that is not sent is counted, whatever the receiver does; nobody waits for it but Close, and that not for long.
func TestEverySpanIsSentOrCounted(t *testing.T) {
	listener, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	require.NoError(t, err)
	nobody := "http://" + listener.Addr().String()
	require.NoError(t, listener.Close())
	hanging := otlpreceiver.Start(t)
	hanging.Behave(otlpreceiver.Hangs)
	refusing := otlpreceiver.Start(t)
	refusing.Behave(otlpreceiver.Refuses)
	for name, endpoint := range map[string]string{"nobody listens": nobody, "hangs": hanging.URL, "refuses": refusing.URL} {
		t.Run(name, func(t *testing.T) {
			metrics := telemetry.NewMetrics(time.Hour)
			tracing := start(t, endpoint, telemetry.TracingOptions{Metrics: metrics})
			end(tracing, 50)
			tracing.Close()
			require.Equal(t, 50, counted(t, metrics))
			require.Contains(t, scrape(t, metrics), `pitwall_telemetry_sent_total{exporter="otlp"} 0`+"\n")
		})
	}
}

// counted sums the drops of all reasons.
func counted(t *testing.T, metrics *telemetry.Metrics) int {
	t.Helper()
	sum := 0
	for line := range strings.Lines(scrape(t, metrics)) {
		if strings.HasPrefix(line, counter) {
			count := 0
			for _, digit := range strings.TrimSpace(line[strings.Index(line, "} ")+2:]) {
				count = 10*count + int(digit-'0')
			}
			sum += count
		}
	}
	return sum
}

func TestTextsOfSpansAreRedactedThenCut(t *testing.T) {
	receiver := otlpreceiver.Start(t)
	hide := func(text string) string { return strings.ReplaceAll(text, "hunter2", "[hidden]") }
	tracing := start(t, receiver.URL, telemetry.TracingOptions{Redact: hide})
	_, span := tracing.Tracer().Start(t.Context(), "call hunter2")
	long := strings.Repeat("x", 1020) + "hunter2"
	span.SetAttributes(attribute.String("text", "a hunter2 b"), attribute.String("long", long), attribute.String("bytes", "\xff"))
	span.RecordError(errors.New("no hunter2"))
	span.SetStatus(1, "no hunter2")
	span.End()
	tracing.Close()
	require.Len(t, receiver.Spans(), 1)
	sent := receiver.Spans()[0]
	require.Equal(t, "call [hidden]", sent.Name)
	require.Equal(t, "a [hidden] b", sent.Attributes["text"])
	require.Equal(t, strings.Repeat("x", 1020)+"[hid", sent.Attributes["long"], "no half of a secret")
	require.Equal(t, "\uFFFD", sent.Attributes["bytes"])
	require.Equal(t, "no [hidden]", sent.Error)
	require.Equal(t, "no [hidden]", sent.Events[0]["exception.message"])
}

func TestNoTracingMakesNoSpans(t *testing.T) {
	var none *telemetry.Tracing
	require.Nil(t, none.Tracer())
	require.Empty(t, none.Interceptors())
	none.Close()
}
