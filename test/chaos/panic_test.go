//go:build linux

package chaos

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/client"
	sdklog "go.temporal.io/sdk/log"
	"go.temporal.io/sdk/worker"
	"go.temporal.io/sdk/workflow"
	"go.uber.org/zap"

	"pitwall/activities"
	"pitwall/internal/config"
	"pitwall/internal/daytona"
	"pitwall/workflows"
)

// brokenWorker serves workflows in this process, with a lease whose code panics, until it is stopped.
func (r *run) brokenWorker() (stop func()) {
	r.t.Helper()
	settings, err := config.Load(r.stack.ClientEnv())
	require.NoError(r.t, err)
	provider, err := daytona.New(settings.Daytona())
	require.NoError(r.t, err)
	set := activities.New(activities.Deps{
		Temporal: r.stack.Temporal, Daytona: provider, Store: r.stack.Store, Config: settings,
		Cluster: r.stack.Cluster, Namespace: r.stack.Namespace, Log: zap.NewNop(),
	})
	quiet, err := client.NewClientFromExisting(r.stack.Temporal, client.Options{Logger: sdklog.NewStructuredLogger(slog.New(slog.DiscardHandler))})
	require.NoError(r.t, err)
	broken := worker.New(quiet, workflows.TaskQueue, worker.Options{})
	broken.RegisterWorkflow(workflows.EvalWorkflow)
	broken.RegisterWorkflow(workflows.CampaignWorkflow)
	broken.RegisterWorkflow(workflows.ShardWorkflow)
	broken.RegisterWorkflowWithOptions(func(workflow.Context, workflows.LeaseInput) (workflows.LeaseResult, error) {
		panic("a bug in the lease")
	}, workflow.RegisterOptions{Name: "SandboxLease"})
	set.RegisterShort(broken)
	require.NoError(r.t, broken.Start())
	return sync.OnceFunc(func() {
		broken.Stop()
		set.Close()
		provider.CloseIdle()
	})
}

// leasePanics: the code of every lease has a bug. Its workflow blocks, which keeps the slot, until a worker without the
// bug comes. An eval that succeeds has removed its sandbox itself.
func leasePanics(r *run, terminate bool) {
	r.lab = newLab(r.t, labOptions{workers: -1, slots: 1})
	r.stack.StartWorker("--queues", "jobs,slots,cleanup")
	stop := r.brokenWorker()
	defer stop()
	r.victim = "direct/v"
	r.startEval(r.victim, longVictimJob, 0)
	sandbox := r.jobRuns()
	struck := time.Now()
	wanted := ends(completed)
	if terminate {
		wanted = ends(terminated)
		require.NoError(r.t, r.stack.Temporal.TerminateWorkflow(r.t.Context(), r.victim, "", "chaos"))
	}
	r.awaitClosed(r.victim)
	if !terminate {
		r.stack.AwaitGone(sandbox.ID)
	}
	require.Equal(r.t, 1, r.stack.OpenLeases(context.Background()), "the slot is kept")
	stop()
	r.stack.StartWorker()
	campaign := r.startCampaign(map[string]string{"a": companionJob, "b": companionJob}, "a", "b")
	r.finish(campaign.GetID(), expectation{trials: 2, victimEnds: wanted, struckAt: struck, healedAt: time.Now(), killed: true})
}
