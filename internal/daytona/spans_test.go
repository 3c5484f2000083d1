package daytona_test

import (
	"context"
	"fmt"
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/otel/codes"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"

	"pitwall/internal/daytona"
	"pitwall/internal/daytona/daytonatest"
)

// traced returns a client whose calls are spans of a trace when they are made in ctx, and what was recorded.
func traced(t *testing.T, handler http.HandlerFunc) (ctx context.Context, client *daytona.Client, spans *tracetest.SpanRecorder) {
	t.Helper()
	spans = tracetest.NewSpanRecorder()
	tracer := sdktrace.NewTracerProvider(sdktrace.WithSpanProcessor(spans)).Tracer("test")
	client, err := daytona.New(daytona.Config{
		APIURL: "http://daytona.test/api", APIKey: daytonatest.Key, Transport: direct{handler}, Tracer: tracer,
	})
	require.NoError(t, err)
	ctx, _ = tracer.Start(t.Context(), "activity")
	return ctx, client, spans
}

const told = "sentinel" // stands wherever a caller may put something secret

func TestSpansSayWhatWasAskedAndNothingElse(t *testing.T) {
	t.Parallel()
	var headers []http.Header
	ctx, client, spans := traced(t, func(w http.ResponseWriter, r *http.Request) {
		headers = append(headers, r.Header)
		w.Header().Set("Content-Type", "application/json")
		fmt.Fprint(w, `{"exitCode":0,"result":"`+told+`"}`)
	})
	toolbox := client.Toolbox(daytona.Sandbox{ID: "id-1", ToolboxProxyURL: "http://proxy.test/toolbox"})
	_, err := toolbox.Execute(ctx, daytona.ExecuteRequest{Command: "echo " + told, Env: map[string]string{"KEY": told}})
	require.NoError(t, err)
	body, _, err := toolbox.Download(ctx, "/home/daytona/"+told, 0, 10)
	require.NoError(t, err)
	require.Len(t, spans.Ended(), 1, "a download goes on until its body is closed")
	require.NoError(t, body.Close())
	require.NoError(t, client.Health(t.Context()), "what is part of no trace is no span")

	ended := spans.Ended()
	require.Len(t, ended, 2)
	require.Equal(t, "daytona execute command", ended[0].Name())
	require.Equal(t, "daytona download file", ended[1].Name())
	for _, span := range ended {
		require.True(t, span.Parent().IsValid())
		text := fmt.Sprint(span.Name(), span.Attributes(), span.Events(), span.Status())
		require.NotContains(t, text, told)
		require.NotContains(t, text, daytonatest.Key)
		require.Contains(t, text, "/toolbox/id-1/")
		require.Contains(t, text, "200")
	}
	for _, header := range headers {
		require.Empty(t, header.Get("Traceparent"), "the sandbox is not told of the trace")
	}
}

func TestSpansOfFailures(t *testing.T) {
	t.Parallel()
	status := http.StatusNotFound
	ctx, client, spans := traced(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(status)
		fmt.Fprintf(w, `{"statusCode":%d,"message":"%s"}`, status, told)
	})
	for status = range map[int]bool{http.StatusNotFound: false, http.StatusTooManyRequests: true, http.StatusBadGateway: true} {
		_, err := client.GetSandbox(ctx, "id")
		require.Error(t, err)
		ended := spans.Ended()
		last := ended[len(ended)-1]
		require.Equal(t, status != http.StatusNotFound, last.Status().Code == codes.Error, "%d: a 404 may be the proof of a removal", status)
		require.NotContains(t, last.Status().Description, told)
	}
}

func TestSpansOfOneActivityAreBounded(t *testing.T) {
	t.Parallel()
	ctx, client, spans := traced(t, func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "{}") })
	ctx = daytona.WithSpanBudget(ctx, 3)
	for range 10 {
		require.NoError(t, client.Health(ctx))
	}
	require.Len(t, spans.Ended(), 3)
}
