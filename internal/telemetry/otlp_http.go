package telemetry

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"strconv"
	"sync/atomic"
	"time"

	coltracepb "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	"google.golang.org/protobuf/proto"
)

// PartialSuccess is a transport that reads from a receiver's answers how many spans it took no part of: the exporter of
// OpenTelemetry's SDK (1.47) loses that.
type PartialSuccess struct {
	Next     http.RoundTripper
	rejected atomic.Int64
}

// maxAnswerBytes bounds an answer; it holds a number and a text.
const maxAnswerBytes = 64 << 10

// RoundTrip is an http.RoundTripper's.
func (p *PartialSuccess) RoundTrip(req *http.Request) (*http.Response, error) {
	resp, err := p.Next.RoundTrip(req)
	if err != nil || resp.StatusCode/100 != 2 {
		return resp, err
	}
	body, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswerBytes))
	if closeErr := resp.Body.Close(); err != nil || closeErr != nil {
		return nil, errors.Join(err, closeErr)
	}
	resp.Body = io.NopCloser(bytes.NewReader(body))
	var answer coltracepb.ExportTraceServiceResponse
	if proto.Unmarshal(body, &answer) == nil {
		p.rejected.Add(max(0, answer.GetPartialSuccess().GetRejectedSpans()))
	}
	return resp, nil
}

// Take is how many spans were rejected since it was last called.
func (p *PartialSuccess) Take() int64 { return p.rejected.Swap(0) }

// defaultOTLPTimeout of one request is that of OpenTelemetry's specification.
const defaultOTLPTimeout = 10 * time.Second

// otlpClient sends through watch what OTEL_EXPORTER_OTLP_* ask of a client: its time-out and certificates. The exporter takes
// the rest from the environment by itself.
func otlpClient(watch *PartialSuccess) (*http.Client, error) {
	transport := &http.Transport{Proxy: http.ProxyFromEnvironment, ForceAttemptHTTP2: true, IdleConnTimeout: time.Minute}
	trusted, err := otlpTLS()
	if err != nil {
		return nil, err
	}
	transport.TLSClientConfig = trusted
	watch.Next = transport
	client := &http.Client{Transport: watch, Timeout: defaultOTLPTimeout}
	if ms, err := strconv.Atoi(otlpVariable("TIMEOUT")); err == nil && ms > 0 {
		client.Timeout = time.Duration(ms) * time.Millisecond
	}
	return client, nil
}

func otlpVariable(name string) string {
	if value := os.Getenv("OTEL_EXPORTER_OTLP_TRACES_" + name); value != "" {
		return value
	}
	return os.Getenv("OTEL_EXPORTER_OTLP_" + name)
}

func otlpTLS() (*tls.Config, error) {
	trusted := &tls.Config{MinVersion: tls.VersionTLS12}
	if file := otlpVariable("CERTIFICATE"); file != "" {
		pem, err := os.ReadFile(file)
		if err != nil {
			return nil, fmt.Errorf("read OTEL_EXPORTER_OTLP_CERTIFICATE: %w", err)
		}
		trusted.RootCAs = x509.NewCertPool()
		if !trusted.RootCAs.AppendCertsFromPEM(pem) {
			return nil, fmt.Errorf("read OTEL_EXPORTER_OTLP_CERTIFICATE: %s holds no certificate", file)
		}
	}
	if file, key := otlpVariable("CLIENT_CERTIFICATE"), otlpVariable("CLIENT_KEY"); file != "" || key != "" {
		own, err := tls.LoadX509KeyPair(file, key)
		if err != nil {
			return nil, fmt.Errorf("read OTEL_EXPORTER_OTLP_CLIENT_CERTIFICATE and _KEY: %w", err)
		}
		trusted.Certificates = []tls.Certificate{own}
	}
	return trusted, nil
}
