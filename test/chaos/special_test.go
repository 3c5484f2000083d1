//go:build linux

package chaos

import (
	"context"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/stretchr/testify/require"

	"pitwall/internal/daytona"
	"pitwall/test/faultproxy"
)

// specialCases are those that are no boundary × strike, and no fault alone.
func specialCases() []chaosCase {
	all := []chaosCase{
		{id: "special/worker-stopped-in-create/continued-within-the-horizon", run: func(r *run) { stoppedInCreate(r, false) }},
		{id: "special/worker-stopped-in-create/continued-beyond-the-horizon", run: func(r *run) { stoppedInCreate(r, true) }},
		{id: "special/create-that-outlives-its-worker", run: createOutlivesWorker},
		{id: "special/create-beyond-the-horizon", run: createBeyondHorizon},
		{id: "special/launch-claimed-and-never-started", run: claimedNeverStarted},
		{id: "special/supervisor-killed", run: func(r *run) { sabotage(r, killSupervisor) }},
		{id: "special/exit-record-is-a-fifo", run: func(r *run) {
			sabotage(r, killSupervisor+"; mkfifo "+controlDir+"/state/1.exit "+controlDir+"/state/exit")
		}},
		{id: "special/delete-stuck-for-ten-minutes", run: deleteStuckForLong},
		{id: "special/lease-terminated-between-grant-and-claim", run: leaseTerminatedBetweenGrantAndClaim},
		{id: "special/two-attempts-of-the-job-at-once", run: twoAttemptsAtOnce},
		{id: "special/reset-of-a-trial", run: resetOfATrial},
		{id: "special/lease-panics/eval-succeeds", run: func(r *run) { leasePanics(r, false) }},
		{id: "special/lease-panics/eval-terminated", run: func(r *run) { leasePanics(r, true) }},
	}
	for _, latest := range []bool{false, true} {
		for _, then := range []string{"success", "cancel", "terminate"} {
			point := map[bool]string{false: "beginning", true: "latest-task"}[latest]
			all = append(all, chaosCase{id: "special/reset-while-the-job-runs/to-its-" + point + "/then-" + then, run: func(r *run) { resetWhileRunning(r, latest, then) }})
		}
	}
	return all
}

// controlDir is where the supervisor keeps its records (activities/inputs.go).
const controlDir = "/var/tmp/.pitwall"

const killSupervisor = `pkill -9 -f "supervise.sh .* run"`

// campaignOf starts the usual campaign with another job for its victim.
func (r *run) campaignOf(victim string) string {
	r.victim = "eval/" + campaignName + "/v/1"
	return r.startCampaign(map[string]string{"v": victim, "a": companionJob, "b": companionJob}, "v", "a", "b").GetID()
}

func (r *run) finish(campaignID string, e expectation) {
	r.t.Helper()
	if e.trials == 0 {
		e.trials = 3
	}
	r.expect = e
	r.conclude(r.stack.Temporal.GetWorkflow(r.t.Context(), campaignID, ""))
}

func (r *run) boundary(name string, s side) boundary {
	at := pointNamed(name)
	return boundary{points()[at], at, s}
}

// jobRuns waits until the victim's job has left its trace, and returns its sandbox.
func (r *run) jobRuns() daytona.Sandbox {
	r.t.Helper()
	sandbox := r.stack.AwaitSandbox(r.victim)
	r.stack.AwaitFile(sandbox, traceFile)
	return sandbox
}

// asRoot runs a command in a sandbox, past the proxy, with more rights than any job has.
func (r *run) asRoot(sandbox daytona.Sandbox, command string) {
	r.t.Helper()
	result, err := r.stack.Daytona.Toolbox(sandbox).AsRoot().Execute(r.t.Context(), daytona.ExecuteRequest{Command: command, Cwd: "/", Timeout: 20 * time.Second})
	require.NoError(r.t, err)
	require.Zero(r.t, result.ExitCode, result.Output)
}

// A worker sleeps inside the POST while its eval is terminated, and wakes when the sandbox is, or is not, its own.
func stoppedInCreate(r *run, beyond bool) {
	r.lab = newLab(r.t, labOptions{})
	r.victim = "eval/" + campaignName + "/v/1"
	held := r.hold(r.boundary("create", before), r.victim)
	campaign := r.campaignOf(victimJob)
	r.await(held)
	r.stack.Workers[0].Signal(syscall.SIGSTOP)
	r.stack.StartWorker()
	struck := time.Now()
	require.NoError(r.t, r.stack.Temporal.TerminateWorkflow(r.t.Context(), r.victim, "", "chaos"))
	var lateFrom time.Time
	if beyond {
		r.eventually("the lease has given up", func(ctx context.Context) bool {
			_, _, found := r.leaseOf(ctx, r.victim)
			return !found
		})
		lateFrom = time.Now()
	}
	held.Open()
	r.eventually("the create has taken effect", func(context.Context) bool { return r.made(r.victim) > 0 })
	r.stack.Workers[0].Signal(syscall.SIGCONT)
	r.finish(campaign, expectation{victimEnds: ends(terminated), struckAt: struck, healedAt: time.Now(), killed: true, late: true, hidden: horizon, lateFrom: lateFrom})
}

// made counts the sandboxes that were made for an eval.
func (l *lab) made(evalID string) int {
	l.mu.Lock()
	defer l.mu.Unlock()
	count := 0
	for _, made := range l.boxes {
		if made.eval == evalID {
			count++
		}
	}
	return count
}

// The worker dies inside the POST, and the POST takes effect when the next worker has tried as well.
func createOutlivesWorker(r *run) {
	r.lab = newLab(r.t, labOptions{})
	r.victim = "eval/" + campaignName + "/v/1"
	held := r.hold(r.boundary("create", before), r.victim)
	campaign := r.campaignOf(victimJob)
	r.await(held)
	struck := time.Now()
	r.stack.Workers[0].Kill()
	r.stack.StartWorker()
	r.eventually("another create was sent", func(context.Context) bool { return r.made(r.victim) > 0 })
	held.Open()
	r.finish(campaign, expectation{victimEnds: ends(completed), struckAt: struck, healedAt: time.Now(), killed: true, hidden: horizon})
}

// A create that takes effect when nobody may expect it any more is the reaper's.
func createBeyondHorizon(r *run) {
	r.lab = newLab(r.t, labOptions{})
	r.victim = "eval/" + campaignName + "/v/1"
	const late = horizon + 20*time.Second
	require.NoError(r.t, r.daytona.Add(faultproxy.Rule{
		Fault: faultproxy.ResetThenLate, Call: faultproxy.Create, Labels: map[string]string{"pitwall-eval": r.victim}, Delay: late,
	}))
	struck := time.Now()
	campaign := r.campaignOf(victimJob)
	r.eventually("the late create has taken effect", func(context.Context) bool { return r.made(r.victim) > 1 })
	r.finish(campaign, expectation{victimEnds: ends(completed), struckAt: struck, healedAt: struck, late: true, hidden: late, lateFrom: struck.Add(horizon), faulty: true})
}

// The worker dies between the fence and the start: the job is claimed, and nobody runs it.
func claimedNeverStarted(r *run) {
	r.lab = newLab(r.t, labOptions{})
	r.victim = "eval/" + campaignName + "/v/1"
	held := r.hold(r.boundary("launch", before), r.victim)
	campaign := r.campaignOf(victimJob)
	r.await(held)
	r.asRoot(r.stack.AwaitSandbox(r.victim), "mkdir -p "+controlDir+"/state/claimed")
	struck := time.Now()
	r.stack.Workers[0].Kill()
	held.(*faultproxy.Gate).Drop()
	r.stack.StartWorker()
	r.finish(campaign, expectation{victimEnds: ends(completed), struckAt: struck, healedAt: time.Now(), killed: true})
	require.Equal(r.t, 2, r.made(r.victim), "a fresh sandbox for a job that never ran")
}

// What a job could do where it is not kept from it: end its supervisor, or put something else in the record's place.
func sabotage(r *run, command string) {
	r.lab = newLab(r.t, labOptions{})
	struck := time.Now()
	campaign := r.campaignOf("echo start >>starts; sleep 6; echo kept >kept.txt; echo done")
	r.asRoot(r.jobRuns(), command)
	r.finish(campaign, expectation{victimEnds: ends(completed), struckAt: struck, healedAt: struck, fails: true})
	require.Equal(r.t, 1, r.made(r.victim), "the job is not run again")
}

// The provider takes ten minutes to destroy the victim's sandbox. Its slot waits for it; nobody else does.
func deleteStuckForLong(r *run) {
	r.lab = newLab(r.t, labOptions{})
	r.victim = "eval/" + campaignName + "/v/1"
	const stuck = 10 * time.Minute
	require.NoError(r.t, r.daytona.Add(faultproxy.Rule{
		Fault: faultproxy.DeleteStuck, Call: faultproxy.Delete, Labels: map[string]string{"pitwall-eval": r.victim}, Delay: stuck,
	}))
	struck := time.Now()
	campaign := r.campaignOf(victimJob)
	r.awaitClosed(campaign)
	require.Less(r.t, time.Since(struck), stuck/2, "the campaign waited for a removal")
	_, _, held := r.leaseOf(r.t.Context(), r.victim)
	require.True(r.t, held, "the slot is kept")
	r.patience = stuck + patience
	r.finish(campaign, expectation{victimEnds: ends(completed), struckAt: struck, healedAt: struck, hidden: stuck + time.Minute, faulty: true})
}

// A slot is granted because its lease was terminated, while the sandbox of that lease lives.
func leaseTerminatedBetweenGrantAndClaim(r *run) {
	r.lab = newLab(r.t, labOptions{slots: 1})
	r.victim = "direct/v"
	next := r.hold(r.boundary("claim", before), "eval/"+campaignName+"/a/1")
	r.startEval(r.victim, longVictimJob, 0)
	r.jobRuns()
	campaign := r.startCampaign(map[string]string{"a": companionJob, "b": companionJob}, "a", "b")
	struck := time.Now()
	terminateLease(r)
	r.await(next)
	next.Open()
	r.finish(campaign.GetID(), expectation{trials: 2, victimEnds: ends(completed), struckAt: struck, healedAt: struck, late: true})
}

// A worker that stops for longer than its heartbeat timeout goes on beside the one that took its job over.
func twoAttemptsAtOnce(r *run) {
	r.lab = newLab(r.t, labOptions{workers: 2})
	campaign := r.campaignOf("echo start >>starts; sleep 30; echo kept >kept.txt; echo done")
	r.jobRuns()
	pid := 0
	r.eventually("RunJob has a worker", func(ctx context.Context) bool {
		attempt, identity := r.pendingJob(ctx)
		pid, _ = strconv.Atoi(strings.Split(identity, "@")[0])
		return attempt == 1 && pid > 0
	})
	struck := time.Now()
	require.NoError(r.t, syscall.Kill(pid, syscall.SIGSTOP))
	r.eventually("another worker has taken the job over", func(ctx context.Context) bool {
		attempt, identity := r.pendingJob(ctx)
		return attempt > 1 && identity != "" && !strings.HasPrefix(identity, strconv.Itoa(pid)+"@")
	})
	require.NoError(r.t, syscall.Kill(pid, syscall.SIGCONT))
	r.finish(campaign, expectation{victimEnds: ends(completed), struckAt: struck, healedAt: time.Now(), killed: true})
	require.Equal(r.t, 1, r.made(r.victim), "the job is not run again")
}

// pendingJob is the victim's RunJob as Temporal sees it: its attempt, and the worker that has it.
func (r *run) pendingJob(ctx context.Context) (attempt int, identity string) {
	described, err := r.stack.Temporal.DescribeWorkflowExecution(ctx, r.victim, "")
	if err != nil {
		return 0, ""
	}
	for _, pending := range described.GetPendingActivities() {
		if pending.GetActivityType().GetName() == "RunJob" {
			return int(pending.GetAttempt()), pending.GetLastWorkerIdentity()
		}
	}
	return 0, ""
}

// A trial that is reset counts once, as what its new run comes to.
func resetOfATrial(r *run) {
	r.lab = newLab(r.t, labOptions{})
	campaign := r.campaignOf(longVictimJob)
	r.jobRuns()
	struck := time.Now()
	r.reset(r.victim, true)
	r.finish(campaign, expectation{victimEnds: ends(completed), struckAt: struck, healedAt: struck, late: true})
}

// A reset eval gives its old lease up and runs its job in a fresh sandbox, whatever then happens to it.
func resetWhileRunning(r *run, latest bool, then string) {
	r.lab = newLab(r.t, labOptions{})
	r.victim = "direct/v"
	campaign := r.startCampaign(map[string]string{"a": companionJob, "b": companionJob}, "a", "b")
	r.startEval(r.victim, longVictimJob, 0)
	r.jobRuns()
	struck := time.Now()
	r.reset(r.victim, latest)
	wanted := ends(completed)
	switch then {
	case "cancel":
		wanted = ends(cancelled)
		require.NoError(r.t, r.stack.Temporal.CancelWorkflow(r.t.Context(), r.victim, ""))
	case "terminate":
		wanted = ends(terminated)
		require.NoError(r.t, r.stack.Temporal.TerminateWorkflow(r.t.Context(), r.victim, "", "chaos"))
	}
	r.finish(campaign.GetID(), expectation{trials: 2, victimEnds: wanted, struckAt: struck, healedAt: struck, late: true})
}
