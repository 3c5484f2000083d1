package workflows

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/mock"
	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/mocks"
	"go.temporal.io/sdk/temporal"
)

func TestReaperScheduleTakesTheTimeoutOfItsNewInterval(t *testing.T) {
	schedules, handle, c := &mocks.ScheduleClient{}, &mocks.ScheduleHandle{}, &mocks.Client{}
	c.On("ScheduleClient").Return(schedules)
	schedules.On("Create", mock.Anything, mock.Anything).Return(nil, temporal.ErrScheduleAlreadyRunning)
	schedules.On("GetHandle", mock.Anything, mock.Anything).Return(handle)
	// made by a worker with PITWALL_REAPER_INTERVAL=1s
	current := client.Schedule{
		Spec:   &client.ScheduleSpec{Intervals: []client.ScheduleIntervalSpec{{Every: time.Second}}},
		Action: &client.ScheduleWorkflowAction{ID: ReaperID, WorkflowRunTimeout: time.Second},
	}
	var updated *client.Schedule
	handle.On("Update", mock.Anything, mock.Anything).Return(func(_ context.Context, o client.ScheduleUpdateOptions) error {
		u, err := o.DoUpdate(client.ScheduleUpdateInput{Description: client.ScheduleDescription{Schedule: current}})
		if u != nil {
			updated = u.Schedule
		}
		return err
	})
	require.NoError(t, EnsureReaperSchedule(t.Context(), c, 5*time.Minute))
	require.NotNil(t, updated)
	require.Equal(t, 10*time.Minute-time.Second, updated.Action.(*client.ScheduleWorkflowAction).WorkflowRunTimeout)
}
