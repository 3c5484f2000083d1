package telemetry

import "github.com/prometheus/client_golang/prometheus"

// startMetrics are what this worker learned of the provider's capacity.
type startMetrics struct {
	limit  prometheus.Gauge
	closed prometheus.Gauge
}

func newStartMetrics() startMetrics {
	return startMetrics{
		limit: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "pitwall_create_limit", Help: "Creates that this worker lets be under way at once, by the provider's refusals; 0 before the first.",
		}),
		closed: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "pitwall_waiting_for_capacity", Help: "1 after a create that the provider refused for lack of capacity, until one succeeds.",
		}),
	}
}

func (m startMetrics) collectors() []prometheus.Collector {
	return []prometheus.Collector{m.limit, m.closed}
}

// Starts is told of the bound on creates after each of them.
func (m *Metrics) Starts(limit float64, waits bool) {
	if m == nil {
		return
	}
	m.starts.limit.Set(limit)
	m.starts.closed.Set(0)
	if waits {
		m.starts.closed.Set(1)
	}
}
