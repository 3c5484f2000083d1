package activities

import (
	"context"
	"math"
	"sync"
	"time"
)

// startRate bounds how many creates of this worker are under way at once, by additive increase and multiplicative decrease
// (Chiu and Jain 1989, as in TCP): each that ends well raises the bound by 1 for every bound-ful of them, each refusal for lack
// of capacity halves it, and lets none start until the provider's own wish (Retry-After) or a growing wait is over. Several
// workers that share an account each learn from their own refusals, as flows on one link do.
//
//	limit ──(created)──> limit + 1/limit, at most most        refused ──> limit/2, at least 1; closed for a while
type startRate struct {
	most float64
	now  func() time.Time

	mu       sync.Mutex
	limit    float64
	under    int
	refusals int       // in a row
	closed   time.Time // none starts before
	changed  chan struct{}
}

const (
	// firstClosed is the wait after a refusal without a wish of the provider, doubled with each in a row up to lastClosed.
	firstClosed = time.Second
	lastClosed  = time.Minute
	// startPatience is how long a create waits for a place here, in its slot; then it gives the slot back.
	startPatience = 5 * time.Second
)

func newStartRate(most int) *startRate {
	most = max(1, most)
	return &startRate{most: float64(most), limit: float64(most), now: time.Now, changed: make(chan struct{})}
}

// begin takes a place; the caller ends it with end. Not ok: there is none yet, come back after wait, outside the slot.
func (r *startRate) begin(ctx context.Context) (ok bool, wait time.Duration) {
	patience := time.NewTimer(startPatience)
	defer patience.Stop()
	for {
		r.mu.Lock()
		if wait := r.closed.Sub(r.now()); wait > 0 {
			r.mu.Unlock()
			return false, wait
		}
		if float64(r.under) < math.Floor(r.limit) {
			r.under++
			r.mu.Unlock()
			return true, 0
		}
		changed := r.changed
		r.mu.Unlock()
		select {
		case <-changed:
		case <-patience.C:
			return false, firstClosed
		case <-ctx.Done():
			return false, 0
		}
	}
}

// startOutcome is how a create ended, for the bound.
type startOutcome int

const (
	startUnknown startOutcome = iota // a fault: nothing is learned
	startCreated
	startRefused // 429, quota, no capacity
)

// end gives the place back, and learns. wish is the provider's Retry-After; 0: none.
func (r *startRate) end(outcome startOutcome, wish time.Duration) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.under--
	switch outcome {
	case startCreated:
		r.refusals = 0
		r.limit = min(r.most, r.limit+1/r.limit)
	case startRefused:
		r.refuse(wish)
	case startUnknown:
	}
	close(r.changed)
	r.changed = make(chan struct{})
}

// refuse halves the bound once for all that were under way together: their refusals tell the same.
func (r *startRate) refuse(wish time.Duration) {
	now := r.now()
	if now.Before(r.closed) {
		r.closed = later(r.closed, now.Add(min(wish, lastClosed)))
		return
	}
	r.limit = max(1, r.limit/2)
	wait := min(lastClosed, firstClosed<<min(r.refusals, 10))
	r.refusals++
	r.closed = now.Add(min(lastClosed, max(wait, wish)))
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

// bound is the limit as it stands, and whether creates wait for the provider.
func (r *startRate) bound() (limit float64, closed bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.limit, r.closed.After(r.now())
}
