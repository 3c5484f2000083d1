package stats

import (
	"iter"
	"math"
	"strconv"

	"pitwall/internal/spec"
)

// Choice is what a campaign asks of its numbers.
type Choice struct {
	// PassAtK lists the k of pass@k.
	PassAtK []int
	// Reducer as spec.ParseReducer reads it; empty: none is asked for.
	Reducer string
	// ClusterBy is spec.ClusterCategory, or anything else for clusters by sample.
	ClusterBy string
}

// Collector adds rows up. Make one with NewCollector. It is not for several goroutines.
type Collector struct {
	choice   Choice
	metrics  spec.Metrics
	sum      float64
	samples  tallies
	clusters tallies
}

// NewCollector collects what choice asks for.
func NewCollector(choice Choice) *Collector {
	return &Collector{choice: choice, samples: newTallies(), clusters: newTallies()}
}

// tallies count by name; their order is that in which names were first seen, so that equal rows give equal bits.
type tallies struct {
	index  map[string]int
	counts []Cluster
}

func newTallies() tallies { return tallies{index: map[string]int{}} }

// of is what was counted of a name, which is known from then on.
func (t *tallies) of(name string) *Cluster {
	i, known := t.index[name]
	if !known {
		i = len(t.counts)
		t.index[name] = i
		t.counts = append(t.counts, Cluster{})
	}
	return &t.counts[i]
}

func (c *Cluster) add(passed bool) {
	c.Scored++
	if passed {
		c.Passed++
	}
}

// Add counts one trial.
func (c *Collector) Add(row spec.TrialRow) {
	m := &c.metrics
	m.SandboxSeconds += row.SandboxSeconds
	if row.Cleanup == spec.CleanupPending {
		m.PendingCleanup++
	}
	if row.Canary != "" {
		m.NCanary++
		if CanaryFailed(row) {
			m.CanariesFailed++
		}
		return
	}
	m.NTotal++
	sample := c.samples.of(row.SampleID) // also where it has no score: a reducer's coverage is of all samples
	switch {
	case Scored(row):
		c.addScore(row, sample)
	case row.Status == spec.StatusCancelled:
		m.NCancelled++
	case row.Status == spec.StatusNotStarted:
		m.NNotStarted++
	case row.Error != nil && row.Error.Origin == spec.OriginInfra:
		m.NInfraError++
	default:
		m.NError++
	}
}

func (c *Collector) addScore(row spec.TrialRow, sample *Cluster) {
	sample.add(*row.Passed)
	if c.choice.ClusterBy == spec.ClusterCategory {
		c.clusters.of(row.Category).add(*row.Passed)
	}
	c.metrics.NScored++
	c.sum += *row.Score
	if *row.Passed {
		c.metrics.NPassed++
	}
}

// Scored reports whether a row carries a verdict. A score that is not a finite number is none.
func Scored(row spec.TrialRow) bool {
	return row.Canary == "" && row.Status == spec.StatusCompleted && row.Passed != nil && row.Score != nil && finite(*row.Score)
}

func finite(value float64) bool { return !math.IsNaN(value) && !math.IsInf(value, 0) }

// CanaryFailed reports whether a row is of a canary that did not end as expected, also because it broke. One that was
// cancelled says nothing.
func CanaryFailed(row spec.TrialRow) bool {
	return row.Canary != "" && row.Status != spec.StatusCompleted && row.Status != spec.StatusCancelled
}

// Metrics of all rows so far. Rates that are undefined (nothing was scored) are nil, or not in PassAtK.
func (c *Collector) Metrics() spec.Metrics {
	m := c.metrics
	m.PassAtK = c.passAtK()
	m.Reduced = c.reduced()
	if m.NTotal > 0 {
		m.Coverage = float64(m.NScored) / float64(m.NTotal)
	}
	if m.NScored > 0 {
		c.addAccuracy(&m)
	}
	return m
}

func (c *Collector) addAccuracy(m *spec.Metrics) {
	clusters := c.samples.counts
	if c.choice.ClusterBy == spec.ClusterCategory {
		clusters = c.clusters.counts
	}
	accuracy := float64(m.NPassed) / float64(m.NScored)
	m.Accuracy, m.NClusters = &accuracy, scoredClusters(clusters)
	if stderr, ok := ClusteredStderr(clusters); ok {
		m.AccuracyStderr = &stderr
	}
	if interval, ok := Wilson(accuracy, EffectiveTrials(clusters)); ok {
		m.AccuracyInterval = &interval
	}
	if mean := c.sum / float64(m.NScored); finite(mean) { // the sum of finite scores may not be
		m.MeanScore = &mean
	}
}

// reduced is the mean over samples of what the campaign's reducer makes of each.
func (c *Collector) reduced() *spec.Reduced {
	reducer, err := spec.ParseReducer(c.choice.Reducer)
	if err != nil || c.choice.Reducer == "" { // a campaign's input is valid
		return nil
	}
	var values []float64
	for _, sample := range c.samples.counts {
		if value, ok := Reduce(reducer, sample.Scored, sample.Passed); ok {
			values = append(values, value)
		}
	}
	reduced := &spec.Reduced{Reducer: reducer.String(), NSamples: len(values), Interval: BootstrapMean(values, DefaultSeed)}
	if len(values) > 0 {
		mean := Mean(values)
		reduced.Value, reduced.Coverage = &mean, float64(len(values))/float64(len(c.samples.counts))
	}
	return reduced
}

// Mean of values, NaN of none.
func Mean(values []float64) float64 {
	sum := 0.0
	for _, value := range values {
		sum += value
	}
	return sum / float64(len(values))
}

// passAtK averages the estimator over the samples with at least k scored epochs.
func (c *Collector) passAtK() map[string]float64 {
	estimates := map[string]float64{}
	for _, k := range c.choice.PassAtK {
		sum, samples := 0.0, 0
		for _, sample := range c.samples.counts {
			if estimate, ok := PassAtK(sample.Scored, sample.Passed, k); ok {
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
func Aggregate(rows iter.Seq[spec.TrialRow], choice Choice) spec.Metrics {
	collector := NewCollector(choice)
	for row := range rows {
		collector.Add(row)
	}
	return collector.Metrics()
}
