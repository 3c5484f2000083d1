//go:build linux

package main

import (
	"context"
	"fmt"

	enumspb "go.temporal.io/api/enums/v1"
	historypb "go.temporal.io/api/history/v1"
	"go.temporal.io/sdk/client"

	"pitwall/internal/spec"
	"pitwall/workflows"
)

// measureCost counts what one eval with its lease writes into Temporal.
func measureCost(ctx context.Context, l *lab, _ options, report *Report) error {
	l.note("cost of one eval …")
	plain := spec.EvalInput{Job: spec.Job{Steps: []spec.Step{{Command: "true"}}}}
	kept := spec.EvalInput{
		Job:       spec.Job{Steps: []spec.Step{{Command: "echo kept > out.txt"}}},
		Artifacts: []spec.ArtifactRule{{Path: "out.txt", Required: true}},
	}
	for _, eval := range []struct {
		name string
		in   spec.EvalInput
	}{{"exit-code scorer", plain}, {"exit-code scorer, one artifact", kept}} {
		cost, err := costOf(ctx, l, fmt.Sprintf("bench-cost-%d", len(report.Cost)), eval.in)
		if err != nil {
			return err
		}
		cost.Eval, cost.AimEvents = eval.name, 60
		report.Cost = append(report.Cost, cost)
	}
	return nil
}

func costOf(ctx context.Context, l *lab, id string, in spec.EvalInput) (Cost, error) {
	run, err := l.temporal.ExecuteWorkflow(ctx, client.StartWorkflowOptions{ID: id, TaskQueue: workflows.TaskQueue}, workflows.EvalWorkflow, in)
	if err != nil {
		return Cost{}, fmt.Errorf("start eval %s: %w", id, err)
	}
	var result spec.EvalResult
	if err := run.Get(ctx, &result); err != nil {
		return Cost{}, fmt.Errorf("run eval %s: %w", id, err)
	}
	if len(result.Attempts) != 1 || len(result.Attempts[0].Sandboxes) != 1 || result.Score == nil || !result.Score.Passed {
		return Cost{}, fmt.Errorf("run eval %s: it did not pass at once: %s", id, result.Status)
	}
	lease := result.Attempts[0].Sandboxes[0]
	if err := l.temporal.GetWorkflow(ctx, lease.LeaseID, lease.LeaseRun).Get(ctx, nil); err != nil {
		return Cost{}, fmt.Errorf("await lease %s: %w", lease.LeaseID, err)
	}
	cost := Cost{EventTypes: map[string]int{}, Actions: map[string]int{}}
	evalEvents, err := readHistory(ctx, l.temporal, id, run.GetRunID())
	if err != nil {
		return Cost{}, err
	}
	leaseEvents, err := readHistory(ctx, l.temporal, lease.LeaseID, lease.LeaseRun)
	if err != nil {
		return Cost{}, err
	}
	cost.EvalEvents, cost.LeaseEvents, cost.Events = len(evalEvents), len(leaseEvents), len(evalEvents)+len(leaseEvents)
	cost.add(evalEvents)
	cost.add(leaseEvents)
	cost.Actions["workflow starts"]++ // the eval itself; the lease is counted in its parent
	for _, n := range cost.Actions {
		cost.TotalActions += n
	}
	return cost, nil
}

// add counts a history's events, and its actions by the price list of Temporal Cloud (2026): an activity and each retry of it 1,
// a child 2, a timer 1, a signal 1, all local activities of a workflow task 1, another marker 1. A heartbeat that reaches the
// server is 1 more and stands in no history: one for each 2 s that an activity takes here.
func (c *Cost) add(events []*historypb.HistoryEvent) {
	localTasks := map[int64]bool{}
	for _, event := range events {
		c.EventTypes[event.GetEventType().String()]++
		switch event.GetEventType() {
		case enumspb.EVENT_TYPE_WORKFLOW_TASK_FAILED:
			c.FailedTasks = append(c.FailedTasks, workflowType(events)+": "+event.GetWorkflowTaskFailedEventAttributes().GetCause().String())
		case enumspb.EVENT_TYPE_ACTIVITY_TASK_SCHEDULED:
			c.Actions["activities"]++
		case enumspb.EVENT_TYPE_ACTIVITY_TASK_STARTED:
			if retries := int(event.GetActivityTaskStartedEventAttributes().GetAttempt()) - 1; retries > 0 {
				c.Actions["activity retries"] += retries
			}
		case enumspb.EVENT_TYPE_START_CHILD_WORKFLOW_EXECUTION_INITIATED:
			c.Actions["child starts, 2 each"] += 2
		case enumspb.EVENT_TYPE_TIMER_STARTED:
			c.Actions["timers"]++
		case enumspb.EVENT_TYPE_WORKFLOW_EXECUTION_SIGNALED:
			c.Actions["signals"]++
		case enumspb.EVENT_TYPE_MARKER_RECORDED:
			marker := event.GetMarkerRecordedEventAttributes()
			task := marker.GetWorkflowTaskCompletedEventId()
			if marker.GetMarkerName() == "LocalActivity" && localTasks[task] {
				continue
			}
			localTasks[task] = localTasks[task] || marker.GetMarkerName() == "LocalActivity"
			c.Actions["markers (local activities)"]++
		}
	}
}

func workflowType(events []*historypb.HistoryEvent) string {
	return events[0].GetWorkflowExecutionStartedEventAttributes().GetWorkflowType().GetName()
}
