package workflows

import (
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/mock"
	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/testsuite"
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
	var page activities.TrialPage
	for i := range n {
		trial := &spec.Trial{Campaign: "c", Sample: strconv.Itoa(i), Epoch: 1}
		page.Trials = append(page.Trials, activities.TrialToRun{Input: spec.EvalInput{Trial: trial}})
	}
	env.OnActivity(campaigns.ListTrials, mock.Anything, mock.Anything).Return(page, nil)
	env.OnWorkflow(EvalWorkflow, mock.Anything, mock.Anything).Return(eval)
	in.Campaign, in.ManifestKey, in.Window = "c", "m", 1
	env.ExecuteWorkflow(ShardWorkflow, in)
	require.NoError(t, env.GetWorkflowError())
	var result ShardResult
	require.NoError(t, env.GetWorkflowResult(&result))
	return result
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
	waited := func(resumed int) (wait time.Duration) {
		t.Helper()
		in := ShardInput{
			Breaker:      &spec.Breaker{MaxInfraShare: &share, Window: 2},
			BreakerState: BreakerState{Recent: []bool{true, true}, Open: true, Resumed: 1},
			Controls:     Controls{Resumed: resumed},
		}
		got := runShard(t, 1, in, func(ctx workflow.Context, _ spec.EvalInput) (spec.EvalResult, error) {
			wait = workflow.Now(ctx).Sub(shardStart())
			return used(1), nil
		})
		require.Equal(t, resumed, got.BreakerState.Resumed, "the next shard knows of it")
		return wait
	}
	require.GreaterOrEqual(t, waited(1), firstProbe)
	require.Less(t, waited(2), firstProbe)
}
