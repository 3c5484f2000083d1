package activities

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/serviceerror"
	"go.temporal.io/sdk/client"
)

// grantHold is how long a granted slot counts as taken although no lease is seen in it: the claim is on its way.
// The claim takes one workflow task; 3 s covers a loaded machine, and a grant that is never claimed costs 3 s of a slot.
const grantHold = 3 * time.Second

// slotBoard is what this process believes of the slots:
//
//	unknown ──(watch: no lease runs)──> free ──take──> granted ──(watch: a lease runs)──> held
//	   ^                                  ^───────────────(watch: it closed)────────────────┘
//	   └── granted, and no lease within grantHold
//
// A watch runs only while somebody waits, one per slot that is not free.
type slotBoard struct {
	ctx   context.Context
	watch func(ctx context.Context, slot int) leaseWatch

	mu      sync.Mutex
	slots   []boardSlot
	next    int           // where the search for a free slot begins, so that slots are used in turn
	changed chan struct{} // closed and replaced when a slot becomes free
}

type boardSlot struct {
	state     slotState
	grantedAt time.Time
	watched   bool
}

type slotState int

const (
	slotUnknown slotState = iota
	slotFree
	slotGranted
	slotHeld
)

// leaseWatch is one look at a slot's lease.
type leaseWatch struct {
	// Running: a lease held the slot when looked at; wait blocks until it has closed.
	running bool
	wait    func(ctx context.Context) error
	err     error
}

func newSlotBoard(ctx context.Context, limit int, watch func(context.Context, int) leaseWatch) *slotBoard {
	return &slotBoard{ctx: ctx, watch: watch, slots: make([]boardSlot, limit), changed: make(chan struct{})}
}

// take hands out a free slot; without one it starts the watches and returns a channel that is closed when to look again.
func (b *slotBoard) take() (slot int, free bool, changed <-chan struct{}) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for i := range b.slots {
		slot := (b.next + i) % len(b.slots)
		if b.slots[slot].state == slotFree {
			b.slots[slot].state, b.slots[slot].grantedAt = slotGranted, time.Now()
			b.next = slot + 1
			return slot, true, nil
		}
	}
	for slot := range b.slots {
		if !b.slots[slot].watched {
			b.slots[slot].watched = true
			go b.follow(slot)
		}
	}
	return 0, false, b.changed
}

// follow watches one slot until it is free.
func (b *slotBoard) follow(slot int) {
	delay := 5 * time.Millisecond
	for b.ctx.Err() == nil {
		look := b.watch(b.ctx, slot)
		switch {
		case look.running:
			b.set(slot, slotHeld)
			if look.wait(b.ctx) == nil {
				b.set(slot, slotFree)
				return
			}
		case look.err == nil && !b.claimMayCome(slot):
			b.set(slot, slotFree)
			return
		}
		// An error of Temporal, or a claim on its way: look again, more and more slowly.
		select {
		case <-time.After(delay):
			delay = min(2*delay, time.Second)
		case <-b.ctx.Done():
		}
	}
}

func (b *slotBoard) claimMayCome(slot int) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.slots[slot].state == slotGranted && time.Since(b.slots[slot].grantedAt) < grantHold
}

func (b *slotBoard) set(slot int, state slotState) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.slots[slot].state = state
	if state == slotFree {
		b.slots[slot].watched = false
		close(b.changed)
		b.changed = make(chan struct{})
	}
}

// describe says why nobody gets a slot.
func (b *slotBoard) describe() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	held := 0
	for _, slot := range b.slots {
		if slot.state == slotHeld {
			held++
		}
	}
	return fmt.Sprintf("waiting for a sandbox slot: %d of %d are held by running leases", held, len(b.slots))
}

// watchTimeout bounds one look at a lease; the wait for its close is bounded by the lease's own deadline.
const watchTimeout = 10 * time.Second

func watchLease(ctx context.Context, temporal client.Client, leaseID string) leaseWatch {
	lookCtx, cancel := context.WithTimeout(ctx, watchTimeout)
	defer cancel()
	described, err := temporal.DescribeWorkflowExecution(lookCtx, leaseID, "")
	var notFound *serviceerror.NotFound
	if errors.As(err, &notFound) {
		return leaseWatch{}
	}
	if err != nil {
		return leaseWatch{err: err}
	}
	info := described.GetWorkflowExecutionInfo()
	if info.GetStatus() != enumspb.WORKFLOW_EXECUTION_STATUS_RUNNING {
		return leaseWatch{}
	}
	run := temporal.GetWorkflow(ctx, leaseID, info.GetExecution().GetRunId())
	return leaseWatch{running: true, wait: func(ctx context.Context) error {
		err := run.Get(ctx, nil)
		if ctx.Err() != nil || isUnavailable(err) {
			return err
		}
		return nil // closed, however it ended
	}}
}

func isUnavailable(err error) bool {
	var unavailable *serviceerror.Unavailable
	var deadline *serviceerror.DeadlineExceeded
	return errors.As(err, &unavailable) || errors.As(err, &deadline)
}
