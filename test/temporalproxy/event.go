package temporalproxy

import (
	"fmt"
	"sync"

	commandpb "go.temporal.io/api/command/v1"
	commonpb "go.temporal.io/api/common/v1"
	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/workflowservice/v1"
	"google.golang.org/protobuf/proto"
)

// Event is one thing that a worker tells the server, in the words of histories.
type Event struct {
	// Kind is schedule, child, complete, fail, cancel, begin (a workflow's first task, whatever it decides), result or
	// failure (of an activity), or signal.
	Kind string
	// Name is the activity's, child workflow's or signal's type; empty for the end of a workflow.
	Name string
	// WorkflowType, WorkflowID and RunID of the workflow that speaks; of a signal, the one that is signalled, without a type.
	WorkflowType, WorkflowID, RunID string
	// ParentID of a child workflow that speaks, or is signalled.
	ParentID string
	// Identity of the worker: its process and host.
	Identity string
}

func (e Event) String() string {
	return fmt.Sprintf("%s %s of %s %s", e.Kind, e.Name, e.WorkflowType, e.WorkflowID)
}

// tasks remembers whose task a token is: a worker answers with the token alone.
type tasks struct {
	mu      sync.Mutex
	known   map[string]task
	order   []string
	parents map[string]string // by run ID, learned from a run's first task
}

type task struct {
	workflowType, activityType string
	execution                  *commonpb.WorkflowExecution
	first                      bool
}

// maxTasks bounds the memory of tokens; a test has some dozen tasks open.
const maxTasks = 10_000

func (t *tasks) add(token []byte, what task) {
	if len(token) == 0 {
		return
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.known == nil {
		t.known = map[string]task{}
	}
	if len(t.order) >= maxTasks {
		delete(t.known, t.order[0])
		t.order = t.order[1:]
	}
	t.known[string(token)] = what
	t.order = append(t.order, string(token))
}

func (t *tasks) of(token []byte) task {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.known[string(token)]
}

// learn reads from an answer which tasks the worker was given.
func (t *tasks) learn(answer proto.Message) {
	switch answer := answer.(type) {
	case *workflowservice.PollWorkflowTaskQueueResponse:
		t.learnWorkflowTask(answer)
	case *workflowservice.PollActivityTaskQueueResponse:
		t.learnActivity(answer)
	case *workflowservice.RespondWorkflowTaskCompletedResponse:
		if next := answer.GetWorkflowTask(); next != nil {
			t.learnWorkflowTask(next)
		}
		for _, eager := range answer.GetActivityTasks() {
			t.learnActivity(eager)
		}
	}
}

func (t *tasks) learnWorkflowTask(polled *workflowservice.PollWorkflowTaskQueueResponse) {
	t.add(polled.GetTaskToken(), task{
		workflowType: polled.GetWorkflowType().GetName(), execution: polled.GetWorkflowExecution(),
		first: polled.GetPreviousStartedEventId() == 0,
	})
	events := polled.GetHistory().GetEvents()
	if len(events) == 0 {
		return
	}
	if started := events[0].GetWorkflowExecutionStartedEventAttributes(); started.GetParentWorkflowExecution() != nil {
		t.mu.Lock()
		defer t.mu.Unlock()
		if t.parents == nil || len(t.parents) >= maxTasks {
			t.parents = map[string]string{}
		}
		t.parents[polled.GetWorkflowExecution().GetRunId()] = started.GetParentWorkflowExecution().GetWorkflowId()
	}
}

func (t *tasks) parentOf(runID string) string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.parents[runID]
}

func (t *tasks) learnActivity(polled *workflowservice.PollActivityTaskQueueResponse) {
	t.add(polled.GetTaskToken(), task{
		workflowType: polled.GetWorkflowType().GetName(), activityType: polled.GetActivityType().GetName(),
		execution: polled.GetWorkflowExecution(),
	})
}

// events reads from a request what it tells.
func (t *tasks) events(request proto.Message) []Event {
	events := t.read(request)
	for i := range events {
		events[i].ParentID = t.parentOf(events[i].RunID)
	}
	return events
}

func (t *tasks) read(request proto.Message) []Event {
	switch request := request.(type) {
	case *workflowservice.RespondWorkflowTaskCompletedRequest:
		return workflowEvents(t.of(request.GetTaskToken()), request)
	case *workflowservice.RespondActivityTaskCompletedRequest:
		return []Event{activityEvent("result", t.of(request.GetTaskToken()), request.GetIdentity())}
	case *workflowservice.RespondActivityTaskFailedRequest:
		return []Event{activityEvent("failure", t.of(request.GetTaskToken()), request.GetIdentity())}
	case *workflowservice.SignalWorkflowExecutionRequest:
		return []Event{{
			Kind: "signal", Name: request.GetSignalName(), Identity: request.GetIdentity(),
			WorkflowID: request.GetWorkflowExecution().GetWorkflowId(), RunID: request.GetWorkflowExecution().GetRunId(),
		}}
	}
	return nil
}

func activityEvent(kind string, of task, identity string) Event {
	return Event{
		Kind: kind, Name: of.activityType, WorkflowType: of.workflowType, Identity: identity,
		WorkflowID: of.execution.GetWorkflowId(), RunID: of.execution.GetRunId(),
	}
}

func workflowEvents(of task, request *workflowservice.RespondWorkflowTaskCompletedRequest) []Event {
	said := func(kind, name string) Event {
		return Event{
			Kind: kind, Name: name, WorkflowType: of.workflowType, Identity: request.GetIdentity(),
			WorkflowID: of.execution.GetWorkflowId(), RunID: of.execution.GetRunId(),
		}
	}
	var events []Event
	if of.first {
		events = append(events, said("begin", ""))
	}
	for _, command := range request.GetCommands() {
		if kind, name := commandEvent(command); kind != "" {
			events = append(events, said(kind, name))
		}
	}
	return events
}

func commandEvent(command *commandpb.Command) (kind, name string) {
	switch command.GetCommandType() {
	case enumspb.COMMAND_TYPE_SCHEDULE_ACTIVITY_TASK:
		return "schedule", command.GetScheduleActivityTaskCommandAttributes().GetActivityType().GetName()
	case enumspb.COMMAND_TYPE_START_CHILD_WORKFLOW_EXECUTION:
		return "child", command.GetStartChildWorkflowExecutionCommandAttributes().GetWorkflowType().GetName()
	case enumspb.COMMAND_TYPE_COMPLETE_WORKFLOW_EXECUTION:
		return "complete", ""
	case enumspb.COMMAND_TYPE_FAIL_WORKFLOW_EXECUTION:
		return "fail", ""
	case enumspb.COMMAND_TYPE_CANCEL_WORKFLOW_EXECUTION:
		return "cancel", ""
	}
	return "", ""
}
