package workflows

import (
	"time"

	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"pitwall/activities"
	"pitwall/internal/spec"
)

// Every timeout and retry policy of Pitwall's workflows, each with its reason.

const (
	// heartbeatTimeout is how late the death of a worker is seen. The promise after kill -9 is heartbeat timeout + 15 s;
	// activities beat every 2 s, so 10 s survives a loaded machine and a paused process of some seconds.
	heartbeatTimeout = 10 * time.Second
	// waitForProof is how long an eval waits for the removal of its sandbox before it returns with cleanup pending.
	waitForProof = 60 * time.Second
	// createMargin is kept between the last POST and the create horizon: what one POST may take, and a clock's error.
	createMargin = activities.CreateTimeout + 5*time.Second
	// jobPickup bounds how long a job may wait for a worker of the jobs queue while its sandbox costs money.
	jobPickup = 5 * time.Minute
	// infraBackoff is slept between attempts, outside the slot: doubled each time, at most maxBackoff.
	infraBackoff = 2 * time.Second
	maxBackoff   = time.Minute
)

// quickRetries suit short calls to parts that are usually back within a minute.
var quickRetries = temporal.RetryPolicy{InitialInterval: 500 * time.Millisecond, BackoffCoefficient: 2, MaximumInterval: 10 * time.Second}

// withPlanning: pure computation on the worker at hand; a failure of it is final.
func withPlanning(ctx workflow.Context) workflow.Context {
	return workflow.WithLocalActivityOptions(ctx, workflow.LocalActivityOptions{
		ScheduleToCloseTimeout: 30 * time.Second,
		Summary:                "validate and resolve defaults",
	})
}

// withSlot: waits in the queue for as long as it takes; the queue is the waiting line. Only the heartbeat bounds it.
func withSlot(ctx workflow.Context, account string, priority temporal.Priority) workflow.Context {
	return workflow.WithActivityOptions(ctx, workflow.ActivityOptions{
		TaskQueue:              SlotsQueue(account),
		StartToCloseTimeout:    365 * 24 * time.Hour,
		ScheduleToCloseTimeout: 365 * 24 * time.Hour,
		HeartbeatTimeout:       heartbeatTimeout,
		Priority:               priority,
		Summary:                "wait for a sandbox slot",
		DisableEagerExecution:  true, // eager dispatch would pass the waiting line
	})
}

// withCreate: no POST is sent later than the create horizon admits (SendUntil); after that the sandbox may take as long as
// the clocks allow it to start. A cancelled create is waited for, because it may hold the only knowledge of an id.
func withCreate(ctx workflow.Context, horizon time.Duration) workflow.Context {
	return workflow.WithActivityOptions(ctx, workflow.ActivityOptions{
		TaskQueue:              TaskQueue,
		ScheduleToCloseTimeout: horizon + spec.UploadAllowance,
		StartToCloseTimeout:    horizon + spec.UploadAllowance,
		HeartbeatTimeout:       heartbeatTimeout,
		WaitForCancellation:    true,
		RetryPolicy:            &quickRetries,
		Summary:                "create the sandbox",
	})
}

// withTransfer: as long as the allowance that the clocks keep for it; lost connections are retried, the transfers are
// idempotent.
func withTransfer(ctx workflow.Context, allowance time.Duration, summary string) workflow.Context {
	return workflow.WithActivityOptions(ctx, workflow.ActivityOptions{
		TaskQueue:              TaskQueue,
		ScheduleToCloseTimeout: allowance,
		StartToCloseTimeout:    allowance,
		HeartbeatTimeout:       heartbeatTimeout,
		RetryPolicy:            &quickRetries,
		Summary:                summary,
	})
}

// withJob: the job's own limits and a margin for the supervisor's start, the copying of streams and re-attachments.
// Attempts are not counted: an attempt that ends is a worker that died or was stopped, never the job.
func withJob(ctx workflow.Context, limit time.Duration) workflow.Context {
	return workflow.WithActivityOptions(ctx, workflow.ActivityOptions{
		TaskQueue:              JobsQueue,
		ScheduleToStartTimeout: jobPickup,
		ScheduleToCloseTimeout: limit + spec.ClockMargin + jobPickup,
		StartToCloseTimeout:    limit + spec.ClockMargin,
		HeartbeatTimeout:       heartbeatTimeout,
		WaitForCancellation:    true,
		RetryPolicy:            &temporal.RetryPolicy{InitialInterval: 200 * time.Millisecond, BackoffCoefficient: 2, MaximumInterval: 5 * time.Second},
		Summary:                "run the job",
	})
}

// withRemoval: the eval waits this long for the proof; then the lease goes on alone.
func withRemoval(ctx workflow.Context) workflow.Context {
	return workflow.WithActivityOptions(ctx, workflow.ActivityOptions{
		TaskQueue:              CleanupQueue,
		ScheduleToCloseTimeout: waitForProof,
		StartToCloseTimeout:    waitForProof,
		HeartbeatTimeout:       heartbeatTimeout,
		RetryPolicy:            &quickRetries,
		Summary:                "remove the sandbox, with proof",
	})
}

// withGuard: the lease's removal has no end but success.
func withGuard(ctx workflow.Context) workflow.Context {
	return workflow.WithActivityOptions(ctx, workflow.ActivityOptions{
		TaskQueue:           CleanupQueue,
		StartToCloseTimeout: 10 * time.Minute,
		HeartbeatTimeout:    heartbeatTimeout,
		RetryPolicy:         &temporal.RetryPolicy{InitialInterval: time.Second, BackoffCoefficient: 2, MaximumInterval: 30 * time.Second},
		Summary:             "remove what the lease guards",
	})
}

// withStore: short reads and writes of the artifact store.
func withStore(ctx workflow.Context, summary string) workflow.Context {
	return workflow.WithActivityOptions(ctx, workflow.ActivityOptions{
		TaskQueue:              TaskQueue,
		StartToCloseTimeout:    time.Minute,
		ScheduleToCloseTimeout: 10 * time.Minute,
		RetryPolicy:            &quickRetries,
		Summary:                summary,
	})
}

// withResult: result.json is one small object; as a local activity it costs one event. It is retried for some minutes,
// because a result that cannot be stored is a result that is lost; then the eval fails and says why, for somebody has to
// act (a full disk, a wrong permission).
func withResult(ctx workflow.Context) workflow.Context {
	return workflow.WithLocalActivityOptions(ctx, workflow.LocalActivityOptions{
		ScheduleToCloseTimeout: 5 * time.Minute,
		StartToCloseTimeout:    time.Minute,
		RetryPolicy:            &quickRetries,
		Summary:                "write result.json",
	})
}

// withSearch: reads a whole manifest, for somebody who waits.
func withSearch(ctx workflow.Context, summary string) workflow.Context {
	return workflow.WithActivityOptions(ctx, workflow.ActivityOptions{
		TaskQueue:              TaskQueue,
		StartToCloseTimeout:    2 * time.Minute,
		ScheduleToCloseTimeout: 5 * time.Minute,
		HeartbeatTimeout:       heartbeatTimeout,
		RetryPolicy:            &quickRetries,
		Summary:                summary,
	})
}

// withDataset: reads whole datasets and writes whole result files.
func withDataset(ctx workflow.Context, summary string) workflow.Context {
	return workflow.WithActivityOptions(ctx, workflow.ActivityOptions{
		TaskQueue:              TaskQueue,
		StartToCloseTimeout:    time.Hour,
		ScheduleToCloseTimeout: 4 * time.Hour,
		HeartbeatTimeout:       heartbeatTimeout,
		RetryPolicy:            &temporal.RetryPolicy{InitialInterval: time.Second, BackoffCoefficient: 2, MaximumInterval: 30 * time.Second},
		Summary:                summary,
	})
}

// withReaping: one pass over the provider's list or Temporal's leases; the next interval brings the next pass.
func withReaping(ctx workflow.Context, summary string) workflow.Context {
	return workflow.WithActivityOptions(ctx, workflow.ActivityOptions{
		TaskQueue:              CleanupQueue,
		StartToCloseTimeout:    10 * time.Minute,
		ScheduleToCloseTimeout: 10 * time.Minute,
		HeartbeatTimeout:       heartbeatTimeout,
		RetryPolicy:            &temporal.RetryPolicy{InitialInterval: time.Second, BackoffCoefficient: 2, MaximumInterval: 30 * time.Second, MaximumAttempts: 5},
		Summary:                summary,
	})
}

// withRetention: one pass over the store; what it leaves is the next one's.
func withRetention(ctx workflow.Context) workflow.Context {
	return workflow.WithActivityOptions(ctx, workflow.ActivityOptions{
		TaskQueue:              CleanupQueue,
		StartToCloseTimeout:    2 * time.Hour,
		ScheduleToCloseTimeout: 3 * time.Hour,
		HeartbeatTimeout:       heartbeatTimeout,
		RetryPolicy:            &temporal.RetryPolicy{InitialInterval: time.Second, BackoffCoefficient: 2, MaximumInterval: time.Minute, MaximumAttempts: 5},
		Summary:                "remove what has expired",
	})
}

// Summaries of the timers of pause.
const (
	pauseForCapacity = "the provider is full: ask again after this"
	pauseForRetry    = "infrastructure failed: try again after this"
)

// pause sleeps under a timer that the history names. The error is a cancel.
func pause(ctx workflow.Context, wait time.Duration, summary string) error {
	return workflow.NewTimerWithOptions(ctx, wait, workflow.TimerOptions{Summary: summary}).Get(ctx, nil)
}

// backoffAfter is the wait before try n+1, n ≥ 1: first, doubled each time, at most maxBackoff.
func backoffAfter(n int, first time.Duration) time.Duration {
	wait := first
	for range n - 1 {
		if wait *= 2; wait >= maxBackoff {
			return maxBackoff
		}
	}
	return wait
}
