//go:build linux

package main

import (
	"context"
	"fmt"
	"time"

	enumspb "go.temporal.io/api/enums/v1"
	historypb "go.temporal.io/api/history/v1"
	"go.temporal.io/sdk/client"
)

// maxEvents bounds what is read of one history; Temporal ends one at 51,200 events.
const maxEvents = 52_000

// readHistory returns all events of a run.
func readHistory(ctx context.Context, c client.Client, id, run string) ([]*historypb.HistoryEvent, error) {
	var events []*historypb.HistoryEvent
	for pages := c.GetWorkflowHistory(ctx, id, run, false, enumspb.HISTORY_EVENT_FILTER_TYPE_ALL_EVENT); pages.HasNext() && len(events) < maxEvents; {
		event, err := pages.Next()
		if err != nil {
			return nil, fmt.Errorf("read history of %s: %w", id, err)
		}
		events = append(events, event)
	}
	return events, nil
}

// timeline is when things happened in one run, by Temporal's clock. A zero time did not happen.
type timeline struct {
	started, closed time.Time
	// activities holds the last of each type.
	activities map[string]activityTimes
	// leaseSeen is when the eval was told that its lease runs.
	leaseSeen time.Time
	// released is when the signal of that name arrived.
	released time.Time
}

type activityTimes struct{ scheduled, started, closed time.Time }

func timelineOf(events []*historypb.HistoryEvent) timeline {
	t := timeline{activities: map[string]activityTimes{}}
	types := map[int64]string{}
	for _, event := range events {
		at := event.GetEventTime().AsTime()
		switch event.GetEventType() {
		case enumspb.EVENT_TYPE_WORKFLOW_EXECUTION_STARTED:
			t.started = at
		case enumspb.EVENT_TYPE_WORKFLOW_EXECUTION_COMPLETED:
			t.closed = at
		case enumspb.EVENT_TYPE_WORKFLOW_EXECUTION_SIGNALED:
			if event.GetWorkflowExecutionSignaledEventAttributes().GetSignalName() == "released" {
				t.released = at
			}
		case enumspb.EVENT_TYPE_CHILD_WORKFLOW_EXECUTION_STARTED:
			t.leaseSeen = at
		case enumspb.EVENT_TYPE_ACTIVITY_TASK_SCHEDULED:
			name := event.GetActivityTaskScheduledEventAttributes().GetActivityType().GetName()
			types[event.GetEventId()] = name
			t.activities[name] = activityTimes{scheduled: at}
		case enumspb.EVENT_TYPE_ACTIVITY_TASK_STARTED:
			t.note(types[event.GetActivityTaskStartedEventAttributes().GetScheduledEventId()], func(a *activityTimes) { a.started = at })
		case enumspb.EVENT_TYPE_ACTIVITY_TASK_COMPLETED:
			t.note(types[event.GetActivityTaskCompletedEventAttributes().GetScheduledEventId()], func(a *activityTimes) { a.closed = at })
		}
	}
	return t
}

func (t timeline) note(name string, change func(*activityTimes)) {
	times := t.activities[name]
	change(&times)
	t.activities[name] = times
}
