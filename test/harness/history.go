//go:build linux

package harness

import (
	"github.com/stretchr/testify/require"
	enumspb "go.temporal.io/api/enums/v1"
	historypb "go.temporal.io/api/history/v1"
)

// History reads all events of a workflow's run; an empty run ID names its latest.
func (s *Stack) History(id, runID string) *historypb.History {
	s.t.Helper()
	history := &historypb.History{}
	events := s.Temporal.GetWorkflowHistory(s.t.Context(), id, runID, false, enumspb.HISTORY_EVENT_FILTER_TYPE_ALL_EVENT)
	for events.HasNext() {
		event, err := events.Next()
		require.NoError(s.t, err)
		history.Events = append(history.Events, event)
	}
	require.NotEmpty(s.t, history.GetEvents())
	return history
}
