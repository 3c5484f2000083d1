package activities

import (
	"context"
	"fmt"
	"strings"
	"time"

	enumspb "go.temporal.io/api/enums/v1"
	historypb "go.temporal.io/api/history/v1"
	workflowpb "go.temporal.io/api/workflow/v1"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/converter"
	"google.golang.org/protobuf/proto"

	"pitwall/internal/telemetry"
)

// PendingRemoval is a removal that Temporal has at work: RemoveSandbox of an eval or GuardSandbox of its lease.
type PendingRemoval struct {
	Activity string `json:"activity"`
	// Since is when it was first scheduled; zero when that could not be read.
	Since   time.Time `json:"since,omitzero"`
	Attempt int       `json:"attempt"` // from 1
	// Doing is its last heartbeat in words, of this attempt or the one before.
	Doing string `json:"doing,omitempty"`
	// FailureType and Failure are of the attempt before; empty in the first.
	FailureType string `json:"failure_type,omitempty"`
	Failure     string `json:"failure,omitempty"`
}

// Denied says that the provider denied the DELETE, when it was last tried.
func (p *PendingRemoval) Denied() bool { return p.FailureType == ErrTypeCleanupBlocked }

// Stuck says that it has gone on for longer than a removal should take.
func (p *PendingRemoval) Stuck() bool {
	return !p.Since.IsZero() && time.Since(p.Since) > telemetry.StuckAfter
}

func (p *PendingRemoval) text() string {
	text := fmt.Sprintf("%s is at work, attempt %d", p.Activity, p.Attempt)
	if !p.Since.IsZero() {
		text += ", since " + stamp(p.Since)
	}
	switch {
	case p.Denied():
		text += ": " + p.Failure
	case p.Doing != "":
		text += ": " + p.Doing
	}
	return text
}

const (
	activityRemove = "RemoveSandbox"
	activityGuard  = "GuardSandbox"
)

// ownRemoval is a lease's own.
func (r *Reaping) ownRemoval(ctx context.Context, lease Execution, described *workflowservice.DescribeWorkflowExecutionResponse) *PendingRemoval {
	pending := pendingActivity(described, activityGuard)
	if pending == nil {
		return nil
	}
	removal := r.removalOf(pending)
	if event := r.scheduled(ctx, lease, pending.GetActivityId()); event != nil {
		removal.Since = event.GetEventTime().AsTime()
	}
	return removal
}

// evalsRemoval is an eval's, where it is that of this lease's sandbox.
func (r *Reaping) evalsRemoval(ctx context.Context, eval, lease Execution, described *workflowservice.DescribeWorkflowExecutionResponse) *PendingRemoval {
	pending := pendingActivity(described, activityRemove)
	if pending == nil {
		return nil
	}
	event := r.scheduled(ctx, eval, pending.GetActivityId())
	var in RemoveSandboxInput
	input := event.GetActivityTaskScheduledEventAttributes().GetInput()
	if event == nil || r.payloads().FromPayloads(input, &in) != nil || in.Lease.ID != lease.ID {
		return nil
	}
	removal := r.removalOf(pending)
	removal.Since = event.GetEventTime().AsTime()
	return removal
}

func pendingActivity(described *workflowservice.DescribeWorkflowExecutionResponse, name string) *workflowpb.PendingActivityInfo {
	for _, pending := range described.GetPendingActivities() {
		if pending.GetActivityType().GetName() == name {
			return pending
		}
	}
	return nil
}

func (r *Reaping) removalOf(pending *workflowpb.PendingActivityInfo) *PendingRemoval {
	failure := pending.GetLastFailure()
	if failure != nil {
		failure = proto.CloneOf(failure)
		converter.DecodeCommonFailureAttributes(r.payloads(), failure)
	}
	removal := &PendingRemoval{
		Activity: pending.GetActivityType().GetName(), Attempt: int(pending.GetAttempt()),
		FailureType: failure.GetApplicationFailureInfo().GetType(),
		Failure:     bounded(failure.GetMessage(), maxErrorBytes),
	}
	var doing string
	if r.payloads().FromPayloads(pending.GetHeartbeatDetails(), &doing) == nil {
		removal.Doing = bounded(strings.TrimSpace(doing), maxErrorBytes)
	}
	return removal
}

// scheduled finds the event that scheduled an activity: only it says when an activity that is retried was first wanted.
// Nil when it could not be read. Histories of leases and evals are short.
func (r *Reaping) scheduled(ctx context.Context, run Execution, activityID string) *historypb.HistoryEvent {
	history := r.Temporal.GetWorkflowHistory(ctx, run.ID, run.RunID, false, enumspb.HISTORY_EVENT_FILTER_TYPE_ALL_EVENT)
	for history.HasNext() {
		event, err := history.Next()
		if err != nil {
			return nil
		}
		if event.GetActivityTaskScheduledEventAttributes().GetActivityId() == activityID {
			return event
		}
	}
	return nil
}
