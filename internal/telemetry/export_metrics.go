package telemetry

import "github.com/prometheus/client_golang/prometheus"

// exportMetrics count what this worker handed to others: spans, errors, traces.
type exportMetrics struct {
	sent    *prometheus.CounterVec
	dropped *prometheus.CounterVec
}

// Why something was not exported.
const (
	DropQueueFull = "queue_full" // the exporter could not keep up
	DropFailed    = "failed"     // what was sent was refused or not answered
	DropRejected  = "rejected"   // the receiver took a part of it
	DropShutdown  = "shutdown"   // the time for the last of it was over
)

// Exporters.
const (
	ExporterOTLP    = "otlp"    // of spans
	ExporterSentry  = "sentry"  // of errors
	ExporterGalileo = "galileo" // of evals, each a trace
	ExporterWebhook = "webhook" // of campaigns' ends, each try
)

func newExportMetrics() exportMetrics {
	return exportMetrics{
		sent: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "pitwall_telemetry_sent_total", Help: "Items that an exporter delivered.",
		}, []string{"exporter"}),
		dropped: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "pitwall_telemetry_dropped_total", Help: "Items that an exporter gave up.",
		}, []string{"exporter", "reason"}),
	}
}

func (e exportMetrics) collectors() []prometheus.Collector {
	return []prometheus.Collector{e.sent, e.dropped}
}

// Exports makes an exporter's counts show, from 0: an exporter that is not configured has none.
func (m *Metrics) Exports(exporter string) {
	if m == nil {
		return
	}
	m.exports.sent.WithLabelValues(exporter)
	for _, reason := range []string{DropQueueFull, DropFailed, DropRejected, DropShutdown} {
		m.exports.dropped.WithLabelValues(exporter, reason)
	}
}

// Sent counts what an exporter delivered.
func (m *Metrics) Sent(exporter string, items int) {
	if m != nil {
		m.exports.sent.WithLabelValues(exporter).Add(float64(items))
	}
}

// Dropped counts what an exporter gave up: nothing waits for it, and nothing fails of it.
func (m *Metrics) Dropped(exporter, reason string, items int) {
	if m != nil {
		m.exports.dropped.WithLabelValues(exporter, reason).Add(float64(items))
	}
}
