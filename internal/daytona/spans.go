package daytona

import (
	"context"
	"io"
	"net/http"
	"sync"
	"sync/atomic"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/trace"
)

// spanTransport makes a span of each exchange that is part of a trace, named by its operation: "daytona create sandbox". It
// says method, host, path, status and size; neither query, header nor body, for these may hold what nobody is to read: a
// file's name stands in the query. No header tells the provider, or a sandbox, of the trace.
type spanTransport struct {
	next   http.RoundTripper
	tracer trace.Tracer
}

// withSpans is next itself where nothing is traced.
func withSpans(next http.RoundTripper, tracer trace.Tracer) http.RoundTripper {
	if tracer == nil {
		return next
	}
	return &spanTransport{next, tracer}
}

// RoundTrip is an http.RoundTripper's. The span ends with the answer's body, which is where a download spends its time.
func (t *spanTransport) RoundTrip(req *http.Request) (*http.Response, error) {
	if !trace.SpanContextFromContext(req.Context()).IsValid() || !spend(req.Context()) {
		return t.next.RoundTrip(req)
	}
	op, _ := req.Context().Value(opKey{}).(string)
	_, span := t.tracer.Start(req.Context(), "daytona "+op, trace.WithSpanKind(trace.SpanKindClient), trace.WithAttributes(
		attribute.String("http.request.method", req.Method),
		attribute.String("server.address", req.URL.Hostname()),
		attribute.String("url.path", req.URL.EscapedPath()),
	))
	resp, err := t.next.RoundTrip(req)
	if err != nil {
		span.SetStatus(codes.Error, plainCause(err).Error())
		span.End()
		return nil, err
	}
	span.SetAttributes(attribute.Int("http.response.status_code", resp.StatusCode))
	if resp.StatusCode >= http.StatusInternalServerError || resp.StatusCode == http.StatusTooManyRequests {
		span.SetStatus(codes.Error, http.StatusText(resp.StatusCode)) // any other answer may be the one that was hoped for
	}
	resp.Body = &spanBody{ReadCloser: resp.Body, span: span}
	return resp, nil
}

// CloseIdleConnections is what http.Client looks for.
func (t *spanTransport) CloseIdleConnections() {
	if closer, ok := t.next.(interface{ CloseIdleConnections() }); ok {
		closer.CloseIdleConnections()
	}
}

// spanBody ends its span when it is closed.
type spanBody struct {
	io.ReadCloser
	span  trace.Span
	read  int64
	ended sync.Once
}

// Read is an io.Reader's.
func (b *spanBody) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	b.read += int64(n)
	return n, err
}

// Close is an io.Closer's.
func (b *spanBody) Close() error {
	b.ended.Do(func() {
		b.span.SetAttributes(attribute.Int64("http.response.body.size", b.read))
		b.span.End()
	})
	return b.ReadCloser.Close()
}

type (
	opKey     struct{}
	budgetKey struct{}
)

// WithSpanBudget returns a context in which at most so many exchanges become spans: a job of hours asks after itself every
// two seconds.
func WithSpanBudget(ctx context.Context, spans int64) context.Context {
	budget := new(atomic.Int64)
	budget.Store(spans)
	return context.WithValue(ctx, budgetKey{}, budget)
}

// spend takes one span from the budget; false when there is none left.
func spend(ctx context.Context) bool {
	budget, bounded := ctx.Value(budgetKey{}).(*atomic.Int64)
	return !bounded || budget.Add(-1) >= 0
}
