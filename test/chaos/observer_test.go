//go:build linux

package chaos

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/stretchr/testify/require"
	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/serviceerror"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/temporal"

	"pitwall/internal/spec"
	"pitwall/test/harness"
	"pitwall/workflows"
)

// The promise (docs/guarantee.md), by what happened.
const (
	afterEnd   = 10 * time.Second                // after an eval's end
	afterKill  = 25 * time.Second                // after kill -9 of a worker: heartbeat timeout + 15 s
	afterBack  = 15 * time.Second                // after Temporal, the sandbox server or the only worker is back
	afterOrder = reaperInterval + 25*time.Second // after a lease was terminated, or an eval reset: the reaper's interval and a removal
)

// expectation is what a case may come to.
type expectation struct {
	trials       int
	victimEnds   []enumspb.WorkflowExecutionStatus
	campaignEnds []enumspb.WorkflowExecutionStatus
	struckAt     time.Time
	healedAt     time.Time
	killed, late bool
	// hidden: a fault hid a sandbox that lives from everybody but its server, for that long.
	hidden time.Duration
	// faulty: the sandbox server misbehaves, as often as its proxy says.
	faulty bool
	// lateFrom is when the create horizon of a request that is on its way has passed: what the victim gets from then on is
	// beyond the bound. Zero: there is none.
	lateFrom time.Time
	// fails: the victim is scored, and does not pass.
	fails bool
}

// conclude waits for the end of everything and holds the invariants to it.
func (r *run) conclude(campaign client.WorkflowRun) {
	r.t.Helper()
	campaignStatus, _, _ := r.awaitClosed(campaign.GetID())
	victimStatus, victimRun, ended := r.awaitClosed(r.victim)
	for _, name := range []string{"a", "b"} {
		r.awaitTrialClosed(name)
	}
	r.awaitQuiet()

	r.nothingWasRunAgain()
	tally := observation{id: r.id, faults: 1}
	if r.expect.faulty {
		tally.faults = 0
	}
	for _, times := range r.daytona.Injected() {
		tally.faults += times
	}
	defer func() { tally.publish(r) }()
	r.ledgerHolds(&tally, ended)
	if double := r.doubleLaunches(); len(double) > 0 {
		tally.doubleLaunches = len(double)
		r.t.Errorf("jobs that were started more than once: %v", double)
	}
	require.Contains(r.t, r.expect.victimEnds, victimStatus, "the victim's end")
	if r.expect.campaignEnds == nil {
		r.expect.campaignEnds = ends(completed)
	}
	require.Contains(r.t, r.expect.campaignEnds, campaignStatus, "the campaign's end")
	r.victimHolds(&tally, victimStatus, victimRun)
	r.campaignHolds(&tally, campaign, campaignStatus)
}

// nothingWasRunAgain: each trial has one run of its workflow, or one more for each reset, and none was made a sandbox after
// its end. A create that came late is no run.
func (r *run) nothingWasRunAgain() {
	r.t.Helper()
	ids := []string{"eval/" + campaignName + "/v/1", "eval/" + campaignName + "/a/1", "eval/" + campaignName + "/b/1"}
	if r.victim != ids[0] {
		ids = append(ids, r.victim)
	}
	for _, id := range ids {
		status, _, ended, err := r.closed(r.t.Context(), id)
		if isUnknown(err) {
			continue // never started
		}
		require.NoError(r.t, err)
		require.Equal(r.t, 1+r.resets[id], r.runsOf(id), "runs of %s, which ended as %s", id, status)
		for _, entry := range r.stack.Ledger().Entries {
			late := r.expect.hidden > 0 || status != completed // a request was on its way when the eval ended
			if entry.Event == "created" && r.evalOf(entry.ID) == id && !late {
				require.False(r.t, entry.Time.After(ended), "sandbox %s was made for %s after its end", entry.ID, id)
			}
		}
	}
}

// runsOf counts the runs of a workflow ID.
func (l *lab) runsOf(id string) int {
	l.t.Helper()
	count := 0
	l.eventually("Temporal lists the runs of "+id, func(ctx context.Context) bool {
		page, err := l.stack.Temporal.ListWorkflow(ctx, &workflowservice.ListWorkflowExecutionsRequest{Query: fmt.Sprintf("WorkflowId = '%s'", id)})
		count = len(page.GetExecutions())
		return err == nil && count > 0
	})
	return count
}

// awaitTrialClosed waits for a companion, if it was ever started.
func (r *run) awaitTrialClosed(name string) {
	r.eventually("trial "+name+" has ended", func(ctx context.Context) bool {
		status, _, _, err := r.closed(ctx, "eval/"+campaignName+"/"+name+"/1")
		return isUnknown(err) || err == nil && status != enumspb.WORKFLOW_EXECUTION_STATUS_RUNNING
	})
}

// awaitQuiet waits until no sandbox is left and no lease is open: every slot is free.
func (r *run) awaitQuiet() {
	r.eventually("no sandbox is left and every slot is free", func(ctx context.Context) bool {
		return r.stack.OpenLeases(ctx) == 0 && r.stack.Ledger().Live == 0
	})
}

// ledgerHolds asks the sandbox server what it made and when it destroyed it.
func (r *run) ledgerHolds(tally *observation, ended time.Time) {
	r.t.Helper()
	ledger := r.stack.Ledger()
	tally.maxLive, tally.leftOver = r.maxLive(ledger), ledger.Live
	require.LessOrEqual(r.t, tally.maxLive, r.slots, "live at once")
	require.Equal(r.t, ledger.Created, ledger.Destroyed, "created and destroyed")
	limit := ended.Add(afterEnd)
	if r.expect.killed {
		limit = later(limit, r.expect.struckAt.Add(afterKill), r.expect.healedAt.Add(afterBack))
	}
	if r.expect.late {
		limit = later(limit, r.expect.struckAt.Add(afterOrder))
	}
	limit = limit.Add(r.expect.hidden)
	made := map[string]time.Time{}
	for _, entry := range ledger.Entries {
		if entry.Event == "created" {
			made[entry.ID] = entry.Time
		}
		if entry.Event != "destroyed" || r.evalOf(entry.ID) != r.victim {
			continue
		}
		delay := entry.Time.Sub(later(ended, made[entry.ID]))
		tally.delayed(delay, r.expect.hidden > 0)
		r.t.Logf("sandbox %s of the victim was gone %s after the strike, %s after its eval's end or its own beginning",
			entry.ID, entry.Time.Sub(r.expect.struckAt).Round(time.Millisecond), delay.Round(time.Millisecond))
		require.False(r.t, entry.Time.After(limit), "sandbox %s was gone at %s; the promise ends at %s", entry.ID, entry.Time, limit)
	}
}

// maxLive is the most that were live at one time, by the server's own record, less what is beyond the bound.
func (r *run) maxLive(ledger harness.Ledger) int {
	live, most := map[string]bool{}, 0
	for _, entry := range ledger.Entries {
		maps.DeleteFunc(live, func(id string, _ bool) bool { return r.leaseEnded(id, entry.Time) })
		switch entry.Event {
		case "destroyed":
			delete(live, entry.ID)
		case "created":
			late := !r.expect.lateFrom.IsZero() && entry.Time.After(r.expect.lateFrom) && r.evalOf(entry.ID) == r.victim
			if !late && !r.leaseEnded(entry.ID, entry.Time) {
				live[entry.ID] = true
			}
		}
		most = max(most, len(live))
	}
	return most
}

// leaseEnded: the lease of a sandbox had been terminated by then.
func (l *lab) leaseEnded(sandboxID string, by time.Time) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	ended, terminated := l.ended[l.boxes[sandboxID].leaseRun]
	return terminated && !by.Before(ended)
}

func (l *lab) evalOf(sandboxID string) string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.boxes[sandboxID].eval
}

func later(times ...time.Time) time.Time { return slices.MaxFunc(times, time.Time.Compare) }

// victimHolds reads the victim's result from Temporal.
func (r *run) victimHolds(tally *observation, status enumspb.WorkflowExecutionStatus, runID string) {
	r.t.Helper()
	if status != completed {
		return
	}
	var result spec.EvalResult
	if err := r.stack.Temporal.GetWorkflow(r.t.Context(), r.victim, runID).Get(r.t.Context(), &result); err != nil {
		tally.lostResults++
		r.t.Fatalf("the victim completed without a result: %v", err)
	}
	require.False(r.t, result.Error != nil && result.Score != nil, "a score for a fault: %+v", result.Error)
	require.Equal(r.t, spec.StatusCompleted, result.Status, "%+v", result.Error)
	require.Equal(r.t, !r.expect.fails, result.Score.Passed, "%+v", result.Score)
	for _, attempt := range result.Attempts {
		for _, use := range attempt.Sandboxes {
			if result.Cleanup == spec.CleanupProven && use.ID != "" {
				require.NotNil(r.t, use.Removal, "sandbox %s has no certificate", use.ID)
				require.Equal(r.t, use.ID, use.Removal.SandboxID)
			}
		}
	}
}

// campaignHolds compares the campaign's counts with what Temporal says of its trials.
func (r *run) campaignHolds(tally *observation, campaign client.WorkflowRun, status enumspb.WorkflowExecutionStatus) {
	r.t.Helper()
	var result spec.CampaignResult
	err := campaign.Get(r.t.Context(), &result)
	var stopped *temporal.CanceledError
	if status == cancelled && errors.As(err, &stopped) && stopped.HasDetails() {
		err = stopped.Details(&result)
	}
	if status == terminated {
		return
	}
	require.NoError(r.t, err)
	counted := result.NScored + result.NInfraError + result.NError + result.NCancelled
	require.Equal(r.t, r.expect.trials, result.NTotal)
	require.Equal(r.t, result.NTotal, counted, "every trial is counted once: %+v", result.Metrics)
	if status != completed {
		return
	}
	scored := 0
	for _, name := range []string{"v", "a", "b"} {
		scored += r.scoredTrial(tally, name)
	}
	if result.NScored == scored+1 && r.victimTerminated() {
		return // it had written its result when it was terminated
	}
	require.Equal(r.t, scored, result.NScored, "%+v", result.Metrics)
}

func (r *run) victimTerminated() bool {
	status, _, _, err := r.closed(r.t.Context(), r.victim)
	return err == nil && status == terminated
}

// scoredTrial asks Temporal for a trial's result: 1 when it has a score. A companion always has one.
func (r *run) scoredTrial(tally *observation, name string) int {
	r.t.Helper()
	id := workflows.EvalID(spec.Trial{Campaign: campaignName, Sample: name, Epoch: 1})
	var result spec.EvalResult
	err := r.stack.Temporal.GetWorkflow(r.t.Context(), id, "").Get(r.t.Context(), &result)
	if isUnknown(err) {
		return 0 // the victim was started alone
	}
	if err == nil && result.Score != nil {
		return 1
	}
	if name != "v" && r.expect.campaignEnds[0] == completed {
		tally.lostResults++
		r.t.Errorf("companion %s has no score: %v %+v", name, err, result.Error)
	}
	return 0
}

func isUnknown(err error) bool {
	var gone *serviceerror.NotFound
	return errors.As(err, &gone)
}

// observation is what one case shows.
type observation struct {
	id                                                     string
	faults, maxLive, leftOver, doubleLaunches, lostResults int
	// worstDelay is the longest from an eval's end, or from a later sandbox's beginning, to the sandbox's end; excusedDelay is
	// that of cases in which the provider itself kept a sandbox.
	worstDelay, excusedDelay time.Duration
}

func (o *observation) delayed(delay time.Duration, excused bool) {
	if excused {
		o.excusedDelay = max(o.excusedDelay, delay)
	} else {
		o.worstDelay = max(o.worstDelay, delay)
	}
}

func (o observation) publish(r *run) {
	totals.add(o)
	r.shown = fmt.Sprintf("max live %d, left %d, removed %s after its eval's end", o.maxLive, o.leftOver, max(o.worstDelay, o.excusedDelay).Round(time.Millisecond))
}
