package galileo

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"time"

	coltracepb "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	"go.uber.org/zap"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"

	"pitwall/internal/spec"
	"pitwall/internal/telemetry"
)

// Options say where traces go.
type Options struct {
	// Endpoint is the whole URL; Headers are the key and the names by which Galileo files a trace.
	Endpoint string
	Headers  http.Header
	// Redact goes over every text of a trace. Nil: nothing is hidden.
	Redact  func(text string) string
	Metrics *telemetry.Metrics
	Log     *zap.Logger
}

// Exporter sends traces. The methods of a nil Exporter send none.
type Exporter struct {
	options Options
	client  *http.Client
	outbox  *telemetry.Outbox[*coltracepb.ExportTraceServiceRequest]
}

// Start begins to send. It does not wait for Galileo.
func Start(options Options) *Exporter {
	e := &Exporter{options: options, client: &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error {
		return http.ErrUseLastResponse // a redirect would take the key elsewhere
	}}}
	e.outbox = telemetry.NewOutbox(telemetry.ExporterGalileo, e.send, options.Metrics, options.Log)
	return e
}

// Export queues an eval's trace. It never waits.
func (e *Exporter) Export(ids telemetry.Correlation, result spec.EvalResult) {
	if e != nil {
		e.outbox.Put(e.trace(ids, result))
	}
}

// Close sends what is left, for at most 5 s.
func (e *Exporter) Close() {
	if e != nil {
		e.outbox.Close()
	}
}

const (
	// tries of one request, where the answer says that a later one may do; the pause is doubled each time.
	tries      = 3
	firstPause = 500 * time.Millisecond
	// maxAnswer bounds what is read of an answer, in bytes.
	maxAnswer = 64 << 10
	// maxQuoted bounds what an error quotes of it.
	maxQuoted = 300
)

func (e *Exporter) send(ctx context.Context, trace *coltracepb.ExportTraceServiceRequest) error {
	body, err := proto.Marshal(trace)
	if err != nil {
		return fmt.Errorf("encode a trace for Galileo: %w", err)
	}
	for try, pause := 1, firstPause; ; try, pause = try+1, 2*pause {
		again, err := e.post(ctx, body)
		if err == nil || !again || try == tries {
			return err
		}
		select {
		case <-time.After(pause):
		case <-ctx.Done():
			return err
		}
	}
}

// post sends one request. again: another one may fare better.
func (e *Exporter) post(ctx context.Context, body []byte) (again bool, err error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, e.options.Endpoint, bytes.NewReader(body))
	if err != nil {
		return false, fmt.Errorf("send a trace to Galileo: %w", err)
	}
	request.Header = e.options.Headers.Clone()
	request.Header.Set("Content-Type", "application/x-protobuf")
	response, err := e.client.Do(request)
	if err != nil {
		return true, fmt.Errorf("send a trace to Galileo: %w", err)
	}
	defer response.Body.Close()
	answer, err := io.ReadAll(io.LimitReader(response.Body, maxAnswer))
	if err != nil {
		return true, fmt.Errorf("read Galileo's answer: %w", err)
	}
	switch response.StatusCode {
	case http.StatusOK:
		return false, partial(response.Header.Get("Content-Type"), answer)
	case http.StatusTooManyRequests, http.StatusBadGateway, http.StatusServiceUnavailable, http.StatusGatewayTimeout:
		again = true // by OTLP's specification; the others are final
	}
	return again, fmt.Errorf("send a trace to Galileo: %s: %.*q", response.Status, maxQuoted, answer)
}

// partial reads what a 200 says of spans that were not kept: it may be all of them. Galileo answers in JSON, others in
// protobuf; an answer that is neither says nothing of that.
func partial(contentType string, answer []byte) error {
	read := &coltracepb.ExportTraceServiceResponse{}
	var err error
	if contentType == "application/x-protobuf" {
		err = proto.Unmarshal(answer, read)
	} else {
		err = protojson.UnmarshalOptions{DiscardUnknown: true}.Unmarshal(answer, read)
	}
	kept := read.GetPartialSuccess()
	if rejected := kept.GetRejectedSpans(); err == nil && rejected > 0 {
		return fmt.Errorf("%w: %d spans of a trace: %.*q", telemetry.ErrRejected, rejected, maxQuoted, kept.GetErrorMessage())
	}
	return nil
}
