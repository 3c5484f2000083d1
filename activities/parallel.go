package activities

import "sync"

// parallelRemovals bounds the removals that one activity has at work at once: enough that some which show no end do not
// hold up the rest, and few enough for the provider's rate limits.
const parallelRemovals = 8

// removers runs removals side by side, at most parallelRemovals at once.
type removers struct {
	wg   sync.WaitGroup
	room chan struct{}
}

func newRemovers() *removers { return &removers{room: make(chan struct{}, parallelRemovals)} }

// run waits for room and then runs the removal beside the others.
func (r *removers) run(removal func()) {
	r.room <- struct{}{}
	r.wg.Go(func() {
		defer func() { <-r.room }()
		removal()
	})
}

func (r *removers) wait() { r.wg.Wait() }
