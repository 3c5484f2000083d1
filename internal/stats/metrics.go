package stats

import (
	"iter"
	"strconv"

	"pitwall/internal/spec"
)

// Collector adds rows up. Make one with NewCollector. It is not for several goroutines.
type Collector struct {
	ks      []int
	metrics spec.Metrics
	sum     float64
	samples map[string]*tally
	order   []*tally // as first seen: one order of addition, so that equal rows give equal bits
}

// tally counts the scored and the passed epochs of one sample.
type tally struct{ scored, passed int }

// NewCollector collects for these k of pass@k.
func NewCollector(ks []int) *Collector {
	return &Collector{ks: ks, samples: map[string]*tally{}}
}

// Add counts one trial.
func (c *Collector) Add(row spec.TrialRow) {
	m := &c.metrics
	m.NTotal++
	m.SandboxSeconds += row.SandboxSeconds
	if row.Cleanup == spec.CleanupPending {
		m.PendingCleanup++
	}
	switch {
	case Scored(row):
		c.addScore(row)
	case row.Status == spec.StatusCancelled:
		m.NCancelled++
	case row.Error != nil && row.Error.Origin == spec.OriginInfra:
		m.NInfraError++
	default:
		m.NError++
	}
}

func (c *Collector) addScore(row spec.TrialRow) {
	sample := c.samples[row.SampleID]
	if sample == nil {
		sample = &tally{}
		c.samples[row.SampleID] = sample
		c.order = append(c.order, sample)
	}
	sample.scored++
	c.metrics.NScored++
	c.sum += *row.Score
	if *row.Passed {
		sample.passed++
		c.metrics.NPassed++
	}
}

// Scored reports whether a row carries a verdict.
func Scored(row spec.TrialRow) bool {
	return row.Status == spec.StatusCompleted && row.Score != nil && row.Passed != nil
}

// Metrics of all rows so far. Rates that are undefined (nothing was scored) are nil, or not in PassAtK.
func (c *Collector) Metrics() spec.Metrics {
	m := c.metrics
	m.PassAtK = c.passAtK()
	if m.NTotal > 0 {
		m.Coverage = float64(m.NScored) / float64(m.NTotal)
	}
	if m.NScored > 0 {
		accuracy := float64(m.NPassed) / float64(m.NScored)
		mean := c.sum / float64(m.NScored)
		m.Accuracy, m.MeanScore = &accuracy, &mean
	}
	return m
}

// passAtK averages the estimator over the samples with at least k scored epochs.
func (c *Collector) passAtK() map[string]float64 {
	estimates := map[string]float64{}
	for _, k := range c.ks {
		sum, samples := 0.0, 0
		for _, sample := range c.order {
			if estimate, ok := PassAtK(sample.scored, sample.passed, k); ok {
				sum += estimate
				samples++
			}
		}
		if samples > 0 {
			estimates[strconv.Itoa(k)] = sum / float64(samples)
		}
	}
	return estimates
}

// Aggregate collects all rows.
func Aggregate(rows iter.Seq[spec.TrialRow], ks []int) spec.Metrics {
	collector := NewCollector(ks)
	for row := range rows {
		collector.Add(row)
	}
	return collector.Metrics()
}
