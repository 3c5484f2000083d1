//go:build linux

package chaos

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/sdk/client"

	"pitwall/internal/artifact"
	"pitwall/internal/spec"
	"pitwall/test/faultproxy"
	"pitwall/workflows"
)

const (
	randomSlots = 4
	// roundTrials is a campaign of make chaos DURATION=…; shortTrials one of make test.
	roundTrials, shortTrials = 200, 16
)

// TestRandom draws kills and faults, by seed, over a running campaign, and another campaign after it, until -duration has
// passed; at least one. Without -duration the campaign is a short one.
func TestRandom(t *testing.T) {
	trials := roundTrials
	if *duration == 0 {
		trials = shortTrials
	}
	if *only != "" || *full && *duration == 0 {
		t.Skip("not run: the random mode, because single cases, or all of them, were asked for")
	}
	deadline := time.Now().Add(*duration)
	for round := uint64(0); round == 0 || time.Now().Before(deadline); round++ {
		id := fmt.Sprintf("random/%d/%d", *seed, round)
		t.Run(id, func(t *testing.T) {
			began := time.Now()
			random := rand.New(rand.NewPCG(*seed, round)) //nolint:gosec // a sequence that can be repeated
			storm := &storm{run: &run{lab: newLab(t, labOptions{workers: 2, slots: randomSlots}), id: id}, random: random, touched: map[string]bool{}}
			t.Cleanup(func() { progress(t, id, time.Since(began), storm.shown) })
			storm.patience = 15 * time.Minute
			storm.rage(trials)
		})
	}
}

// storm is one campaign under random strikes.
type storm struct {
	*run
	random  *rand.Rand
	strikes int
	// touched are evals that a strike was aimed at: they may end without a score.
	touched map[string]bool
	trials  []string
}

// rage runs a campaign of n trials and strikes every few seconds until it ends.
func (s *storm) rage(n int) {
	jobs := map[string]string{}
	for i := range n {
		name := fmt.Sprintf("s%03d", i)
		s.trials = append(s.trials, name)
		jobs[name] = fmt.Sprintf("echo start >>starts; sleep %.1f; echo kept >kept.txt; echo done", s.random.Float64()*2)
	}
	campaign := s.startCampaign(jobs, s.trials...)
	for {
		if status, _, _, err := s.closed(s.t.Context(), campaign.GetID()); err == nil && status != enumspb.WORKFLOW_EXECUTION_STATUS_RUNNING {
			break
		}
		s.strike()
		time.Sleep(time.Duration(1000+s.random.IntN(3000)) * time.Millisecond) // the storm's own pace
		if s.t.Failed() {
			return
		}
	}
	s.daytona.Cut(false)
	s.look(campaign)
}

// strike draws one strike. What it brings down it brings up again.
func (s *storm) strike() {
	s.strikes++
	ctx, cancel := context.WithTimeout(s.t.Context(), 20*time.Second)
	defer cancel()
	switch s.random.IntN(13) {
	case 0:
		s.replaceWorker(func(i int) { s.stack.Workers[i].Kill() })
	case 1:
		s.replaceWorker(func(i int) { s.stack.Workers[i].Stop() })
	case 2:
		worker := s.stack.Workers[s.random.IntN(2)]
		worker.Signal(syscall.SIGSTOP)
		time.Sleep(s.upTo(14 * time.Second))
		worker.Signal(syscall.SIGCONT)
	case 3:
		s.stack.TemporalServer.Kill()
		time.Sleep(s.upTo(3 * time.Second))
		s.stack.StartTemporal()
	case 4:
		s.stack.Sandboxd.Kill()
		time.Sleep(s.upTo(3 * time.Second))
		s.stack.StartSandboxd()
	case 5:
		s.daytona.Cut(true)
		time.Sleep(s.upTo(8 * time.Second))
		s.daytona.Cut(false)
	case 6:
		if id := s.anOpenEval(ctx); id != "" {
			s.touched[id] = true
			s.tolerate(s.stack.Temporal.CancelWorkflow(ctx, id, ""))
		}
	case 7:
		if id := s.anOpenEval(ctx); id != "" {
			s.touched[id] = true
			s.tolerate(s.stack.Temporal.TerminateWorkflow(ctx, id, "", "chaos"))
		}
	case 8:
		if id := s.anOpenEval(ctx); id != "" {
			if lease, runID, found := s.leaseOf(ctx, id); found {
				s.tolerate(s.terminateLease(ctx, lease, runID))
			}
		}
	case 9:
		if id := s.anOpenEval(ctx); id != "" {
			s.reset(id, s.random.IntN(2) == 0)
		}
	default:
		s.addFault()
	}
}

func (s *storm) upTo(most time.Duration) time.Duration {
	return time.Duration(s.random.Int64N(int64(most)))
}

// replaceWorker ends one of the two workers and starts another in its place.
func (s *storm) replaceWorker(end func(i int)) {
	i := s.random.IntN(2)
	end(i)
	s.stack.Workers[i] = s.stack.StartWorker()
	s.stack.Workers = s.stack.Workers[:2]
}

// addFault lets a fault hit the next calls of any eval, for a while. Delays are short: the storm's pace is its own.
func (s *storm) addFault() {
	all := hits()
	h := all[s.random.IntN(len(all))]
	rule := h.rule("")
	rule.Labels = nil
	rule.Count = 1 + s.random.IntN(3)
	if rule.Delay > 5*time.Second && h.fault != faultproxy.LateRequest && h.fault != faultproxy.LateReply {
		rule.Delay = 5 * time.Second
	}
	require.NoError(s.t, s.daytona.Add(rule))
}

// anOpenEval draws an eval that holds a sandbox, or none.
func (s *storm) anOpenEval(ctx context.Context) string {
	var open []string
	for slot := range s.slots {
		described, err := s.stack.Temporal.DescribeWorkflowExecution(ctx, s.stack.LeaseID(slot), "")
		if err == nil && described.GetWorkflowExecutionInfo().GetStatus() == enumspb.WORKFLOW_EXECUTION_STATUS_RUNNING {
			open = append(open, described.GetWorkflowExecutionInfo().GetParentExecution().GetWorkflowId())
		}
	}
	if len(open) == 0 {
		return ""
	}
	return open[s.random.IntN(len(open))]
}

// look holds the invariants to what is left of the storm.
func (s *storm) look(campaign client.WorkflowRun) {
	s.awaitQuiet()
	seen := observation{id: s.id, faults: s.strikes}
	defer func() { seen.publish(s.run) }()
	for _, times := range s.daytona.Injected() {
		seen.faults += times
	}
	ledger := s.stack.Ledger()
	seen.maxLive, seen.leftOver = s.maxLive(ledger), ledger.Live
	require.LessOrEqual(s.t, seen.maxLive, s.slots, "live at once")
	require.Equal(s.t, ledger.Created, ledger.Destroyed)
	double := s.doubleLaunches()
	seen.doubleLaunches = len(double)
	require.Empty(s.t, double, "jobs that were started more than once")

	var result spec.CampaignResult
	require.NoError(s.t, campaign.Get(s.t.Context(), &result))
	scored, infra := 0, 0
	for _, name := range s.trials {
		trial := spec.Trial{Campaign: campaignName, Sample: name, Epoch: 1}
		switch s.endOf(trial) {
		case "scored":
			scored++
		case "unscored":
			infra++
		default:
			if !s.touched[workflows.EvalID(trial)] {
				seen.lostResults++
				s.t.Errorf("trial %s has no result, and nothing was aimed at it", name)
			}
		}
	}
	require.Equal(s.t, len(s.trials), result.NTotal)
	require.Equal(s.t, result.NTotal, result.NScored+result.NInfraError+result.NError+result.NCancelled, "%+v", result.Metrics)
	require.Equal(s.t, scored, result.NScored, "%+v", result.Metrics)
	fmt.Fprintf(os.Stderr, "     %s: %d trials, %d scored, %d without a score for infrastructure, %d aimed at; %d strikes, faults %v\n",
		s.id, len(s.trials), scored, infra, len(s.touched), s.strikes, s.daytona.Injected())
}

// endOf asks Temporal how a trial ended: scored, unscored (an error with its origin), or something else. What was cancelled
// or terminated after its result was written has that result all the same, and counts.
func (s *storm) endOf(trial spec.Trial) string {
	id := workflows.EvalID(trial)
	var result spec.EvalResult
	if err := s.stack.Temporal.GetWorkflow(s.t.Context(), id, "").Get(s.t.Context(), &result); err != nil {
		key := artifact.Result(artifact.TrialPrefix(trial.Campaign, trial.Sample, trial.Epoch, 0))
		if s.stack.Store.ReadJSON(s.t.Context(), key, &result) != nil || result.Score == nil {
			return err.Error()
		}
		require.True(s.t, s.touched[id], "%s ended with %v, and nothing was aimed at it", id, err)
	}
	require.False(s.t, result.Score != nil && result.Error != nil, "%s: a score for a fault", id)
	if result.Score != nil {
		return "scored"
	}
	return "unscored"
}
