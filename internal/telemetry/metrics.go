package telemetry

import (
	"net/http"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// Metrics are what one worker process counts, in a registry of its own:
//
//	pitwall_removals_blocked{reason}  gauge      removals waited for here: denied, or stuck for over a minute
//	pitwall_removal_seconds           histogram  from the DELETE to the proof
//	pitwall_reaped_total{verdict}     counter    sandboxes that the reaper removed, to proof
//	pitwall_sandboxes_left            gauge      what nobody holds and the last pass could not remove
//
// The methods of a nil Metrics count nothing: the same code also runs in programs without one.
type Metrics struct {
	registry *prometheus.Registry
	removals *removals
	seconds  prometheus.Histogram
	reaped   *prometheus.CounterVec
	left     *left
}

// removalBuckets go from a local sandbox's removal (milliseconds) to the ten minutes of one try (seconds).
var removalBuckets = []float64{0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300, 600}

// NewMetrics begins to count. What a reaper's pass left is shown for leftFresh, and then not at all: later passes were
// another worker's, which shows what they left.
func NewMetrics(leftFresh time.Duration) *Metrics {
	m := &Metrics{
		registry: prometheus.NewRegistry(),
		removals: newRemovals(),
		seconds: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name: "pitwall_removal_seconds", Help: "Seconds from a sandbox's DELETE to the proof by id that it is gone.",
			Buckets: removalBuckets,
		}),
		reaped: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "pitwall_reaped_total", Help: "Sandboxes that the reaper removed, to proof.",
		}, []string{"verdict"}),
		left: &left{fresh: leftFresh, desc: prometheus.NewDesc("pitwall_sandboxes_left",
			"Sandboxes that nobody holds and that the last reaper pass could not remove.", nil, nil)},
	}
	m.registry.MustRegister(m.seconds, m.reaped, m.left, m.removals.gauge(blockedDenied), m.removals.gauge(blockedStuck))
	return m
}

// scrapes bounds how many scrapes are answered at once: Prometheus needs one.
const scrapes = 4

// Handler answers scrapes, in Prometheus' text format.
func (m *Metrics) Handler() http.Handler {
	return promhttp.HandlerFor(m.registry, promhttp.HandlerOpts{MaxRequestsInFlight: scrapes})
}

// Reaped counts a sandbox that the reaper removed, to proof.
func (m *Metrics) Reaped(verdict string) {
	if m != nil {
		m.reaped.WithLabelValues(verdict).Inc()
	}
}

// ReaperPassed says how many sandboxes that nobody holds a whole pass of the reaper could not remove.
func (m *Metrics) ReaperPassed(sandboxesLeft int) {
	if m != nil {
		m.left.set(sandboxesLeft)
	}
}

// left is a gauge that is silent once its value has grown old.
type left struct {
	fresh time.Duration
	desc  *prometheus.Desc

	mu    sync.Mutex // guards what follows
	count int
	at    time.Time
}

func (l *left) set(count int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.count, l.at = count, time.Now()
}

// Describe is a prometheus.Collector's.
func (l *left) Describe(out chan<- *prometheus.Desc) { out <- l.desc }

// Collect is a prometheus.Collector's.
func (l *left) Collect(out chan<- prometheus.Metric) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if !l.at.IsZero() && time.Since(l.at) < l.fresh {
		out <- prometheus.MustNewConstMetric(l.desc, prometheus.GaugeValue, float64(l.count))
	}
}
