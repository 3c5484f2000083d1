package main

import (
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/mock"
	"github.com/stretchr/testify/require"
	"go.temporal.io/api/common/v1"
	"go.temporal.io/api/enums/v1"
	"go.temporal.io/api/serviceerror"
	"go.temporal.io/api/workflow/v1"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/converter"
	"go.temporal.io/sdk/mocks"

	"pitwall/internal/artifact"
	"pitwall/internal/config"
	"pitwall/internal/results"
	"pitwall/internal/spec"
	"pitwall/workflows"
)

// What a start does with what Temporal and the store know of the name; 0 is nothing.
func TestLaunchOfAKnownCampaign(t *testing.T) {
	const night, scheduled = "nightly-2026-11-26T030000Z", "nightly-2026-11-26T03:00:00Z"
	digest, err := converter.GetDefaultDataConverter().ToPayload(spec.InputDigest(spec.CampaignInput{Name: night}))
	require.NoError(t, err)
	for name, c := range map[string]struct {
		known      enums.WorkflowExecutionStatus
		finished   bool
		openShards int64
		starts     enums.WorkflowIdReusePolicy // 0: nothing is started
		refusal    string
	}{
		"new":                                 {starts: enums.WORKFLOW_ID_REUSE_POLICY_REJECT_DUPLICATE},
		"running":                             {known: enums.WORKFLOW_EXECUTION_STATUS_RUNNING},
		"completed":                           {known: enums.WORKFLOW_EXECUTION_STATUS_COMPLETED, finished: true},
		"cancelled with a result":             {known: enums.WORKFLOW_EXECUTION_STATUS_CANCELED, finished: true},
		"cancelled before it ran":             {known: enums.WORKFLOW_EXECUTION_STATUS_CANCELED, starts: enums.WORKFLOW_ID_REUSE_POLICY_ALLOW_DUPLICATE_FAILED_ONLY},
		"failed":                              {known: enums.WORKFLOW_EXECUTION_STATUS_FAILED, starts: enums.WORKFLOW_ID_REUSE_POLICY_ALLOW_DUPLICATE_FAILED_ONLY},
		"terminated":                          {known: enums.WORKFLOW_EXECUTION_STATUS_TERMINATED, starts: enums.WORKFLOW_ID_REUSE_POLICY_ALLOW_DUPLICATE_FAILED_ONLY},
		"terminated, its evals still ending":  {known: enums.WORKFLOW_EXECUTION_STATUS_TERMINATED, openShards: 1, refusal: "still ending"},
		"finished, and forgotten by Temporal": {finished: true, refusal: "Temporal has forgotten it"},
	} {
		t.Run(name, func(t *testing.T) {
			target := deployment{Config: config.Config{Store: "file://" + filepath.ToSlash(t.TempDir())}}
			if c.finished {
				store, err := artifact.Open(t.Context(), target.Store)
				require.NoError(t, err)
				_, err = results.WriteSummary(t.Context(), store, spec.CampaignResult{Campaign: night, FinishedAt: time.Now()})
				require.NoError(t, err)
				require.NoError(t, store.Close())
			}
			temporal := &mocks.Client{}
			if c.known != 0 { // a schedule started it: its ID has colons
				temporal.On("DescribeWorkflowExecution", mock.Anything, workflows.CampaignID(scheduled), "").Return(&workflowservice.DescribeWorkflowExecutionResponse{
					WorkflowExecutionInfo: &workflow.WorkflowExecutionInfo{
						Execution: &common.WorkflowExecution{WorkflowId: workflows.CampaignID(scheduled), RunId: "old"}, Status: c.known,
						Memo: &common.Memo{Fields: map[string]*common.Payload{memoDigest: digest}},
					},
				}, nil)
			}
			temporal.On("DescribeWorkflowExecution", mock.Anything, mock.Anything, "").Return(nil, serviceerror.NewNotFound("none"))
			temporal.On("CountWorkflow", mock.Anything, mock.MatchedBy(func(r *workflowservice.CountWorkflowExecutionsRequest) bool {
				return r.GetQuery() == "WorkflowType = 'ShardWorkflow' AND ExecutionStatus = 'Running' AND WorkflowId STARTS_WITH 'shard/"+night+"/'"
			})).Return(&workflowservice.CountWorkflowExecutionsResponse{Count: c.openShards}, nil)
			run := func(id string) *mocks.WorkflowRun {
				run := &mocks.WorkflowRun{}
				run.On("GetRunID").Return(id)
				return run
			}
			temporal.On("ExecuteWorkflow", mock.Anything, mock.MatchedBy(func(o client.StartWorkflowOptions) bool {
				return o.WorkflowIDReusePolicy == c.starts && o.ID == workflows.CampaignID(night)
			}), mock.Anything, mock.Anything).Return(run("new"), nil)
			temporal.On("GetWorkflow", mock.Anything, workflows.CampaignID(scheduled), "old").Return(run("old"))
			term, _ := testTerminal()
			got, err := launchCampaign(t.Context(), term, target, temporal, spec.CampaignInput{Name: night})
			if c.refusal != "" {
				require.ErrorContains(t, err, c.refusal)
				return
			}
			require.NoError(t, err)
			require.Equal(t, map[bool]string{true: "new", false: "old"}[c.starts != 0], got.GetRunID())
		})
	}
}
