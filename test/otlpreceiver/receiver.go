package otlpreceiver

import (
	"compress/gzip"
	"io"
	"net/http"
	"net/http/httptest"
	"sync"
	"sync/atomic"
	"testing"

	coltracepb "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	"google.golang.org/protobuf/proto"
)

// maxBody bounds one request: a batch is at most 512 spans.
const maxBody = 32 << 20

// Receiver is a running server.
type Receiver struct {
	// URL is for OTEL_EXPORTER_OTLP_ENDPOINT; spans go to its path /v1/traces.
	URL string

	mode     atomic.Int64
	requests atomic.Int64
	stop     chan struct{}

	mu    sync.Mutex // guards spans
	spans []Span
}

// How a receiver behaves.
const (
	Accepts int64 = iota
	Refuses       // 400, which no client retries
	Hangs         // takes a request, and never answers
	Rejects       // takes all but one span of each request, and says so (partial success)
)

// Start starts a receiver that accepts everything, until the test's end.
func Start(t testing.TB) *Receiver {
	r := &Receiver{stop: make(chan struct{})}
	mux := http.NewServeMux()
	mux.HandleFunc("POST /v1/traces", r.traces)
	server := httptest.NewServer(mux)
	r.URL = server.URL
	t.Cleanup(func() {
		close(r.stop)
		server.CloseClientConnections()
		server.Close()
	})
	return r
}

// Behave changes how the next requests are met.
func (r *Receiver) Behave(how int64) { r.mode.Store(how) }

// Requests is how many came, however they were met.
func (r *Receiver) Requests() int { return int(r.requests.Load()) }

// Spans are what was accepted so far.
func (r *Receiver) Spans() []Span {
	r.mu.Lock()
	defer r.mu.Unlock()
	return append([]Span(nil), r.spans...)
}

func (r *Receiver) traces(w http.ResponseWriter, req *http.Request) {
	r.requests.Add(1)
	mode := r.mode.Load()
	switch mode {
	case Refuses:
		http.Error(w, "not here", http.StatusBadRequest)
		return
	case Hangs:
		select {
		case <-r.stop:
		case <-req.Context().Done():
		}
		return
	}
	sent, err := read(req)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	spans := SpansOf(sent)
	answer := &coltracepb.ExportTraceServiceResponse{}
	if mode == Rejects && len(spans) > 0 {
		spans = spans[1:]
		answer.PartialSuccess = &coltracepb.ExportTracePartialSuccess{RejectedSpans: 1, ErrorMessage: "one too many"}
	}
	r.mu.Lock()
	r.spans = append(r.spans, spans...)
	r.mu.Unlock()
	body, err := proto.Marshal(answer)
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "application/x-protobuf")
	_, _ = w.Write(body)
}

func read(req *http.Request) (*coltracepb.ExportTraceServiceRequest, error) {
	body := io.Reader(http.MaxBytesReader(nil, req.Body, maxBody))
	if req.Header.Get("Content-Encoding") == "gzip" {
		unzipped, err := gzip.NewReader(body)
		if err != nil {
			return nil, err
		}
		body = io.LimitReader(unzipped, maxBody)
	}
	data, err := io.ReadAll(body)
	if err != nil {
		return nil, err
	}
	sent := &coltracepb.ExportTraceServiceRequest{}
	return sent, proto.Unmarshal(data, sent)
}
