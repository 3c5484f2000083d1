package activities

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/stretchr/testify/mock"
	"github.com/stretchr/testify/require"
	commonpb "go.temporal.io/api/common/v1"
	enumspb "go.temporal.io/api/enums/v1"
	historypb "go.temporal.io/api/history/v1"
	workflowpb "go.temporal.io/api/workflow/v1"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/converter"
	"go.temporal.io/sdk/mocks"
	"go.uber.org/zap"
	"google.golang.org/protobuf/types/known/timestamppb"

	"pitwall/internal/daytona"
	"pitwall/internal/daytona/daytonatest"
	"pitwall/internal/telemetry"
)

// A lease whose code cannot run, and which a retried CreateSandbox warned (CreatedSignal{MoreMayCome: true}, without an id).
func TestReplaceLeaseThatWasWarned(t *testing.T) {
	server := daytonatest.Start(t, daytonatest.Options{})
	payloads, err := converter.GetDefaultDataConverter().ToPayloads(CreatedSignal{MoreMayCome: true})
	require.NoError(t, err)
	history := &mocks.HistoryEventIterator{}
	left := []*historypb.HistoryEvent{{
		EventType: enumspb.EVENT_TYPE_WORKFLOW_EXECUTION_SIGNALED,
		Attributes: &historypb.HistoryEvent_WorkflowExecutionSignaledEventAttributes{
			WorkflowExecutionSignaledEventAttributes: &historypb.WorkflowExecutionSignaledEventAttributes{SignalName: SignalCreated, Input: payloads},
		},
	}}
	history.On("HasNext").Return(func() bool { return len(left) > 0 })
	history.On("Next").Return(func() *historypb.HistoryEvent { e := left[0]; left = left[1:]; return e }, nil)
	temporal := &mocks.Client{}
	temporal.On("GetWorkflowHistory", mock.Anything, mock.Anything, mock.Anything, mock.Anything, mock.Anything).Return(history)
	terminated := false
	temporal.On("TerminateWorkflow", mock.Anything, mock.Anything, mock.Anything, mock.Anything).Run(func(mock.Arguments) { terminated = true }).Return(nil)
	r := &Reaping{Daytona: server.Client(t), Temporal: temporal, Log: zap.NewNop()}
	replace := func(ctx context.Context) error {
		_, err := r.replaceLease(ctx, Execution{ID: "sandbox-slot/a/0", RunID: "run"}, "pitwall-a-b-0")
		return err
	}
	_, err = activityEnv(t, replace).ExecuteActivity(replace)
	require.NoError(t, err)
	require.True(t, terminated)
}

// A lease that waits for what a create may still bring, past its deadline, is not overdue.
func TestLeaseThatWaitsForItsHorizonIsNotOverdue(t *testing.T) {
	opened := time.Now().Add(-36 * time.Minute)
	lease := func(horizon time.Duration) AuditFinding {
		facts, err := converter.GetDefaultDataConverter().ToPayload(LeaseFacts{
			Eval: Execution{ID: "e", RunID: "er"}, SandboxName: "box", Deadline: opened.Add(25 * time.Minute), CreateHorizon: horizon,
		})
		require.NoError(t, err)
		info := &workflowpb.WorkflowExecutionInfo{
			Execution: &commonpb.WorkflowExecution{WorkflowId: "sandbox-slot/a/0", RunId: "run"}, Status: enumspb.WORKFLOW_EXECUTION_STATUS_RUNNING,
			StartTime: timestamppb.New(opened), Memo: &commonpb.Memo{Fields: map[string]*commonpb.Payload{MemoLeaseFacts: facts}},
		}
		temporal := &mocks.Client{}
		temporal.On("DescribeWorkflowExecution", mock.Anything, "sandbox-slot/a/0", mock.Anything).Return(&workflowservice.DescribeWorkflowExecutionResponse{
			WorkflowExecutionInfo: info, WorkflowExtendedInfo: &workflowpb.WorkflowExecutionExtendedInfo{CancelRequested: true},
		}, nil)
		temporal.On("DescribeWorkflowExecution", mock.Anything, "e", mock.Anything).Return(&workflowservice.DescribeWorkflowExecutionResponse{
			WorkflowExecutionInfo: &workflowpb.WorkflowExecutionInfo{Status: enumspb.WORKFLOW_EXECUTION_STATUS_COMPLETED},
		}, nil)
		finding, open := (&Reaping{Temporal: temporal, Log: zap.NewNop()}).judgeLease(t.Context(), 10*time.Minute, info)
		require.True(t, open)
		return finding
	}
	require.Equal(t, LeaseOverdue, lease(2*time.Minute).Verdict)
	require.Equal(t, LeaseEnding, lease(time.Hour).Verdict)
}

// The second page of leases cannot be read: a lease of the first one that was replaced would have its certificate in no history.
func TestAuditTouchesNothingBeforeItHasReadTheList(t *testing.T) {
	server := daytonatest.Start(t, daytonatest.Options{})
	_, err := server.Client(t).CreateSandbox(t.Context(), daytona.CreateRequest{Name: "box", Labels: map[string]string{LabelLeaseRun: "run"}})
	require.NoError(t, err)
	facts, err := converter.GetDefaultDataConverter().ToPayload(LeaseFacts{Eval: Execution{ID: "e", RunID: "er"}, SandboxName: "box", Deadline: time.Now().Add(-time.Hour)})
	require.NoError(t, err)
	info := &workflowpb.WorkflowExecutionInfo{
		Execution: &commonpb.WorkflowExecution{WorkflowId: "sandbox-slot/a/0", RunId: "run"}, Status: enumspb.WORKFLOW_EXECUTION_STATUS_RUNNING,
		Memo: &commonpb.Memo{Fields: map[string]*commonpb.Payload{MemoLeaseFacts: facts}},
	}
	temporal := &mocks.Client{}
	temporal.On("ListWorkflow", mock.Anything, mock.MatchedBy(func(r *workflowservice.ListWorkflowExecutionsRequest) bool { return len(r.NextPageToken) == 0 })).
		Return(&workflowservice.ListWorkflowExecutionsResponse{Executions: []*workflowpb.WorkflowExecutionInfo{info}, NextPageToken: []byte("2")}, nil)
	temporal.On("ListWorkflow", mock.Anything, mock.Anything).Return(nil, errors.New("the visibility store is away"))
	temporal.On("DescribeWorkflowExecution", mock.Anything, mock.Anything, mock.Anything).Return(&workflowservice.DescribeWorkflowExecutionResponse{WorkflowExecutionInfo: info}, nil)
	history := &mocks.HistoryEventIterator{}
	history.On("HasNext").Return(false)
	temporal.On("GetWorkflowHistory", mock.Anything, mock.Anything, mock.Anything, mock.Anything, mock.Anything).Return(history)
	terminated := false
	temporal.On("TerminateWorkflow", mock.Anything, mock.Anything, mock.Anything, mock.Anything).Run(func(mock.Arguments) { terminated = true }).Return(nil)
	r := &Reaping{Daytona: server.Client(t), Temporal: temporal, Log: zap.NewNop()}
	_, err = activityEnv(t, r).ExecuteActivity(r.AuditLeases, AuditLeasesInput{LeaseType: "SandboxLease", Margin: 10 * time.Minute})
	require.Error(t, err)
	require.False(t, terminated, "a report with its certificate would be lost")
	require.NotEmpty(t, server.Living())
}

// RemoveSandbox removes, cannot reach the lease for a moment, and is tried again.
func TestSecondsOfOneSandboxCountOnce(t *testing.T) {
	server := daytonatest.Start(t, daytonatest.Options{})
	made, err := server.Client(t).CreateSandbox(t.Context(), daytona.CreateRequest{Name: "box"})
	require.NoError(t, err)
	metrics := telemetry.NewMetrics(time.Hour)
	temporal := &mocks.Client{}
	temporal.On("SignalWorkflow", mock.Anything, mock.Anything, mock.Anything, mock.Anything, mock.Anything).Return(errors.New("unavailable")).Once()
	temporal.On("SignalWorkflow", mock.Anything, mock.Anything, mock.Anything, mock.Anything, mock.Anything).Return(nil)
	s := &Sandboxes{Daytona: server.Client(t), Temporal: temporal, Log: zap.NewNop(), Metrics: metrics, Journal: telemetry.NewJournal(zap.NewNop(), metrics), signals: leaseSignals{temporal}}
	env := activityEnv(t, s)
	in := RemoveSandboxInput{Sandbox: CreatedSandbox{ID: made.ID, CreatedAt: time.Now().Add(-1000 * time.Second)}}
	_, err = env.ExecuteActivity(s.RemoveSandbox, in)
	require.Error(t, err)
	_, err = env.ExecuteActivity(s.RemoveSandbox, in)
	require.NoError(t, err)
	recorder := httptest.NewRecorder()
	metrics.Handler().ServeHTTP(recorder, httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/metrics", nil))
	require.Regexp(t, `(?m)^pitwall_sandbox_seconds_total 1000(\.\d+)?$`, recorder.Body.String())
}
