package telemetry

import "github.com/prometheus/client_golang/prometheus"

// retentionMetrics count what was removed from the store because its time was over.
type retentionMetrics struct {
	objects, bytes prometheus.Counter
}

func newRetentionMetrics() retentionMetrics {
	return retentionMetrics{
		objects: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "pitwall_expired_objects_total", Help: "Objects of expired campaigns and evals that were removed from the store.",
		}),
		bytes: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "pitwall_expired_bytes_total", Help: "Bytes of expired campaigns and evals that were removed from the store.",
		}),
	}
}

func (r retentionMetrics) collectors() []prometheus.Collector {
	return []prometheus.Collector{r.objects, r.bytes}
}

// Expired counts what one pass removed.
func (m *Metrics) Expired(objects int, bytes int64) {
	if m != nil {
		m.retention.objects.Add(float64(objects))
		m.retention.bytes.Add(float64(bytes))
	}
}
