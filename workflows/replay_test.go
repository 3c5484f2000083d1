package workflows_test

import (
	"log/slog"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
	enumspb "go.temporal.io/api/enums/v1"
	historypb "go.temporal.io/api/history/v1"
	"go.temporal.io/sdk/client"
	sdklog "go.temporal.io/sdk/log"
	"go.temporal.io/sdk/worker"
	"go.temporal.io/sdk/workflow"

	"pitwall/internal/spec"
	"pitwall/workflows"
)

// recordings are histories of real runs, recorded by
//
//	PITWALL_RECORD=1 go test ./test/e2e -run RecordedHistoriesReplay
//
// Workflows that are open when a worker is replaced must go on under its code: what fails here needs workflow.GetVersion,
// not a new recording.
func recordings(t *testing.T) map[string]*historypb.History {
	t.Helper()
	files, err := filepath.Glob("testdata/replay/*.json")
	require.NoError(t, err)
	require.NotEmpty(t, files)
	found := map[string]*historypb.History{}
	for _, path := range files {
		file, err := os.Open(path)
		require.NoError(t, err)
		history, err := client.HistoryFromJSON(file, client.HistoryJSONOptions{})
		require.NoError(t, file.Close())
		require.NoError(t, err, path)
		found[filepath.Base(path)] = history
	}
	return found
}

func quiet() sdklog.Logger { return sdklog.NewStructuredLogger(slog.New(slog.DiscardHandler)) }

func TestRecordingsReplay(t *testing.T) {
	replayer := worker.NewWorkflowReplayer()
	workflows.Register(replayer)
	for name, history := range recordings(t) {
		t.Run(name, func(t *testing.T) {
			require.NoError(t, replayer.ReplayWorkflowHistory(quiet(), history))
		})
	}
}

func TestEveryWorkflowHasARecordingOfEachOfItsEnds(t *testing.T) {
	ends := map[string]map[enumspb.EventType]bool{}
	for _, history := range recordings(t) {
		events := history.GetEvents()
		workflowType := events[0].GetWorkflowExecutionStartedEventAttributes().GetWorkflowType().GetName()
		if ends[workflowType] == nil {
			ends[workflowType] = map[enumspb.EventType]bool{}
		}
		ends[workflowType][events[len(events)-1].GetEventType()] = true
	}
	const (
		completed  = enumspb.EVENT_TYPE_WORKFLOW_EXECUTION_COMPLETED
		failed     = enumspb.EVENT_TYPE_WORKFLOW_EXECUTION_FAILED
		cancelled  = enumspb.EVENT_TYPE_WORKFLOW_EXECUTION_CANCELED
		terminated = enumspb.EVENT_TYPE_WORKFLOW_EXECUTION_TERMINATED
		timedOut   = enumspb.EVENT_TYPE_WORKFLOW_EXECUTION_TIMED_OUT
	)
	require.Equal(t, map[string]map[enumspb.EventType]bool{
		"EvalWorkflow":     {completed: true, failed: true, cancelled: true, terminated: true, timedOut: true},
		"SandboxLease":     {completed: true},
		"ShardWorkflow":    {completed: true, cancelled: true},
		"CampaignWorkflow": {completed: true, cancelled: true},
		"ReaperWorkflow":   {completed: true},
	}, ends)
}

// A replay that could not fail would prove nothing.
func TestReplayOfAnotherProgramFails(t *testing.T) {
	history := recordings(t)["eval-success.json"]
	replayer := worker.NewWorkflowReplayer()
	replayer.RegisterWorkflowWithOptions(func(ctx workflow.Context, _ spec.EvalInput) (spec.EvalResult, error) {
		return spec.EvalResult{}, workflow.Sleep(ctx, 1)
	}, workflow.RegisterOptions{Name: "EvalWorkflow"})
	require.Error(t, replayer.ReplayWorkflowHistory(quiet(), history))
}
