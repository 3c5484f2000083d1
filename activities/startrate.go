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
	// longestWish bounds what a provider may wish for, as the client's own bound on Retry-After does.
	longestWish = 10 * time.Minute
	// startPatience is how long a create waits for its turn here, in its slot; then it gives the slot back. A choice: the first
	// refusals' waits (1, 2, 4 and 8 s) are cheaper than another turn in the line, some 15 events for each eval in it.
	startPatience = 10 * time.Second
)

func newStartRate(most int) *startRate {
	most = max(1, most)
	return &startRate{most: float64(most), limit: float64(most), changed: make(chan struct{})}
}

// begin takes a place; the caller ends it with end. Not ok: there is none yet, come back after wait, outside the slot.
func (r *startRate) begin(ctx context.Context) (ok bool, wait time.Duration) {
	patience := time.NewTimer(startPatience)
	defer patience.Stop()
	for {
		ok, closed, changed := r.take()
		if ok || closed > startPatience {
			return ok, closed
		}
		opens := make(<-chan time.Time)
		if closed > 0 {
			opens = time.After(closed)
		}
		select {
		case <-changed:
		case <-opens:
		case <-patience.C:
			return false, max(closed, firstClosed)
		case <-ctx.Done():
			return false, 0
		}
	}
}

// take takes a place if there is one; closed is how long none is given yet, and changed tells when to look again.
func (r *startRate) take() (ok bool, closed time.Duration, changed <-chan struct{}) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if closed = time.Until(r.closed); closed > 0 {
		return false, closed, r.changed
	}
	if ok = float64(r.under) < math.Floor(r.limit); ok {
		r.under++
	}
	return ok, 0, r.changed
}

// startOutcome is how a create ended, for the bound.
type startOutcome int

const (
	startUnknown startOutcome = iota // a fault: nothing is learned
	startCreated
	startRefused // 429, quota, no capacity
)

// end gives the place back, and learns. wish is the provider's Retry-After; 0: none. It returns the limit as it then stands, and
// whether creates wait for the provider: not after one that went well, whatever others were told.
func (r *startRate) end(outcome startOutcome, wish time.Duration) (limit float64, waits bool) {
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
	return r.limit, outcome != startCreated && time.Now().Before(r.closed)
}

// refuse halves the bound once for all that were under way together: their refusals tell the same.
func (r *startRate) refuse(wish time.Duration) {
	now := time.Now()
	if now.Before(r.closed) {
		r.closed = later(r.closed, now.Add(min(wish, longestWish)))
		return
	}
	r.limit = max(1, r.limit/2)
	wait := min(lastClosed, firstClosed<<min(r.refusals, 10))
	r.refusals++
	r.closed = now.Add(max(wait, min(wish, longestWish)))
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}
