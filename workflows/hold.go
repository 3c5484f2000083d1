package workflows

import (
	"time"

	"go.temporal.io/sdk/workflow"

	"pitwall/internal/spec"
)

// UpdateRelease ends the hold of an EvalWorkflow's sandbox: it is removed at once. It returns the EvalProgress. No input.
const UpdateRelease = "release"

// phaseHolding: the job is over, and its sandbox is kept for a look.
const phaseHolding = "holding"

// takeRelease sets the handler. It issues commands only when an update comes.
func (e *eval) takeRelease(ctx workflow.Context) error {
	return workflow.SetUpdateHandlerWithOptions(ctx, UpdateRelease, func(workflow.Context) (EvalProgress, error) {
		e.released = true
		return e.progress, nil
	}, workflow.UpdateHandlerOptions{
		Description: "Ends the hold of the sandbox: it is removed at once.",
		Validator: func(workflow.Context) error {
			if e.progress.Phase != phaseHolding {
				return refuse("eval %s holds no sandbox (%s)", e.self.ID, e.progress.Phase)
			}
			return nil
		},
	})
}

// hold keeps the sandbox of a finished job for as long as the input says. It ends early with a release, with the lease, or
// with a cancel; a terminate ends the eval, and the lease removes at once, as ever. The clocks have room for all of it.
func (s *session) hold(ctx workflow.Context) {
	hold := s.eval.plan.Input.Hold
	if hold.Time <= 0 || s.use.For != forJob || s.job == nil || s.err != nil {
		return
	}
	if hold.When != spec.WhenAlways && succeeded(s.job, len(s.program.Steps)) {
		return
	}
	until := workflow.Now(ctx).Add(hold.Time.Std()).UTC()
	if latest := s.deadline.Add(-holdMargin); until.After(latest) {
		until = latest
	}
	e := s.eval
	e.released = false
	e.progress.Phase, e.progress.HeldUntil = phaseHolding, until
	e.markState(ctx, StateHolding)
	options := workflow.AwaitOptions{Timeout: until.Sub(workflow.Now(ctx)), TimerOptions: workflow.TimerOptions{Summary: "hold the sandbox for a look"}}
	_, err := workflow.AwaitWithOptions(ctx, options, func() bool { return e.released || s.leaseEnd.IsReady() })
	e.progress.HeldUntil = time.Time{}
	if err != nil {
		s.err, s.cancelled = err, true
	}
}

const (
	// forJob is SandboxUse.For of the job's sandbox.
	forJob = "job"
	// holdMargin is kept between the end of a hold and the lease's deadline: the eval's own removal comes first.
	holdMargin = time.Minute
)
