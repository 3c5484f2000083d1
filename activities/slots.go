package activities

import (
	"context"
	"fmt"
	"strconv"
	"sync/atomic"
	"time"

	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/client"
)

// Slots grants the slots of one provider account. A grant is a hint: the claim is the start of the slot's SandboxLease,
// which Temporal lets succeed once. So nothing here is durable, and a second Slots somewhere costs only efficiency.
type Slots struct {
	account string
	owner   Owner
	board   *slotBoard
	// head is since when the eval at the head of the line has waited; nil: nobody waits here.
	head atomic.Pointer[time.Time]
}

// NewSlots watches slots 0 … limit-1 of an account until ctx ends.
func NewSlots(ctx context.Context, temporal client.Client, account string, owner Owner, limit int) *Slots {
	slots := &Slots{account: account, owner: owner}
	slots.board = newSlotBoard(ctx, limit, func(ctx context.Context, slot int) leaseWatch {
		return watchLease(ctx, temporal, LeaseID(account, slot))
	})
	return slots
}

// LeaseID is the workflow ID of slot i's lease: the permit itself.
func LeaseID(account string, slot int) string {
	return LeasePrefix(account) + strconv.Itoa(slot)
}

// LeasePrefix is how the workflow IDs of an account's leases begin.
func LeasePrefix(account string) string { return "sandbox-slot/" + account + "/" }

// AcquireSlotInput is the input of AcquireSlot.
type AcquireSlotInput struct {
	Account string `json:"account"`
}

// SlotGrant names a slot that was free a moment ago.
type SlotGrant struct {
	Slot        int    `json:"slot"`
	LeaseID     string `json:"lease_id"`
	SandboxName string `json:"sandbox_name"`
	// EvalRun is the run of the eval that the slot was granted to. A reset gives the eval another run, in which this is still
	// the old one: see ErrTypeEvalReset.
	EvalRun string `json:"eval_run,omitempty"`
}

// slotHeartbeat is well below the heartbeat timeout of 10 s.
const slotHeartbeat = 2 * time.Second

// AcquireSlot waits until a slot is free. Its task queue is the waiting line, so it runs one at a time; its heartbeat
// says why it waits. It reserves nothing.
func (s *Slots) AcquireSlot(ctx context.Context, in AcquireSlotInput) (SlotGrant, error) {
	if in.Account != s.account {
		return SlotGrant{}, terminal(ErrTypeInvalidInput, fmt.Errorf("acquire slot of account %s: this worker serves account %s", in.Account, s.account))
	}
	tick := time.NewTicker(slotHeartbeat)
	defer tick.Stop()
	since := activity.GetInfo(ctx).ScheduledTime
	s.head.Store(&since)
	defer s.head.Store(nil)
	for {
		slot, free, changed := s.board.take()
		if free {
			return SlotGrant{
				Slot: slot, LeaseID: LeaseID(s.account, slot), SandboxName: s.owner.SandboxName(slot),
				EvalRun: activity.GetInfo(ctx).WorkflowExecution.RunID,
			}, nil
		}
		select {
		case <-changed:
		case <-tick.C:
			activity.RecordHeartbeat(ctx, s.board.describe())
		case <-activity.GetWorkerStopChannel(ctx):
			return SlotGrant{}, retryable("WorkerStopping", fmt.Errorf("acquire slot: this worker stops"), time.Millisecond)
		case <-ctx.Done():
			return SlotGrant{}, ctx.Err()
		}
	}
}
