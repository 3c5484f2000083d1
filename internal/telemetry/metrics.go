package telemetry

import (
	"net/http"
	"slices"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// Metrics are what one worker process counts, in a registry of its own; docs/observability.md lists them. Two kinds:
//
//	this worker's own figures (counters, histograms, pitwall_removals_blocked, pitwall_queue_served): sum over workers
//	figures of the whole (slots, queues, live and left sandboxes): take the max, for each worker that knows shows the same
//
// The methods of a nil Metrics count nothing: the same code also runs in programs without one.
type Metrics struct {
	registry  *prometheus.Registry
	evals     evalMetrics
	removals  *removals
	seconds   prometheus.Histogram
	reaper    reaperMetrics
	fleet     fleetMetrics
	exports   exportMetrics
	served    *prometheus.GaugeVec
	retention retentionMetrics
	starts    startMetrics
}

// removalBuckets go from a local sandbox's removal (milliseconds) to the ten minutes of one try (seconds).
var removalBuckets = []float64{0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300, 600}

// NewMetrics begins to count, in a deployment whose reaper passes every so often.
func NewMetrics(reaperInterval time.Duration) *Metrics {
	m := &Metrics{
		registry: prometheus.NewRegistry(),
		evals:    newEvalMetrics(),
		removals: newRemovals(),
		seconds: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name: "pitwall_removal_seconds", Help: "Seconds from a sandbox's DELETE to the proof by id that it is gone.",
			Buckets: removalBuckets,
		}),
		reaper:    newReaperMetrics(reaperInterval),
		fleet:     newFleetMetrics(),
		exports:   newExportMetrics(),
		retention: newRetentionMetrics(),
		starts:    newStartMetrics(),
		served: prometheus.NewGaugeVec(prometheus.GaugeOpts{
			Name: "pitwall_queue_served", Help: "1 for each task queue that this worker serves.",
		}, []string{"queue"}),
	}
	m.registry.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	m.registry.MustRegister(m.own()...)
	return m
}

// own are Pitwall's own metrics.
func (m *Metrics) own() []prometheus.Collector {
	return slices.Concat(
		[]prometheus.Collector{m.seconds, m.removals.gauge(blockedDenied), m.removals.gauge(blockedStuck), m.served},
		m.evals.collectors(), m.reaper.collectors(), m.fleet.collectors(), m.exports.collectors(), m.retention.collectors(),
		m.starts.collectors(),
	)
}

// scrapes bounds how many scrapes are answered at once: Prometheus needs one.
const scrapes = 4

// Handler answers scrapes, in Prometheus' text format.
func (m *Metrics) Handler() http.Handler {
	return promhttp.HandlerFor(m.registry, promhttp.HandlerOpts{MaxRequestsInFlight: scrapes})
}

// Serves says that this worker serves a queue, until it does not any more.
func (m *Metrics) Serves(queue string, serves bool) {
	if m == nil {
		return
	}
	if !serves {
		m.served.DeleteLabelValues(queue)
		return
	}
	m.served.WithLabelValues(queue).Set(1)
}
