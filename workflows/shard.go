package workflows

import (
	"errors"
	"slices"

	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"pitwall/activities"
	"pitwall/internal/spec"
)

// ShardInput is the input of ShardWorkflow.
type ShardInput struct {
	Campaign    string `json:"campaign"`
	ManifestKey string `json:"manifest_key"`
	// Offset of the shard's first trial in the manifest, in bytes.
	Offset int64 `json:"offset"`
	// Window bounds how many evals of the shard are open at once, running or waiting for a slot.
	Window int `json:"window"`
	// ReportEvery is how many ends of evals lie between two reports to the campaign. 0: the campaign's code asks for none.
	ReportEvery int `json:"report_every,omitempty"`
	// Controls as they stand when the shard starts; SignalControls brings their changes.
	Controls Controls `json:"controls,omitzero"`
	// Breaker and its state after the shard before; nil: none.
	Breaker      *spec.Breaker `json:"breaker,omitempty"`
	BreakerState BreakerState  `json:"breaker_state,omitzero"`
	Budget       BudgetLeft    `json:"budget,omitzero"`
}

// ShardResult counts what became of a shard's trials.
type ShardResult struct {
	Counts
	// Ended: why trials were cancelled or left out.
	Ended        string       `json:"ended,omitempty"`
	BreakerState BreakerState `json:"breaker_state,omitzero"`
}

// ShardWorkflow runs up to activities.ShardTrials trials of a manifest, each as an EvalWorkflow of its own, at most
// Window at once. Native child futures report every end of an eval, also its termination, so no trial is lost from the
// count; and as it never continues as new, none is lost from the watch. A history stays under 10,000 events: some 11 a
// trial. When cancelled it starts no more, waits for its evals, and ends with its counts.
func ShardWorkflow(ctx workflow.Context, in ShardInput) (ShardResult, error) {
	s := &shard{in: in, gate: newGate(in), stopped: func() bool { return ctx.Err() != nil }}
	err := workflow.SetQueryHandler(ctx, ProgressQuery, func() (CampaignProgress, error) {
		progress := CampaignProgress{Phase: "running"}
		progress.add(s.counts.Counts)
		s.describe(&progress)
		return progress, nil
	})
	if err != nil {
		return ShardResult{}, err
	}
	keepShown(ctx, s.details)
	s.begin(ctx)
	if err := s.run(ctx); err != nil {
		return ShardResult{}, err
	}
	s.counts.BreakerState = s.gate.breaker.state
	s.counts.BreakerState.Resumed = &s.gate.controls.Resumed
	if s.gate.cut {
		s.counts.Ended = s.gate.ended
	}
	if ctx.Err() != nil {
		return ShardResult{}, temporal.NewCanceledError(s.counts)
	}
	return s.counts, nil
}

type shard struct {
	in     ShardInput
	counts ShardResult
	open   int
	gate   *gate
	// stopped: the shard was cancelled, so that nothing is to be cut for the budget any more.
	stopped func() bool
	trials  []*openTrial // under way, oldest first
}

func (s *shard) run(ctx workflow.Context) error {
	var failed error
	for offset, left := s.in.Offset, activities.ShardTrials; left > 0; {
		page, err := s.list(ctx, offset, left)
		if err != nil && ctx.Err() == nil {
			failed = err
			break
		}
		for _, trial := range page.Trials {
			if !s.mayStart(ctx) {
				break
			}
			s.start(ctx, trial)
		}
		left -= len(page.Trials)
		if offset = page.Next; offset == 0 || ctx.Err() != nil || s.gate.ended != "" {
			break
		}
	}
	// Also when the manifest could not be read on: the shard's own end would cancel what still runs.
	detached, _ := workflow.NewDisconnectedContext(ctx)
	return errors.Join(workflow.Await(detached, func() bool { return s.open == 0 }), failed)
}

func (s *shard) list(ctx workflow.Context, offset int64, left int) (activities.TrialPage, error) {
	var campaigns *activities.Campaigns
	var page activities.TrialPage
	in := activities.ListTrialsInput{Campaign: s.in.Campaign, ManifestKey: s.in.ManifestKey, Offset: offset, Max: min(left, trialsPerPage)}
	err := workflow.ExecuteActivity(withStore(ctx, "read trials from the manifest"), campaigns.ListTrials, in).Get(ctx, &page)
	return page, err
}

// trialsPerPage keeps one page of inputs well under Temporal's 2 MiB for a payload.
const trialsPerPage = 50

// start starts one trial's eval, unless it has its result already (a campaign that was started again).
func (s *shard) start(ctx workflow.Context, trial activities.TrialToRun) {
	if trial.Done {
		s.counts.Started++
		s.counts.Finished++ // its row says how
		return
	}
	s.open++
	s.counts.Started++
	ref := TrialRef{Sample: trial.Input.Trial.Sample, Epoch: trial.Input.Trial.Epoch}
	child := workflow.WithChildOptions(ctx, workflow.ChildWorkflowOptions{
		WorkflowID:          EvalID(*trial.Input.Trial),
		TaskQueue:           TaskQueue,
		ParentClosePolicy:   enumspb.PARENT_CLOSE_POLICY_REQUEST_CANCEL,
		WaitForCancellation: true,
		StaticSummary:       trial.Summary(),
	})
	eval := workflow.ExecuteChildWorkflow(child, EvalWorkflow, trial.Input)
	running := &openTrial{ref: ref, eval: eval, probe: s.gate.breaker.started()}
	s.trials = append(s.trials, running)
	detached, _ := workflow.NewDisconnectedContext(ctx)
	workflow.Go(detached, func(ctx workflow.Context) {
		if slices.Contains(s.gate.controls.Cancelled, ref) {
			running.cancel(ctx) // it was started for that, to leave a result: it creates nothing
		}
		var result spec.EvalResult
		err := eval.Get(ctx, &result)
		s.open--
		s.finished(ctx, running, result, err)
		s.count(trial, result, err)
		s.report(ctx)
	})
}

func (s *shard) count(trial activities.TrialToRun, result spec.EvalResult, err error) {
	s.counts.Finished++
	s.counts.Slowest = slowest(s.counts.Slowest, took(trial.Summary(), result))
	var cancelled *temporal.CanceledError
	switch {
	case errors.As(err, &cancelled):
		s.counts.Cancelled++
	case err != nil:
		s.noteError(trial.Summary() + ": " + activities.Describe(err).Type)
	case result.Score == nil && result.Error != nil:
		s.noteError(trial.Summary() + ": " + result.Error.Type)
	case result.Score == nil:
		s.noteError(trial.Summary() + ": no score")
	case trial.Canary:
		// Finished, and neither a pass nor a failure.
	case result.Score.Passed:
		s.counts.Passed++
	default:
		s.counts.Failed++
		s.counts.LastFailed = lastOf(append(s.counts.LastFailed, trial.Summary()))
	}
}

// maxLastErrors bounds the names that progress shows.
const maxLastErrors = 5

func (s *shard) noteError(text string) {
	s.counts.Errors++
	s.counts.LastErrors = lastOf(append(s.counts.LastErrors, text))
}

func lastOf(names []string) []string { return names[max(0, len(names)-maxLastErrors):] }
