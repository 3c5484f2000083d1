package recording_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
	enumspb "go.temporal.io/api/enums/v1"
	historypb "go.temporal.io/api/history/v1"

	"pitwall/test/recording"
)

func history(run string) *historypb.History {
	started := &historypb.HistoryEvent{EventId: 1, EventType: enumspb.EVENT_TYPE_WORKFLOW_EXECUTION_STARTED}
	failed := &historypb.HistoryEvent{
		EventId: 2, EventType: enumspb.EVENT_TYPE_WORKFLOW_TASK_FAILED,
		Attributes: &historypb.HistoryEvent_WorkflowTaskFailedEventAttributes{WorkflowTaskFailedEventAttributes: &historypb.WorkflowTaskFailedEventAttributes{
			Cause: enumspb.WORKFLOW_TASK_FAILED_CAUSE_RESET_WORKFLOW, NewRunId: run, Identity: "1@a-host",
		}},
	}
	return &historypb.History{Events: []*historypb.HistoryEvent{started, failed}}
}

func TestARecordingIsNeverReplaced(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	require.NoError(t, recording.Write(dir, "second", "a", history("r1")))
	require.ErrorContains(t, recording.Write(dir, "second", "a", history("r2")), "recordings are never made anew")
	require.NoError(t, recording.Write(dir, "third", "a", history("r3")))
	sets, err := recording.Load(dir)
	require.NoError(t, err)
	require.Equal(t, "r1", recording.ResetRun(sets["second"]["a.json"]))
	require.Equal(t, "r3", recording.ResetRun(sets["third"]["a.json"]))
	data, err := os.ReadFile(filepath.Join(dir, "second", "a.json"))
	require.NoError(t, err)
	require.NotContains(t, string(data), "a-host")
	for _, set := range []string{"", "..", "1/2", "Second"} {
		require.ErrorContains(t, recording.Write(dir, set, "a", history("r")), "is no name of a set")
	}
}
