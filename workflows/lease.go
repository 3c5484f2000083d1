package workflows

import (
	"fmt"
	"time"

	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"pitwall/activities"
	"pitwall/internal/spec"
)

// LeaseInput is the input of SandboxLease.
type LeaseInput struct {
	activities.LeaseFacts
	// Horizon is how long after the lease's start a create may still take effect.
	Horizon time.Duration `json:"horizon"`
	// Searchable: the namespace has Pitwall's search attributes.
	Searchable bool `json:"searchable,omitempty"`
}

// LeaseResult is how a lease ended.
type LeaseResult struct {
	// Reason is released, refused, cancelled, deadline or reset.
	Reason string `json:"reason"`
	// Certificates for every sandbox that this lease guarded. Empty: there was none.
	Certificates []spec.Certificate `json:"certificates,omitempty"`
}

// SandboxLease is the permit for one sandbox and its guard. Its workflow ID is the slot, so Temporal lets one run at a
// time. It waits for
//
//	released   the eval removed its sandbox and hands over the proof        ─> ends
//	refused    the provider definitely created nothing                      ─> ends
//	cancelled  the eval closed without a release (terminate, run timeout …) ─> removes, then ends
//	deadline   nobody came                                                  ─> removes, then ends
//	reset      somebody reset the lease: its eval has given it up           ─> removes, then ends
//
// and ends only with proof. It never continues as new.
func SandboxLease(ctx workflow.Context, in LeaseInput) (LeaseResult, error) {
	l := &lease{in: in, self: claimedRun(ctx), startedAt: workflow.Now(ctx), known: map[string]activities.CreatedSignal{}}
	reason := l.wait(ctx)
	if len(l.known) == 0 && !l.moreMayCome && (reason == leaseReleased || reason == leaseRefused) {
		return LeaseResult{Reason: reason, Certificates: l.proven}, nil
	}
	mark(ctx, in.Searchable, keyword(AttributeState, StateRemoving)...)
	detached, _ := workflow.NewDisconnectedContext(ctx)
	if err := l.removeAll(detached); err != nil {
		return LeaseResult{}, err
	}
	return LeaseResult{Reason: reason, Certificates: l.proven}, nil
}

const (
	leaseReleased  = "released"
	leaseRefused   = "refused"
	leaseCancelled = "cancelled"
	leaseDeadline  = "deadline"
	leaseReset     = "reset"
)

// claimedRun is the run that the eval started, which labels and signals name: the first, also after a reset.
func claimedRun(ctx workflow.Context) workflow.Execution {
	info := workflow.GetInfo(ctx)
	if info.OriginalRunID == "" { // in the SDK's test environment
		return info.WorkflowExecution
	}
	return workflow.Execution{ID: info.WorkflowExecution.ID, RunID: info.OriginalRunID}
}

type lease struct {
	in        LeaseInput
	self      workflow.Execution
	startedAt time.Time
	// known sandboxes that were created under this lease and are not proven gone; order keeps their sequence.
	known  map[string]activities.CreatedSignal
	order  []string
	proven []spec.Certificate
	// everKnown: some create reported its id.
	everKnown bool
	// moreMayCome: besides what is known, a create without an answer may yet take effect, until the horizon.
	moreMayCome bool
	refused     bool
	wakes       int
}

func (l *lease) wait(ctx workflow.Context) string {
	workflow.SetCurrentDetails(ctx, fmt.Sprintf("Guards `%s` for `%s` until %s.", l.in.SandboxName, l.in.Eval.ID, l.in.Deadline.Format(time.RFC3339)))
	deadline := workflow.NewTimerWithOptions(ctx, l.in.Deadline.Sub(workflow.Now(ctx)), workflow.TimerOptions{Summary: "lease deadline"})
	expired := false
	selector := workflow.NewSelector(ctx)
	selector.AddFuture(deadline, func(workflow.Future) { expired = true })
	selector.AddReceive(ctx.Done(), func(workflow.ReceiveChannel, bool) {})
	for _, name := range []string{activities.SignalCreated, activities.SignalReleased, activities.SignalRefused} {
		// The callback only wakes the loop: drain reads every channel, so that a cancel never overtakes a signal.
		channel := workflow.GetSignalChannel(ctx, name)
		selector.AddReceive(channel, func(workflow.ReceiveChannel, bool) { l.drain(ctx) })
	}
	for {
		l.drain(ctx)
		switch {
		case l.released():
			return leaseReleased
		case len(l.proven) > 0:
			return leaseReleased // of one sandbox, while another is still known: removed below
		case l.refused && len(l.known) == 0:
			return leaseRefused
		case l.wasReset(ctx):
			return leaseReset
		case ctx.Err() != nil:
			return leaseCancelled
		case expired:
			return leaseDeadline
		}
		selector.Select(ctx)
	}
}

// wasReset: this run goes on where a reset cut another one off. Only the history from before the cut must be repeated
// as it was, and GetVersion tells the two apart: it says DefaultVersion for what is repeated. Each wake asks anew, because
// an answer is kept for its name. Runs that were never reset ask nothing, and record nothing.
func (l *lease) wasReset(ctx workflow.Context) bool {
	if workflow.GetInfo(ctx).WorkflowExecution.RunID == l.self.RunID {
		return false
	}
	l.wakes++
	return workflow.GetVersion(ctx, fmt.Sprintf("reset-at-wake-%d", l.wakes), workflow.DefaultVersion, 1) != workflow.DefaultVersion
}

// released: every sandbox that was ever reported is proven gone.
func (l *lease) released() bool { return l.everKnown && len(l.known) == 0 }

// drain reads all signals that have arrived.
func (l *lease) drain(ctx workflow.Context) {
	var created activities.CreatedSignal
	for workflow.GetSignalChannel(ctx, activities.SignalCreated).ReceiveAsync(&created) {
		l.add(created)
		created = activities.CreatedSignal{}
	}
	var released activities.ReleasedSignal
	for workflow.GetSignalChannel(ctx, activities.SignalReleased).ReceiveAsync(&released) {
		l.prove(released.Certificate)
		released = activities.ReleasedSignal{}
	}
	var refused activities.RefusedSignal
	for workflow.GetSignalChannel(ctx, activities.SignalRefused).ReceiveAsync(&refused) {
		l.refused = true
	}
}

func (l *lease) add(created activities.CreatedSignal) {
	l.moreMayCome = l.moreMayCome || created.MoreMayCome
	if created.ID == "" || l.isProven(created.ID) {
		return
	}
	if _, known := l.known[created.ID]; !known {
		l.order = append(l.order, created.ID)
	}
	l.known[created.ID] = created
	l.everKnown = true
}

// prove takes a certificate for a sandbox of this lease; one that names another id is ignored.
func (l *lease) prove(certificate spec.Certificate) {
	if _, known := l.known[certificate.SandboxID]; !known || certificate.ConfirmedBy == "" {
		return
	}
	delete(l.known, certificate.SandboxID)
	l.proven = append(l.proven, certificate)
}

func (l *lease) isProven(id string) bool {
	for _, certificate := range l.proven {
		if certificate.SandboxID == id {
			return true
		}
	}
	return false
}

// removeAll removes what is there, and looks again until nothing can come any more: a create that nobody heard the end of
// may take effect until the horizon.
func (l *lease) removeAll(ctx workflow.Context) error {
	horizon := l.startedAt.Add(l.in.Horizon)
	for {
		looked := workflow.Now(ctx) // before the look: what comes while it goes on is not seen
		if err := l.guard(ctx); err != nil {
			return err
		}
		l.drain(ctx)
		if len(l.known) > 0 {
			continue
		}
		if (l.everKnown || l.refused) && !l.moreMayCome || !looked.Before(horizon) {
			return nil
		}
		if err := l.sleepUnlessTold(ctx, horizon.Sub(workflow.Now(ctx))); err != nil {
			return err
		}
	}
}

// guard removes what is known, named or labelled as this lease's.
func (l *lease) guard(ctx workflow.Context) error {
	in := activities.GuardSandboxInput{
		Lease: activities.Execution{ID: l.self.ID, RunID: l.self.RunID}, Name: l.in.SandboxName,
	}
	for _, id := range l.order {
		if created, known := l.known[id]; known {
			in.Known = append(in.Known, created)
		}
	}
	workflow.SetCurrentDetails(ctx, fmt.Sprintf("Removing `%s`. The slot stays taken until it is proven gone; the pending activity says what it waits for.", l.in.SandboxName))
	var sandboxes *activities.Sandboxes
	var result activities.GuardSandboxResult
	if err := workflow.ExecuteActivity(withGuard(ctx), sandboxes.GuardSandbox, in).Get(ctx, &result); err != nil {
		return err
	}
	for _, certificate := range result.Certificates {
		l.acceptOwn(certificate)
	}
	return nil
}

// acceptOwn takes a certificate of this lease's own removal, also for a sandbox that nobody reported.
func (l *lease) acceptOwn(certificate spec.Certificate) {
	delete(l.known, certificate.SandboxID)
	if !l.isProven(certificate.SandboxID) {
		l.proven = append(l.proven, certificate)
	}
}

// sleepUnlessTold sleeps until the horizon, or until CreateSandbox reports after all.
func (l *lease) sleepUnlessTold(ctx workflow.Context, wait time.Duration) error {
	if wait <= 0 {
		return nil
	}
	workflow.SetCurrentDetails(ctx, fmt.Sprintf("A create of `%s` may yet take effect: looks again at %s.", l.in.SandboxName, workflow.Now(ctx).Add(wait).Format(time.RFC3339)))
	options := workflow.AwaitOptions{Timeout: wait, TimerOptions: workflow.TimerOptions{Summary: "look again: a create may yet take effect"}}
	_, err := workflow.AwaitWithOptions(ctx, options, func() bool {
		l.drain(ctx)
		return len(l.known) > 0 || (l.everKnown || l.refused) && !l.moreMayCome
	})
	if temporal.IsCanceledError(err) {
		return nil
	}
	return err
}
