package workflows

import (
	"errors"
	"slices"
	"time"

	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"pitwall/activities"
	"pitwall/internal/spec"
	"pitwall/internal/telemetry"
)

// EndedBudget is why a campaign ended before all of its trials had run.
const EndedBudget = "budget exhausted"

// BudgetLeft is what a shard may still use. Zero values: no bound.
type BudgetLeft struct {
	SandboxSeconds float64   `json:"sandbox_seconds,omitempty"`
	Until          time.Time `json:"until,omitzero"`
}

// gate decides whether a shard may start its next trial: an operator's controls, the breaker, and the budget. Nothing of it
// issues a command in a shard that was started without them.
type gate struct {
	planned  int // the campaign's max_parallel
	controls Controls
	breaker  *breaker
	budget   BudgetLeft
	// ended says why nothing is started any more; cut, that trials were cancelled or left out for it.
	ended string
	cut   bool
}

func newGate(in ShardInput) *gate {
	return &gate{planned: in.Window, controls: in.Controls, breaker: newBreaker(in.Breaker, in.BreakerState), budget: in.Budget}
}

func (g *gate) window() int {
	if g.controls.Parallel > 0 {
		return g.controls.Parallel
	}
	return g.planned
}

func (g *gate) admits(open int) bool {
	return open < g.window() && !g.controls.Paused && g.breaker.admits()
}

// describe adds to a shard's progress what its gate says.
func (s *shard) describe(p *CampaignProgress) {
	p.MaxParallel, p.Paused = s.gate.window(), s.gate.controls.Paused
	p.Breaker, p.Ended = s.gate.breaker.describe(), s.gate.ended
}

// openTrial is a trial under way.
type openTrial struct {
	ref  TrialRef
	eval workflow.ChildWorkflowFuture
	// probe: it was started to see whether infrastructure still breaks.
	probe bool
	// asked: it was asked to end.
	asked bool
}

// cancel asks the trial's eval to end. A context of its own under the shard's would do the same, and make the order in which
// the cancel of a shard reaches its evals another than in histories that are open.
func (t *openTrial) cancel(ctx workflow.Context) {
	t.asked = true
	var execution workflow.Execution
	if t.eval.GetChildWorkflowExecution().Get(ctx, &execution) == nil {
		workflow.RequestCancelExternalWorkflow(ctx, execution.ID, execution.RunID)
	}
}

// mayStart waits until the next trial may start; false when none may any more.
func (s *shard) mayStart(ctx workflow.Context) bool {
	// Await returns early on a cancel; run then waits for what is open.
	_ = workflow.Await(ctx, func() bool { return s.gate.ended != "" || s.gate.admits(s.open) })
	if s.gate.ended != "" {
		s.gate.cut = true
	}
	return ctx.Err() == nil && s.gate.ended == ""
}

// begin takes the operator's controls, and keeps the budget's time.
func (s *shard) begin(ctx workflow.Context) {
	workflow.Go(ctx, func(ctx workflow.Context) {
		for {
			var controls Controls
			if !workflow.GetSignalChannel(ctx, SignalControls).Receive(ctx, &controls) {
				return
			}
			s.control(ctx, controls)
		}
	})
	s.resumeMissed(ctx)
	if s.gate.breaker.state.Open { // since the shard before
		s.probeLater(ctx)
	}
	if until := s.gate.budget.Until; !until.IsZero() {
		workflow.Go(ctx, func(ctx workflow.Context) {
			timer := workflow.NewTimerWithOptions(ctx, max(0, until.Sub(workflow.Now(ctx))), workflow.TimerOptions{Summary: "the campaign's wall time"})
			if timer.Get(ctx, nil) == nil {
				s.exhaust(ctx)
			}
		})
	}
}

// resumeMissed closes the breaker where a resume came when the shard before was past hearing it. Shards that began before this
// was seen to go on with it open.
func (s *shard) resumeMissed(ctx workflow.Context) {
	b := s.gate.breaker
	missed := b.state.Open && b.state.Resumed != nil && s.gate.controls.Resumed > *b.state.Resumed
	if missed && workflow.GetVersion(ctx, "resume-missed", workflow.DefaultVersion, 1) != workflow.DefaultVersion {
		s.resume(ctx)
	}
}

// resume closes the breaker.
func (s *shard) resume(ctx workflow.Context) {
	s.gate.breaker.close()
	s.note(ctx, telemetry.BreakerClosed, "resumed")
}

// control takes a change of the controls; an older one that arrives late is ignored.
func (s *shard) control(ctx workflow.Context, to Controls) {
	before := s.gate.controls
	if to.Revision <= before.Revision {
		return
	}
	s.gate.controls = to
	if to.Resumed > before.Resumed && s.gate.breaker.state.Open {
		s.resume(ctx)
	}
	if to.Paused != before.Paused {
		event := telemetry.CampaignResumed
		if to.Paused {
			event = telemetry.CampaignPaused
		}
		s.note(ctx, event, "")
	}
	for _, trial := range s.trials {
		if slices.Contains(to.Cancelled, trial.ref) && (!trial.asked || !asksOnce(ctx)) {
			trial.asked = true
			workflow.Go(ctx, trial.cancel)
		}
	}
}

// asksOnce: shards from before it was so ask a trial to end again with each change of the controls.
func asksOnce(ctx workflow.Context) bool {
	return workflow.GetVersion(ctx, "ask-once", workflow.DefaultVersion, 1) != workflow.DefaultVersion
}

// finished lets the gate learn from a trial that ended.
func (s *shard) finished(ctx workflow.Context, trial *openTrial, result spec.EvalResult, err error) {
	s.trials = slices.DeleteFunc(s.trials, func(other *openTrial) bool { return other == trial })
	s.counts.SandboxSeconds += s.cost(ctx, result, err)
	if left := s.gate.budget.SandboxSeconds; left > 0 && s.counts.SandboxSeconds >= left && (!s.stopped() || !countsCancelled(ctx)) {
		s.exhaust(ctx)
	}
	b := s.gate.breaker
	if temporal.IsCanceledError(err) {
		if trial.probe {
			b.abandoned()
		}
		return
	}
	wasOpen := b.state.Open
	if b.record(brokenByInfra(result, err), trial.probe) {
		s.probeLater(ctx)
	}
	switch {
	case b.state.Open && !wasOpen:
		s.note(ctx, telemetry.BreakerOpened, b.describe())
	case wasOpen && !b.state.Open:
		s.note(ctx, telemetry.BreakerClosed, "a probe ended well")
	}
}

// countsCancelled: shards from before cancelled trials were counted go on without.
func countsCancelled(ctx workflow.Context) bool {
	return workflow.GetVersion(ctx, "cancelled-trials-cost", workflow.DefaultVersion, 1) != workflow.DefaultVersion
}

// cost is what a trial used of the budget, in sandbox-seconds; a cancelled one says it in its error.
func (s *shard) cost(ctx workflow.Context, result spec.EvalResult, err error) float64 {
	var cancelled *temporal.CanceledError
	if errors.As(err, &cancelled) && cancelled.HasDetails() && countsCancelled(ctx) {
		_ = cancelled.Details(&result) // else it is none of ours, and costs nothing
	}
	return result.SandboxSeconds()
}

func brokenByInfra(result spec.EvalResult, err error) bool {
	failure := result.Error
	if err != nil {
		failure = activities.Describe(err)
	}
	return failure != nil && failure.Origin == spec.OriginInfra
}

// probeLater lets one trial start when the breaker's wait is over.
func (s *shard) probeLater(ctx workflow.Context) {
	opened := s.gate.breaker.waits
	wait := s.gate.breaker.wait()
	workflow.Go(ctx, func(ctx workflow.Context) {
		timer := workflow.NewTimerWithOptions(ctx, wait, workflow.TimerOptions{Summary: "circuit breaker: wait before a probe"})
		if timer.Get(ctx, nil) == nil && s.gate.breaker.waits == opened {
			s.gate.breaker.probe()
		}
	})
}

// exhaust ends the shard: nothing new is started, and what is under way is cancelled.
func (s *shard) exhaust(ctx workflow.Context) {
	if s.gate.ended != "" {
		return
	}
	s.gate.ended = EndedBudget
	for _, trial := range s.trials {
		s.gate.cut = true
		workflow.Go(ctx, trial.cancel)
	}
	s.note(ctx, telemetry.BudgetExhausted, "")
}

// note writes into the journal what holds a campaign's starts.
func (s *shard) note(ctx workflow.Context, event telemetry.Event, reason string) {
	self := workflow.GetInfo(ctx).WorkflowExecution
	entry := telemetry.Entry{Event: event, Status: telemetry.StatusOK, StartedAt: workflow.Now(ctx), Reason: reason}
	if event == telemetry.BreakerOpened || event == telemetry.BudgetExhausted {
		entry.Status = telemetry.StatusFailed
	}
	entry.Campaign, entry.WorkflowID, entry.RunID = s.in.Campaign, self.ID, self.RunID
	note(ctx, entry)
}
