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

	"pitwall/internal/spec"
)

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
	// CreateHorizon is how long after its start it may have to wait for a create; 0 in leases that are older than the field.
	CreateHorizon time.Duration `json:"create_horizon,omitempty"`
}

// MemoLeaseFacts is the memo key under which a lease's LeaseFacts stand.
const MemoLeaseFacts = "lease"

// Verdicts of the audit on one open lease.
const (
	LeaseGuarding  = "guarding"  // its eval is open
	LeaseRemoving  = "removing"  // a removal is at work, its own or its eval's
	LeaseEnding    = "ending"    // it was asked to end: it looks again until no create can take effect
	LeaseAbandoned = "abandoned" // its eval is closed, and nobody told it
	LeaseLate      = "late"      // past its deadline, but not by the margin
	LeaseOverdue   = "overdue"   // past its deadline and the margin: its code cannot run
	LeaseUnread    = "unclear"   // what is to be known of it could not be read: nothing is done
)

// AuditFinding is what the audit thinks of one open lease, and what it did.
type AuditFinding struct {
	Lease   Execution `json:"lease"`
	Verdict string    `json:"verdict"`
	Reason  string    `json:"reason"`
	// Action is none, request cancel, or remove and terminate; Error is what went wrong with it.
	Action      string    `json:"action"`
	EvalID      string    `json:"eval_id,omitempty"`
	SandboxName string    `json:"sandbox_name,omitempty"`
	OpenedAt    time.Time `json:"opened_at,omitzero"`
	Deadline    time.Time `json:"deadline,omitzero"`
	// Removal is the one at work; nil when there is none.
	Removal *PendingRemoval `json:"removal,omitempty"`
	// Certificates of what was removed in the lease's stead.
	Certificates []spec.Certificate `json:"certificates,omitempty"`
	Error        string             `json:"error,omitempty"`
}

// AuditReport lists every open lease that does more than guard; a dry run's lists those too.
type AuditReport struct {
	Open     int            `json:"open"`
	Findings []AuditFinding `json:"findings,omitempty"`
	// More is how many findings are not listed, for there were more than maxDecisions.
	More int `json:"more"`
}

// AuditLeases looks at every open lease. Its eval is closed: request its cancel (a parent's close does not reach it after
// a reset). It is past its deadline and the margin, so its code cannot run: remove its sandboxes, prove it, terminate it.
func (r *Reaping) AuditLeases(ctx context.Context, in AuditLeasesInput) (AuditReport, error) {
	beats := startPulse(ctx, "reading the list of leases")
	defer beats.end()
	return r.auditAll(ctx, in, watcher{beats.set, beats.removal})
}

func (r *Reaping) auditAll(ctx context.Context, in AuditLeasesInput, watch watcher) (AuditReport, error) {
	var report AuditReport
	leases, err := r.openLeases(ctx, in.LeaseType)
	if err != nil {
		return report, err
	}
	for _, info := range leases {
		watch.doing("auditing " + info.GetExecution().GetWorkflowId())
		finding, open := r.judgeLease(ctx, in.Margin, info)
		if !open {
			continue // the list lags behind
		}
		if !in.DryRun {
			r.act(ctx, &finding)
		}
		report.add(finding, in.DryRun)
	}
	return report, nil
}

// maxOpenLeases is far above what there can be: spec.MaxParallel of an account.
const maxOpenLeases = 100_000

// openLeases reads the list to its end before anything is touched: what is removed in a lease's stead stands in the report alone.
func (r *Reaping) openLeases(ctx context.Context, leaseType string) ([]*workflowpb.WorkflowExecutionInfo, error) {
	var leases []*workflowpb.WorkflowExecutionInfo
	query := fmt.Sprintf("WorkflowType = '%s' AND ExecutionStatus = 'Running'", leaseType)
	var token []byte
	for {
		page, err := r.Temporal.ListWorkflow(ctx, &workflowservice.ListWorkflowExecutionsRequest{Query: query, NextPageToken: token, PageSize: 100})
		if err != nil {
			return nil, fmt.Errorf("list leases: %w", err)
		}
		leases = append(leases, page.GetExecutions()...)
		if token = page.GetNextPageToken(); len(token) == 0 || len(leases) >= maxOpenLeases {
			return leases, nil
		}
	}
}

func (a *AuditReport) add(finding AuditFinding, everything bool) {
	a.Open++
	switch {
	case finding.Verdict == LeaseGuarding && !everything:
	case len(a.Findings) < maxDecisions:
		a.Findings = append(a.Findings, finding)
	default:
		a.More++
	}
}

// judgeLease judges one lease that Temporal lists as open, and touches nothing; false when it has closed.
func (r *Reaping) judgeLease(ctx context.Context, margin time.Duration, info *workflowpb.WorkflowExecutionInfo) (finding AuditFinding, open bool) {
	lease := Execution{ID: info.GetExecution().GetWorkflowId(), RunID: info.GetExecution().GetRunId()}
	finding = AuditFinding{Lease: lease, Verdict: LeaseUnread, Action: ActionNone, OpenedAt: info.GetStartTime().AsTime()}
	described, err := r.describe(ctx, lease)
	if err != nil {
		finding.Reason = bounded(fmt.Sprintf("it could not be read: %v", err), maxErrorBytes)
		return finding, true
	}
	if described == nil || !isOpen(described) {
		return finding, false
	}
	facts, ok := r.leaseFacts(info)
	if !ok {
		finding.Reason = "its memo does not say what it guards"
		return finding, true
	}
	finding.EvalID, finding.SandboxName, finding.Deadline = facts.Eval.ID, facts.SandboxName, facts.Deadline
	finding.Removal = r.ownRemoval(ctx, lease, described)
	r.judgeByEval(ctx, facts, described.GetWorkflowExtendedInfo().GetCancelRequested(), &finding)
	if horizon := finding.OpenedAt.Add(facts.CreateHorizon); horizon.After(finding.Deadline) {
		finding.Deadline = horizon // until then it may rightly wait for what a create brings
	}
	finding.judgeByClock(margin)
	return finding, true
}

// judgeByEval says whether the lease's eval still wants it.
func (r *Reaping) judgeByEval(ctx context.Context, facts LeaseFacts, cancelRequested bool, finding *AuditFinding) {
	eval, err := r.describe(ctx, facts.Eval)
	if err != nil {
		finding.Reason = bounded(fmt.Sprintf("its eval could not be read: %v", err), maxErrorBytes)
		return
	}
	open := eval != nil && isOpen(eval)
	if open {
		finding.Verdict, finding.Reason = LeaseGuarding, "its eval "+facts.Eval.ID+" is open since "+stamp(eval.GetWorkflowExecutionInfo().GetStartTime().AsTime())
	} else {
		finding.Verdict, finding.Reason, finding.Action = LeaseAbandoned, "its eval "+facts.Eval.ID+" is "+closedSince(eval), ActionCancel
	}
	if cancelRequested {
		finding.Verdict, finding.Action = LeaseEnding, ActionNone
		finding.Reason += "; it was asked to end, and looks again until no create can take effect"
	}
	if open && finding.Removal == nil {
		finding.Removal = r.evalsRemoval(ctx, facts.Eval, finding.Lease, eval)
	}
	if finding.Removal != nil {
		finding.Verdict, finding.Action = LeaseRemoving, ActionNone
		finding.Reason += "; " + finding.Removal.text()
	}
}

// judgeByClock says whether the lease should long have ended. One whose removal is at work runs.
func (f *AuditFinding) judgeByClock(margin time.Duration) {
	replaceAt := f.Deadline.Add(margin)
	switch now := time.Now(); {
	case f.Verdict == LeaseRemoving && now.After(f.Deadline):
		f.Reason += "; past its deadline, " + stamp(f.Deadline)
	case f.Verdict == LeaseRemoving, !now.After(f.Deadline):
	case now.After(replaceAt):
		f.Verdict, f.Action = LeaseOverdue, ActionReplace
		f.Reason = fmt.Sprintf("past its deadline, %s, by more than %s: its code cannot run; %s", stamp(f.Deadline), margin, f.Reason)
	case f.Action == ActionNone:
		f.Verdict = LeaseLate
		f.Reason = fmt.Sprintf("past its deadline, %s; the reaper replaces it after %s; %s", stamp(f.Deadline), stamp(replaceAt), f.Reason)
	}
}

func (r *Reaping) act(ctx context.Context, finding *AuditFinding) {
	var err error
	switch finding.Action {
	case ActionCancel:
		err = r.Temporal.CancelWorkflow(ctx, finding.Lease.ID, finding.Lease.RunID)
	case ActionReplace:
		finding.Certificates, err = r.replaceLease(ctx, finding.Lease, finding.SandboxName)
	}
	if err != nil {
		finding.Error = bounded(err.Error(), maxErrorBytes)
	}
}

func (r *Reaping) leaseFacts(info *workflowpb.WorkflowExecutionInfo) (LeaseFacts, bool) {
	var facts LeaseFacts
	payload := info.GetMemo().GetFields()[MemoLeaseFacts]
	return facts, payload != nil && r.payloads().FromPayload(payload, &facts) == nil
}

// describe asks Temporal about a run; nil when it does not know it.
func (r *Reaping) describe(ctx context.Context, run Execution) (*workflowservice.DescribeWorkflowExecutionResponse, error) {
	described, err := r.Temporal.DescribeWorkflowExecution(ctx, run.ID, run.RunID)
	var notFound *serviceerror.NotFound
	if errors.As(err, &notFound) {
		return nil, nil
	}
	return described, err
}

func isOpen(described *workflowservice.DescribeWorkflowExecutionResponse) bool {
	return described.GetWorkflowExecutionInfo().GetStatus() == enumspb.WORKFLOW_EXECUTION_STATUS_RUNNING
}

func closedSince(described *workflowservice.DescribeWorkflowExecutionResponse) string {
	if described == nil {
		return "unknown to Temporal"
	}
	info := described.GetWorkflowExecutionInfo()
	return fmt.Sprintf("closed (%s) since %s", statusText(info.GetStatus()), stamp(info.GetCloseTime().AsTime()))
}
