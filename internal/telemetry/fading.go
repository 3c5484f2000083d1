package telemetry

import (
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// fading is a gauge, of one value or of one for each value of a label, that falls silent once what it shows has grown old:
// a figure of the whole that this worker knew last may be another worker's by now.
type fading struct {
	desc  *prometheus.Desc
	fresh time.Duration

	mu     sync.Mutex // guards what follows
	values map[string]faded
}

type faded struct {
	value float64
	at    time.Time
}

func newFading(fresh time.Duration, name, help string, label ...string) *fading {
	return &fading{desc: prometheus.NewDesc(name, help, label, nil), fresh: fresh, values: map[string]faded{}}
}

// set shows a value from now on; label is empty for a gauge without one.
func (f *fading) set(label string, value float64) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.values[label] = faded{value, time.Now()}
}

// Describe is a prometheus.Collector's.
func (f *fading) Describe(out chan<- *prometheus.Desc) { out <- f.desc }

// Collect is a prometheus.Collector's.
func (f *fading) Collect(out chan<- prometheus.Metric) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for label, known := range f.values {
		if time.Since(known.at) >= f.fresh {
			delete(f.values, label)
			continue
		}
		var labels []string
		if label != "" {
			labels = []string{label}
		}
		out <- prometheus.MustNewConstMetric(f.desc, prometheus.GaugeValue, known.value, labels...)
	}
}
