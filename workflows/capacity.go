package workflows

import (
	"time"

	"pitwall/activities"
	"pitwall/internal/spec"
)

// fullness is what a create came to that the provider had no capacity for.
type fullness struct {
	// wait is the provider's wish, or the worker's own; 0: none.
	wait time.Duration
	// unsent: the worker asked nothing, because others were refused a moment ago.
	unsent bool
}

// patience is an attempt's with a provider that is full: what was refused so far.
type patience struct {
	asked, unsent int
}

const (
	// capacityTries bounds how often a provider that is full is asked by one attempt: with maxBackoff, for over an hour.
	capacityTries   = 100
	capacityBackoff = 5 * time.Second
	// unsentTries bounds the turns in which it was not asked. Such a turn waits some seconds at least; ten to one is a choice.
	unsentTries = 10 * capacityTries
)

// after is how long to wait before the next try after an error; not again: it was no lack of capacity, or patience is at its end.
// Only refusals of the provider itself make the wait grow: a worker that asked nothing knows best when its turn comes.
func (p *patience) after(err *spec.EvalError, full fullness) (wait time.Duration, again bool) {
	if err == nil || err.Type != activities.ErrTypeCapacity || p.asked >= capacityTries || p.unsent >= unsentTries {
		return 0, false
	}
	if full.unsent {
		p.unsent++
		return full.wait, true
	}
	p.asked++
	return max(full.wait, backoffAfter(p.asked, capacityBackoff)), true
}
