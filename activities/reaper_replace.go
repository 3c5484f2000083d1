package activities

import (
	"context"
	"fmt"

	enumspb "go.temporal.io/api/enums/v1"

	"pitwall/internal/spec"
)

// replaceLease does what a lease that cannot run should have done: remove by id, label and name, prove, free the slot.
func (r *Reaping) replaceLease(ctx context.Context, lease Execution, name string) ([]spec.Certificate, error) {
	removeCtx, cancel := context.WithTimeout(ctx, removeTimeout)
	defer cancel()
	in := GuardSandboxInput{Lease: lease, Name: name}
	if err := r.readGuarded(removeCtx, &in); err != nil {
		return nil, fmt.Errorf("read what lease %s guards: %w", lease.ID, err)
	}
	guard := Sandboxes{Daytona: r.Daytona, Temporal: r.Temporal, Owner: r.Owner, Log: r.Log, Metrics: r.Metrics, Journal: r.Journal}
	guarded, err := guard.GuardSandbox(removeCtx, in)
	if err != nil {
		return nil, fmt.Errorf("remove what lease %s guards: %w", lease.ID, err)
	}
	return guarded.Certificates, r.Temporal.TerminateWorkflow(ctx, lease.ID, lease.RunID, "its code could not run; the reaper removed and proved what it guarded")
}

// readGuarded reads from a lease's history which sandboxes were reported to it, and under which run: proof is by id, and
// the lease's own code cannot be asked. After a reset the labels of its sandboxes still name the run that was reset.
func (r *Reaping) readGuarded(ctx context.Context, in *GuardSandboxInput) error {
	history := r.Temporal.GetWorkflowHistory(ctx, in.Lease.ID, in.Lease.RunID, false, enumspb.HISTORY_EVENT_FILTER_TYPE_ALL_EVENT)
	for history.HasNext() {
		event, err := history.Next()
		if err != nil {
			return err
		}
		if original := event.GetWorkflowExecutionStartedEventAttributes().GetOriginalExecutionRunId(); original != "" {
			in.Lease.RunID = original
		}
		signal := event.GetWorkflowExecutionSignaledEventAttributes()
		if signal.GetSignalName() != SignalCreated {
			continue
		}
		var created CreatedSignal
		if err := r.payloads().FromPayloads(signal.GetInput(), &created); err != nil {
			return err
		}
		if created.ID != "" { // else only the word that more may come
			in.Known = append(in.Known, created)
		}
	}
	return nil
}
