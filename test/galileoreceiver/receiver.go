package galileoreceiver

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"sync"
	"sync/atomic"
	"testing"

	coltracepb "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	"google.golang.org/protobuf/proto"

	"pitwall/test/otlpreceiver"
)

// What is accepted.
const (
	Key       = "galileo-key-2718281828"
	Project   = "Pitwall's evals"
	LogStream = "nightly"
)

// Hangs and Rejects, as modes, never answer, or keep no span and say so. Any other is the status of the answer.
const (
	Hangs   int64 = 0
	Rejects int64 = 1
)

// Receiver is a running server.
type Receiver struct {
	// URL is for PITWALL_GALILEO_ENDPOINT.
	URL string

	mode     atomic.Int64
	requests atomic.Int64
	stop     chan struct{}

	mu     sync.Mutex // guards what follows
	traces [][]otlpreceiver.Span
	bodies [][]byte // all that came, as they came
}

// Start starts a receiver that keeps everything, until the test's end.
func Start(t testing.TB) *Receiver {
	r := &Receiver{stop: make(chan struct{})}
	r.mode.Store(http.StatusOK)
	mux := http.NewServeMux()
	mux.HandleFunc("POST /otel/traces", r.receive)
	server := httptest.NewServer(mux)
	r.URL = server.URL + "/otel/traces"
	t.Cleanup(func() {
		close(r.stop)
		server.CloseClientConnections()
		server.Close()
	})
	return r
}

// Env are the variables of a worker that sends here.
func (r *Receiver) Env() []string {
	return []string{
		"PITWALL_GALILEO_ENDPOINT=" + r.URL, "PITWALL_GALILEO_API_KEY=" + Key,
		"PITWALL_GALILEO_PROJECT=" + Project, "PITWALL_GALILEO_LOG_STREAM=" + LogStream,
	}
}

// Behave changes how the next requests are met.
func (r *Receiver) Behave(how int64) { r.mode.Store(how) }

// Requests is how many came, however they were met.
func (r *Receiver) Requests() int { return int(r.requests.Load()) }

// Traces are what was kept, one a request.
func (r *Receiver) Traces() [][]otlpreceiver.Span {
	r.mu.Lock()
	defer r.mu.Unlock()
	return append([][]otlpreceiver.Span(nil), r.traces...)
}

// Bodies are all that came.
func (r *Receiver) Bodies() [][]byte {
	r.mu.Lock()
	defer r.mu.Unlock()
	return append([][]byte(nil), r.bodies...)
}

func (r *Receiver) receive(w http.ResponseWriter, request *http.Request) {
	r.requests.Add(1)
	body, err := io.ReadAll(http.MaxBytesReader(w, request.Body, 4<<20))
	if err != nil {
		return
	}
	r.mu.Lock()
	r.bodies = append(r.bodies, body)
	r.mu.Unlock()
	mode := r.mode.Load()
	if mode == Hangs {
		select {
		case <-r.stop:
		case <-request.Context().Done():
		}
		return
	}
	spans, status, detail := judge(request, body)
	w.Header().Set("Content-Type", "application/json")
	switch {
	case status != http.StatusOK:
		w.WriteHeader(status)
		fmt.Fprintf(w, `{"detail":%q}`, detail)
	case mode == Rejects:
		fmt.Fprintf(w, `{"partialSuccess":{"rejectedSpans":%d,"errorMessage":"Group 0: Run not found for logstream"}}`, len(spans))
	case mode == http.StatusOK:
		r.mu.Lock()
		r.traces = append(r.traces, spans)
		r.mu.Unlock()
		_, _ = w.Write([]byte("{}"))
	default:
		w.WriteHeader(int(mode))
		_, _ = w.Write([]byte(`{"detail":"not now"}`))
	}
}

func judge(request *http.Request, body []byte) (spans []otlpreceiver.Span, status int, detail string) {
	header := request.Header.Get
	if header("Content-Type") != "application/x-protobuf" {
		return nil, http.StatusUnsupportedMediaType, "Unsupported content type"
	}
	if header("Galileo-API-Key") != Key {
		return nil, http.StatusUnauthorized, "Invalid credentials"
	}
	if header("project") != Project {
		return nil, http.StatusNotFound, "Project not found"
	}
	sent := &coltracepb.ExportTraceServiceRequest{}
	if err := proto.Unmarshal(body, sent); err != nil {
		return nil, http.StatusBadRequest, err.Error()
	}
	if spans = otlpreceiver.SpansOf(sent); len(spans) == 0 || header("logstream") != LogStream {
		return nil, http.StatusUnprocessableEntity, "no spans, or no log stream"
	}
	return spans, http.StatusOK, ""
}
