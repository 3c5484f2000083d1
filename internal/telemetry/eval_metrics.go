package telemetry

import (
	"slices"
	"sync"

	"github.com/prometheus/client_golang/prometheus"

	"pitwall/internal/spec"
)

// evalMetrics count what this worker wrote into its journal.
type evalMetrics struct {
	events         *prometheus.CounterVec
	evals          *prometheus.CounterVec
	infraErrors    *prometheus.CounterVec
	errorTypes     *fewLabels
	slotWait       prometheus.Histogram
	removalDelay   prometheus.Histogram
	sandboxSeconds prometheus.Counter
	// removed sandboxes, by id: a proof may be found again, where what comes after it is repeated.
	removed *recent
}

// waitBuckets go from a free slot to a night's queue (seconds).
var waitBuckets = []float64{0.1, 0.5, 1, 5, 15, 60, 300, 900, 3600, 4 * 3600, 12 * 3600}

// maxErrorTypes bounds the values of a label that are not known in advance; there are some 20 types of errors.
const maxErrorTypes = 50

func newEvalMetrics() evalMetrics {
	e := evalMetrics{
		removed: newRecent(),
		events: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "pitwall_events_total", Help: "Lines of the journal.",
		}, []string{"event", "status"}),
		evals: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "pitwall_evals_total", Help: "Evals that came to an end of their own.",
		}, []string{"kind", "outcome"}),
		infraErrors: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "pitwall_infra_errors_total", Help: "Attempts that an infrastructure fault ended, of evals that have ended.",
		}, []string{"type"}),
		errorTypes: &fewLabels{most: maxErrorTypes, known: map[string]bool{}},
		slotWait: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name: "pitwall_slot_wait_seconds", Help: "Seconds that an eval waited for a slot.", Buckets: waitBuckets,
		}),
		removalDelay: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name: "pitwall_removal_delay_seconds", Help: "Seconds from the moment a sandbox was to go to the proof that it is gone.",
			Buckets: removalBuckets,
		}),
		sandboxSeconds: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "pitwall_sandbox_seconds_total", Help: "Seconds of sandboxes, from created to proven gone: what the provider is paid for.",
		}),
	}
	for _, kind := range kinds() { // from the start, so that the first one is an increase
		for _, outcome := range Outcomes() {
			e.evals.WithLabelValues(kind, outcome)
		}
	}
	return e
}

func kinds() []string {
	return []string{spec.KindEvaluation, spec.KindDataPrep, spec.KindToolSimulation}
}

func (e evalMetrics) collectors() []prometheus.Collector {
	return []prometheus.Collector{e.events, e.evals, e.infraErrors, e.slotWait, e.removalDelay, e.sandboxSeconds}
}

// count counts an entry of the journal.
func (m *Metrics) count(entry Entry) {
	if m == nil {
		return
	}
	e := m.evals
	e.events.WithLabelValues(string(entry.Event), string(entry.Status)).Inc()
	if entry.Final {
		e.evals.WithLabelValues(kindLabel(entry.Kind), entry.Outcome).Inc()
	}
	for _, errorType := range entry.InfraErrors {
		e.infraErrors.WithLabelValues(e.errorTypes.value(errorType)).Inc()
	}
	switch {
	case entry.Event == SlotAcquired && entry.Status == StatusOK:
		e.slotWait.Observe(entry.FinishedAt.Sub(entry.CreatedAt).Seconds())
	case entry.Event == SandboxRemoved && entry.Status == StatusOK && e.removed.isNew(entry.SandboxID):
		e.removalDelay.Observe(max(0, entry.FinishedAt.Sub(entry.CreatedAt)).Seconds())
		e.sandboxSeconds.Add(entry.SandboxSeconds)
	}
}

// kindLabel is the kind of a job, of those that there are: an eval that is refused may name any.
func kindLabel(kind string) string {
	switch {
	case kind == "":
		return spec.KindEvaluation
	case slices.Contains(kinds(), kind):
		return kind
	}
	return otherLabel
}

// otherLabel stands for every value of a label that there is no room for.
const otherLabel = "other"

// fewLabels admits the first values of a label, so that nothing can make more series than are bearable.
type fewLabels struct {
	most int

	mu    sync.Mutex // guards known
	known map[string]bool
}

func (f *fewLabels) value(label string) string {
	f.mu.Lock()
	defer f.mu.Unlock()
	if !f.known[label] && len(f.known) >= f.most {
		return otherLabel
	}
	f.known[label] = true
	return label
}
