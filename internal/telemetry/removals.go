package telemetry

import (
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// Why a removal is blocked.
const (
	blockedDenied = "denied" // the provider denies the DELETE
	blockedStuck  = "stuck"  // for over StuckAfter there is no proof
)

// StuckAfter is how long a removal may go on before it counts as stuck: as long as an eval waits for the proof.
const StuckAfter = time.Minute

// retryWithin is how long a removal is remembered between two tries: activities that were denied are tried again after
// 30 s. One that comes later was tried by another worker, or nobody waits for it any more.
const retryWithin = time.Minute

// removals are those that this process now waits for, by sandbox, over the tries of their activities.
type removals struct {
	mu      sync.Mutex // guards waiting
	waiting map[string]*waitedFor
}

type waitedFor struct {
	since  time.Time // of the first try, or of the first DELETE that was accepted after a denial
	denied bool
	tries  int       // at work now
	ended  time.Time // when the last of them ended
}

func newRemovals() *removals { return &removals{waiting: map[string]*waitedFor{}} }

// gauge counts those that are blocked for one reason.
func (r *removals) gauge(reason string) prometheus.Collector {
	return prometheus.NewGaugeFunc(prometheus.GaugeOpts{
		Name: "pitwall_removals_blocked", Help: "Removals that this worker waits for and that the provider denies, or that show no end for over a minute.",
		ConstLabels: prometheus.Labels{"reason": reason},
	}, func() float64 { return float64(r.count(reason)) })
}

func (r *removals) count(reason string) int {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.forget()
	count := 0
	for _, w := range r.waiting {
		if w.denied == (reason == blockedDenied) && (w.denied || time.Since(w.since) > StuckAfter) {
			count++
		}
	}
	return count
}

// forget drops what nobody here waits for any more, so that there are never more than removals at work and just ended.
func (r *removals) forget() {
	for id, w := range r.waiting {
		if w.tries == 0 && time.Since(w.ended) > retryWithin {
			delete(r.waiting, id)
		}
	}
}

// RemovalTry is one try of an activity to remove a sandbox. End it with Proven, Denied or GaveUp.
type RemovalTry struct {
	metrics   *Metrics
	sandboxID string
}

// RemovalBegins begins a try to remove a sandbox.
func (m *Metrics) RemovalBegins(sandboxID string) RemovalTry {
	if m == nil {
		return RemovalTry{}
	}
	r := m.removals
	r.mu.Lock()
	defer r.mu.Unlock()
	r.forget()
	w := r.waiting[sandboxID]
	if w == nil {
		w = &waitedFor{since: time.Now()}
		r.waiting[sandboxID] = w
	}
	w.tries++
	return RemovalTry{metrics: m, sandboxID: sandboxID}
}

// Accepted: the provider took the DELETE, so that nothing is denied any more.
func (t RemovalTry) Accepted() {
	t.update(func(w *waitedFor) {
		if w.denied {
			w.denied, w.since = false, time.Now()
		}
	})
}

// Denied: the try ended because the provider denies the DELETE.
func (t RemovalTry) Denied() {
	t.update(func(w *waitedFor) {
		w.denied = true
		w.end()
	})
}

// GaveUp: the try ended without proof.
func (t RemovalTry) GaveUp() { t.update((*waitedFor).end) }

// Proven: the sandbox is gone, and its removal took so long.
func (t RemovalTry) Proven(took time.Duration) {
	if t.metrics == nil {
		return
	}
	t.metrics.seconds.Observe(took.Seconds())
	r := t.metrics.removals
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.waiting, t.sandboxID)
}

// update changes what is known of the sandbox, unless it was proven gone meanwhile.
func (t RemovalTry) update(change func(*waitedFor)) {
	if t.metrics == nil {
		return
	}
	r := t.metrics.removals
	r.mu.Lock()
	defer r.mu.Unlock()
	if w := r.waiting[t.sandboxID]; w != nil {
		change(w)
	}
}

func (w *waitedFor) end() { w.tries, w.ended = max(0, w.tries-1), time.Now() }
