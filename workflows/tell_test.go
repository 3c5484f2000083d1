package workflows_test

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/testsuite"

	"pitwall/activities"
	"pitwall/internal/spec"
	"pitwall/workflows"
)

// A night whose dataset is missing has not passed: who asked for that is told.
func TestACampaignThatFailsIsTold(t *testing.T) {
	for notify, want := range map[string]int{"": 0, spec.NotifyNever: 0, spec.NotifyNotPassed: 1, spec.NotifyAlways: 1} {
		var suite testsuite.WorkflowTestSuite
		suite.SetLogger(quiet())
		env := suite.NewTestWorkflowEnvironment()
		var told []spec.CampaignResult
		env.RegisterActivityWithOptions(func(context.Context, activities.PrepareCampaignInput) (activities.PreparedCampaign, error) {
			return activities.PreparedCampaign{}, temporal.NewNonRetryableApplicationError("open dataset s3://b/2026-11-26.jsonl: not found", activities.ErrTypeInvalidInput, nil)
		}, activity.RegisterOptions{Name: "PrepareCampaign"})
		env.RegisterActivityWithOptions(func(_ context.Context, result spec.CampaignResult) error {
			told = append(told, result)
			return nil
		}, activity.RegisterOptions{Name: "TellCampaign"})
		workflows.Register(env)
		env.ExecuteWorkflow(workflows.CampaignWorkflow, spec.CampaignInput{Name: "nightly-2026-11-26T030000Z", Notify: notify})
		require.ErrorContains(t, env.GetWorkflowError(), "not found")
		require.Len(t, told, want, notify)
		if want == 1 {
			require.Equal(t, []string{spec.StatusError, spec.VerdictInconclusive}, []string{told[0].Status, told[0].Verdict})
			require.Equal(t, []string{"InvalidInput: open dataset s3://b/2026-11-26.jsonl: not found"}, told[0].Reasons)
			require.False(t, told[0].FinishedAt.IsZero())
		}
	}
}
