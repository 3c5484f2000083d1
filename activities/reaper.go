package activities

import (
	"context"
	"errors"
	"fmt"
	"time"

	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/serviceerror"
	workflowpb "go.temporal.io/api/workflow/v1"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/converter"
	"go.uber.org/zap"

	"pitwall/internal/daytona"
	"pitwall/internal/spec"
)

// Reaping is the net under the leases. It shares no decision with them: it reads the provider's list and Temporal's
// executions, and acts only where both speak clearly.
type Reaping struct {
	Daytona  *daytona.Client
	Temporal client.Client
	Owner    Owner
	Log      *zap.Logger
}

// Verdicts of the reaper on one sandbox.
const (
	VerdictHeld     = "held"     // its lease run is open: not ours to touch
	VerdictOrphan   = "orphan"   // its lease run is closed
	VerdictExpired  = "expired"  // its lease run is unknown, and it is past expires-at
	VerdictUnknown  = "unknown"  // its lease run is unknown, and it may yet be guarded by a database that was lost
	VerdictForeign  = "foreign"  // of another cluster or namespace, or not Pitwall's
	VerdictUnclear  = "unclear"  // Temporal did not answer: nothing is done
	VerdictLeaving  = "leaving"  // it is being removed already
	VerdictUnmarked = "unmarked" // ours by its labels, but without a lease run: reported only
)

// Decision is what the reaper thinks of one sandbox, and what it did.
type Decision struct {
	SandboxID string            `json:"sandbox_id"`
	Name      string            `json:"name"`
	Verdict   string            `json:"verdict"`
	Reason    string            `json:"reason"`
	Removed   *spec.Certificate `json:"removed,omitempty"`
	Error     string            `json:"error,omitempty"`
}

// ReapSandboxesInput is the input of ReapSandboxes.
type ReapSandboxesInput struct {
	DryRun bool `json:"dry_run"`
}

// ReapReport lists every sandbox that was not plainly held.
type ReapReport struct {
	Seen      int        `json:"seen"`
	Held      int        `json:"held"`
	Decisions []Decision `json:"decisions,omitempty"`
}

// maxDecisions bounds the report; what is past it is still acted on.
const maxDecisions = 200

// ReapSandboxes reads every page of the provider's list and removes, to proof by id, what nobody holds. A list that could
// not be read to its end ends the activity with an error: what was not seen is not judged.
func (r *Reaping) ReapSandboxes(ctx context.Context, in ReapSandboxesInput) (ReapReport, error) {
	var report ReapReport
	beats := startPulse(ctx, "reading the list of sandboxes")
	defer beats.end()
	for sandbox, err := range r.Daytona.ListSandboxes(ctx, daytona.ListOptions{Labels: map[string]string{LabelManagedBy: ManagedBy}}) {
		if err != nil {
			return report, retryable(ErrTypeTransport, fmt.Errorf("list sandboxes: %w", err), 0)
		}
		beats.set("looking at " + sandbox.ID)
		report.Seen++
		decision := Decide(ctx, r, sandbox)
		if decision.Verdict == VerdictHeld {
			report.Held++
			continue
		}
		if !in.DryRun && (decision.Verdict == VerdictOrphan || decision.Verdict == VerdictExpired) {
			r.reap(ctx, sandbox, &decision, beats)
		}
		if len(report.Decisions) < maxDecisions {
			report.Decisions = append(report.Decisions, decision)
		}
	}
	return report, nil
}

// Decide judges one sandbox, by its labels and its lease's run, and touches nothing. It is no method of Reaping because
// every exported method there is registered as an activity.
func Decide(ctx context.Context, r *Reaping, sandbox daytona.Sandbox) Decision {
	decision := Decision{SandboxID: sandbox.ID, Name: sandbox.Name}
	decision.Verdict, decision.Reason = r.judge(ctx, sandbox)
	return decision
}

func (r *Reaping) judge(ctx context.Context, sandbox daytona.Sandbox) (verdict, reason string) {
	for label, value := range r.Owner.OwnLabels() {
		if sandbox.Labels[label] != value {
			return VerdictForeign, fmt.Sprintf("label %s is %q", label, sandbox.Labels[label])
		}
	}
	if sandbox.Leaving() {
		return VerdictLeaving, "the provider is removing it (state " + sandbox.State + ")"
	}
	lease := Execution{ID: sandbox.Labels[LabelLease], RunID: sandbox.Labels[LabelLeaseRun]}
	if lease.ID == "" || lease.RunID == "" {
		return VerdictUnmarked, "it carries no lease"
	}
	open, err := leaseOpen(ctx, r.Temporal, lease)
	switch {
	case errors.Is(err, errLeaseUnknown):
		return judgeUnknown(sandbox)
	case err != nil:
		return VerdictUnclear, err.Error()
	case open:
		return VerdictHeld, "lease run " + lease.RunID + " is open"
	default:
		return VerdictOrphan, "lease run " + lease.RunID + " is closed"
	}
}

func judgeUnknown(sandbox daytona.Sandbox) (verdict, reason string) {
	expires, err := time.Parse(time.RFC3339, sandbox.Labels[LabelExpiresAt])
	if err != nil {
		return VerdictUnknown, "its lease run is unknown and its expiry unreadable"
	}
	if time.Now().Before(expires) {
		return VerdictUnknown, "its lease run is unknown; it may go after " + expires.Format(time.RFC3339)
	}
	return VerdictExpired, "its lease run is unknown and it expired at " + expires.Format(time.RFC3339)
}

// removeTimeout bounds one removal, so that some that stay in destroying do not use up the pass: the DELETE is sent, and
// the next pass sees them leaving.
const removeTimeout = 15 * time.Second

func (r *Reaping) reap(ctx context.Context, sandbox daytona.Sandbox, decision *Decision, beats *pulse) {
	ctx, cancel := context.WithTimeout(ctx, removeTimeout)
	defer cancel()
	r.Log.Warn("reaping a sandbox", zap.String("sandbox_id", sandbox.ID), zap.String("verdict", decision.Verdict), zap.String("reason", decision.Reason))
	removal, err := r.Daytona.RemoveSandbox(ctx, sandbox.ID, beats.removal)
	if err != nil {
		decision.Error = bounded(err.Error(), maxErrorBytes)
		return
	}
	certificate := Certify(removal, createdAt(sandbox))
	decision.Removed = &certificate
}

// AuditLeasesInput is the input of AuditLeases.
type AuditLeasesInput struct {
	// LeaseType is the workflow type of leases.
	LeaseType string `json:"lease_type"`
	// Margin beyond its deadline after which a lease's code counts as unable to run.
	Margin time.Duration `json:"margin"`
	DryRun bool          `json:"dry_run"`
}

// LeaseFacts are what the audit reads of a lease's memo.
type LeaseFacts struct {
	Eval        Execution `json:"eval"`
	SandboxName string    `json:"sandbox_name"`
	Deadline    time.Time `json:"deadline"`
}

// MemoLeaseFacts is the memo key under which a lease's LeaseFacts stand.
const MemoLeaseFacts = "lease"

// AuditFinding is one lease that was not as it should be.
type AuditFinding struct {
	Lease  Execution `json:"lease"`
	Reason string    `json:"reason"`
	Action string    `json:"action"`
	Error  string    `json:"error,omitempty"`
}

// AuditReport lists what the audit found.
type AuditReport struct {
	Open     int            `json:"open"`
	Findings []AuditFinding `json:"findings,omitempty"`
}

// AuditLeases looks at every open lease. Its eval is closed: request its cancel (a parent's close does not reach it after
// a reset). It is past its deadline and the margin, so its code cannot run: remove its sandboxes, prove it, terminate it.
func (r *Reaping) AuditLeases(ctx context.Context, in AuditLeasesInput) (AuditReport, error) {
	var report AuditReport
	beats := startPulse(ctx, "reading the list of leases")
	defer beats.end()
	query := fmt.Sprintf("WorkflowType = '%s' AND ExecutionStatus = 'Running'", in.LeaseType)
	var token []byte
	for {
		page, err := r.Temporal.ListWorkflow(ctx, &workflowservice.ListWorkflowExecutionsRequest{Query: query, NextPageToken: token, PageSize: 100})
		if err != nil {
			return report, fmt.Errorf("list leases: %w", err)
		}
		for _, info := range page.GetExecutions() {
			beats.set("auditing " + info.GetExecution().GetWorkflowId())
			report.Open++
			if finding := r.audit(ctx, in, info); finding != nil && len(report.Findings) < maxDecisions {
				report.Findings = append(report.Findings, *finding)
			}
		}
		if token = page.GetNextPageToken(); len(token) == 0 {
			return report, nil
		}
	}
}

func (r *Reaping) audit(ctx context.Context, in AuditLeasesInput, info *workflowpb.WorkflowExecutionInfo) *AuditFinding {
	lease := Execution{ID: info.GetExecution().GetWorkflowId(), RunID: info.GetExecution().GetRunId()}
	var facts LeaseFacts
	payload := info.GetMemo().GetFields()[MemoLeaseFacts]
	if payload == nil || converter.GetDefaultDataConverter().FromPayload(payload, &facts) != nil {
		return &AuditFinding{Lease: lease, Reason: "its memo does not say what it guards", Action: "none"}
	}
	if time.Now().After(facts.Deadline.Add(in.Margin)) {
		finding := &AuditFinding{Lease: lease, Reason: "past its deadline by more than " + in.Margin.String() + ": its code cannot run", Action: "remove and terminate"}
		if !in.DryRun {
			finding.note(r.replaceLease(ctx, lease, facts))
		}
		return finding
	}
	closed, err := r.evalClosed(ctx, facts.Eval)
	if err != nil {
		return &AuditFinding{Lease: lease, Reason: "its eval could not be read", Action: "none", Error: bounded(err.Error(), 200)}
	}
	if !closed {
		return nil
	}
	finding := &AuditFinding{Lease: lease, Reason: "its eval " + facts.Eval.ID + " is closed", Action: "request cancel"}
	if !in.DryRun {
		finding.note(r.Temporal.CancelWorkflow(ctx, lease.ID, lease.RunID))
	}
	return finding
}

func (f *AuditFinding) note(err error) {
	if err != nil {
		f.Error = bounded(err.Error(), maxErrorBytes)
	}
}

func (r *Reaping) evalClosed(ctx context.Context, eval Execution) (bool, error) {
	described, err := r.Temporal.DescribeWorkflowExecution(ctx, eval.ID, eval.RunID)
	var notFound *serviceerror.NotFound
	if errors.As(err, &notFound) {
		return true, nil
	}
	if err != nil {
		return false, err
	}
	return described.GetWorkflowExecutionInfo().GetStatus() != enumspb.WORKFLOW_EXECUTION_STATUS_RUNNING, nil
}

// replaceLease does what a lease that cannot run should have done: remove by id, label and name, prove, free the slot.
func (r *Reaping) replaceLease(ctx context.Context, lease Execution, facts LeaseFacts) error {
	guard := Sandboxes{Daytona: r.Daytona, Temporal: r.Temporal, Owner: r.Owner, Log: r.Log}
	removeCtx, cancel := context.WithTimeout(ctx, removeTimeout)
	defer cancel()
	known, err := r.created(removeCtx, lease)
	if err != nil {
		return fmt.Errorf("read what lease %s guards: %w", lease.ID, err)
	}
	if _, err := guard.GuardSandbox(removeCtx, GuardSandboxInput{Lease: lease, Name: facts.SandboxName, Known: known}); err != nil {
		return fmt.Errorf("remove what lease %s guards: %w", lease.ID, err)
	}
	return r.Temporal.TerminateWorkflow(ctx, lease.ID, lease.RunID, "its code could not run; the reaper removed and proved what it guarded")
}

// created reads from a lease's history which sandboxes were reported to it: proof is by id, and the lease's own code
// cannot be asked.
func (r *Reaping) created(ctx context.Context, lease Execution) ([]CreatedSignal, error) {
	var known []CreatedSignal
	history := r.Temporal.GetWorkflowHistory(ctx, lease.ID, lease.RunID, false, enumspb.HISTORY_EVENT_FILTER_TYPE_ALL_EVENT)
	for history.HasNext() {
		event, err := history.Next()
		if err != nil {
			return nil, err
		}
		signal := event.GetWorkflowExecutionSignaledEventAttributes()
		if signal.GetSignalName() != SignalCreated {
			continue
		}
		var created CreatedSignal
		if err := converter.GetDefaultDataConverter().FromPayloads(signal.GetInput(), &created); err != nil {
			return nil, err
		}
		known = append(known, created)
	}
	return known, nil
}
