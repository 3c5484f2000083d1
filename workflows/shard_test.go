package workflows

import (
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/mock"
	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/interceptor"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/testsuite"
	"go.temporal.io/sdk/worker"
	"go.temporal.io/sdk/workflow"

	"pitwall/activities"
	"pitwall/internal/spec"
)

func shardStart() time.Time { return time.Date(2026, 11, 22, 3, 0, 0, 0, time.UTC) }

// runShard runs a shard over n trials, each of which ends as eval says.
func runShard(t *testing.T, n int, in ShardInput, eval func(workflow.Context, spec.EvalInput) (spec.EvalResult, error)) ShardResult {
	t.Helper()
	var suite testsuite.WorkflowTestSuite
	env := suite.NewTestWorkflowEnvironment()
	env.SetStartTime(shardStart())
	Register(env)
	campaigns := &activities.Campaigns{}
	env.RegisterActivity(campaigns)
	env.OnActivity(campaigns.ListTrials, mock.Anything, mock.Anything).Return(trialPage(n), nil)
	env.OnWorkflow(EvalWorkflow, mock.Anything, mock.Anything).Return(eval)
	in.Campaign, in.ManifestKey, in.Window = "c", "m", 1
	env.ExecuteWorkflow(ShardWorkflow, in)
	require.NoError(t, env.GetWorkflowError())
	var result ShardResult
	require.NoError(t, env.GetWorkflowResult(&result))
	return result
}

func trialPage(n int) activities.TrialPage {
	var page activities.TrialPage
	for i := range n {
		trial := &spec.Trial{Campaign: "c", Sample: strconv.Itoa(i), Epoch: 1}
		page.Trials = append(page.Trials, activities.TrialToRun{Input: spec.EvalInput{Trial: trial}})
	}
	return page
}

// used is a result whose sandbox lived so long.
func used(seconds float64) spec.EvalResult {
	removal := &spec.Certificate{SandboxID: "x", ConfirmedBy: "404", SandboxSeconds: seconds}
	return spec.EvalResult{Attempts: []spec.Attempt{{Number: 1, Sandboxes: []spec.SandboxUse{{ID: "x", Removal: removal}}}}}
}

func TestCancelledTrialsUseTheBudget(t *testing.T) {
	budget := BudgetLeft{SandboxSeconds: 150}
	cancelled := func(workflow.Context, spec.EvalInput) (spec.EvalResult, error) {
		result := used(100)
		result.Status = spec.StatusCancelled
		return spec.EvalResult{}, temporal.NewCanceledError(result)
	}
	got := runShard(t, 3, ShardInput{Budget: budget}, cancelled)
	require.Equal(t, []any{2, 2, EndedBudget, 200.0}, []any{got.Started, got.Cancelled, got.Ended, got.SandboxSeconds})

	silent := func(workflow.Context, spec.EvalInput) (spec.EvalResult, error) {
		return spec.EvalResult{}, temporal.NewCanceledError()
	}
	got = runShard(t, 3, ShardInput{Budget: budget}, silent)
	require.Equal(t, []any{3, "", 0.0}, []any{got.Started, got.Ended, got.SandboxSeconds})
}

// A resume reaches no shard that is at its end, and is meant for the breaker that it hands on.
func TestResumeBetweenShardsClosesTheBreaker(t *testing.T) {
	share := 0.5
	waited := func(heard *int, resumed int) (wait time.Duration) {
		t.Helper()
		in := ShardInput{
			Breaker:      &spec.Breaker{MaxInfraShare: &share, Window: 2},
			BreakerState: BreakerState{Recent: []bool{true, true}, Open: true, Resumed: heard},
			Controls:     Controls{Resumed: resumed},
		}
		got := runShard(t, 1, in, func(ctx workflow.Context, _ spec.EvalInput) (spec.EvalResult, error) {
			wait = workflow.Now(ctx).Sub(shardStart())
			return used(1), nil
		})
		require.Equal(t, resumed, *got.BreakerState.Resumed, "the next shard knows of it")
		return wait
	}
	one := 1
	require.GreaterOrEqual(t, waited(&one, 1), firstProbe)
	require.Less(t, waited(&one, 2), firstProbe)
	require.GreaterOrEqual(t, waited(nil, 1), firstProbe, "a shard from before it said so may have heard it")
}

// Each change of the controls names all cancelled trials; one that is ending is asked once.
func TestTrialsAreAskedToEndOnce(t *testing.T) {
	const n = 10
	var suite testsuite.WorkflowTestSuite
	env := suite.NewTestWorkflowEnvironment()
	env.RegisterWorkflow(ShardWorkflow)
	env.RegisterWorkflowWithOptions(func(ctx workflow.Context, _ spec.EvalInput) (spec.EvalResult, error) {
		workflow.GetSignalChannel(ctx, "end").Receive(ctx, nil)
		return spec.EvalResult{}, temporal.NewCanceledError()
	}, workflow.RegisterOptions{Name: "EvalWorkflow"})
	campaigns := &activities.Campaigns{}
	env.RegisterActivity(campaigns)
	env.OnActivity(campaigns.ListTrials, mock.Anything, mock.Anything).Return(trialPage(n), nil)
	asked := map[string]int{}
	env.SetWorkerOptions(worker.Options{Interceptors: []interceptor.WorkerInterceptor{&cancelCounter{asked: asked}}})
	var controls Controls
	for i := range n {
		env.RegisterDelayedCallback(func() {
			controls.Revision++
			controls.Cancelled = append(controls.Cancelled, TrialRef{Sample: strconv.Itoa(i), Epoch: 1})
			env.SignalWorkflow(SignalControls, controls)
		}, time.Duration(i+1)*time.Second)
		env.RegisterDelayedCallback(func() {
			require.NoError(t, env.SignalWorkflowByID(EvalID(spec.Trial{Campaign: "c", Sample: strconv.Itoa(i), Epoch: 1}), "end", nil))
		}, time.Minute)
	}
	env.ExecuteWorkflow(ShardWorkflow, ShardInput{Campaign: "c", ManifestKey: "m", Window: n})
	require.NoError(t, env.GetWorkflowError())
	require.Len(t, asked, n)
	for id, times := range asked {
		require.Equal(t, 1, times, id)
	}
}

// cancelCounter counts by ID how often a workflow was asked to end.
type cancelCounter struct {
	interceptor.WorkerInterceptorBase
	asked map[string]int
}

func (c *cancelCounter) InterceptWorkflow(_ workflow.Context, next interceptor.WorkflowInboundInterceptor) interceptor.WorkflowInboundInterceptor {
	return &countingInbound{interceptor.WorkflowInboundInterceptorBase{Next: next}, c.asked}
}

type countingInbound struct {
	interceptor.WorkflowInboundInterceptorBase
	asked map[string]int
}

func (c *countingInbound) Init(out interceptor.WorkflowOutboundInterceptor) error {
	return c.Next.Init(&countingOutbound{interceptor.WorkflowOutboundInterceptorBase{Next: out}, c.asked})
}

type countingOutbound struct {
	interceptor.WorkflowOutboundInterceptorBase
	asked map[string]int
}

func (c *countingOutbound) RequestCancelExternalWorkflow(ctx workflow.Context, id, runID string) workflow.Future {
	c.asked[id]++
	return c.Next.RequestCancelExternalWorkflow(ctx, id, runID)
}

// A campaign that an operator cancels has not used up its budget for what its trials cost while they end.
func TestACancelledShardIsNotExhausted(t *testing.T) {
	var suite testsuite.WorkflowTestSuite
	env := suite.NewTestWorkflowEnvironment()
	Register(env)
	campaigns := &activities.Campaigns{}
	env.RegisterActivity(campaigns)
	env.OnActivity(campaigns.ListTrials, mock.Anything, mock.Anything).Return(trialPage(3), nil)
	env.OnWorkflow(EvalWorkflow, mock.Anything, mock.Anything).Return(func(ctx workflow.Context, _ spec.EvalInput) (spec.EvalResult, error) {
		_ = workflow.Sleep(ctx, time.Hour)
		return spec.EvalResult{}, temporal.NewCanceledError(used(100))
	})
	env.RegisterDelayedCallback(env.CancelWorkflow, time.Minute)
	env.ExecuteWorkflow(ShardWorkflow, ShardInput{Campaign: "c", ManifestKey: "m", Window: 3, Budget: BudgetLeft{SandboxSeconds: 150}})
	var cancelled *temporal.CanceledError
	require.ErrorAs(t, env.GetWorkflowError(), &cancelled)
	var result ShardResult
	require.NoError(t, cancelled.Details(&result))
	require.Equal(t, []any{3, 300.0, ""}, []any{result.Cancelled, result.SandboxSeconds, result.Ended})
}
