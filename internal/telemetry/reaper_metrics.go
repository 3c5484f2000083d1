package telemetry

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// reaperMetrics are of the passes that this worker ran.
type reaperMetrics struct {
	reaped   *prometheus.CounterVec
	left     *fading
	passed   *fading
	interval prometheus.Gauge
}

// passKept is how long the time of a pass is shown: past every interval that can be set (a day), so that whoever watches
// sees how old it is.
const passKept = 7 * 24 * time.Hour

func newReaperMetrics(interval time.Duration) reaperMetrics {
	r := reaperMetrics{
		reaped: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "pitwall_reaped_total", Help: "Sandboxes that the reaper removed, to proof.",
		}, []string{"verdict"}),
		left: newFading(2*interval, "pitwall_sandboxes_left",
			"Sandboxes that nobody holds and that the last reaper pass could not remove."),
		passed: newFading(passKept, "pitwall_reaper_last_pass_timestamp_seconds",
			"Unix time at which this worker last ended a whole pass of the reaper."),
		interval: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "pitwall_reaper_interval_seconds", Help: "Seconds between two passes of the reaper (PITWALL_REAPER_INTERVAL).",
		}),
	}
	r.interval.Set(interval.Seconds())
	return r
}

func (r reaperMetrics) collectors() []prometheus.Collector {
	return []prometheus.Collector{r.reaped, r.left, r.passed, r.interval}
}

// Reaped counts a sandbox that the reaper removed, to proof.
func (m *Metrics) Reaped(verdict string) {
	if m != nil {
		m.reaper.reaped.WithLabelValues(verdict).Inc()
	}
}

// ReaperPassed says how many sandboxes that nobody holds a whole pass of the reaper could not remove. That is shown for two
// intervals, and then not at all: later passes were another worker's, which shows what they left.
func (m *Metrics) ReaperPassed(sandboxesLeft int) {
	if m != nil {
		m.reaper.left.set("", float64(sandboxesLeft))
		m.reaper.passed.set("", float64(time.Now().Unix()))
	}
}
