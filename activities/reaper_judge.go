package activities

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/serviceerror"

	"pitwall/internal/daytona"
	"pitwall/internal/spec"
	"pitwall/internal/telemetry"
)

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

// What a pass does about a sandbox or a lease, or in a dry run would do.
const (
	ActionNone    = "none"
	ActionRemove  = "remove"               // a sandbox: to proof by id
	ActionCancel  = "request cancel"       // a lease: it removes what it guards, and ends
	ActionReplace = "remove and terminate" // a lease: what it guards is removed to proof for it
)

// Decision is what the reaper thinks of one sandbox, and what it did.
type Decision struct {
	SandboxID string `json:"sandbox_id"`
	Name      string `json:"name"`
	State     string `json:"state"` // the provider's
	Verdict   string `json:"verdict"`
	Reason    string `json:"reason"`
	// Action is none or remove; Removed and Error say what came of it.
	Action string `json:"action"`
	EvalID string `json:"eval_id,omitempty"`
	// Lease is the run that guards it; nil where its labels name none, or nobody asked about it.
	Lease     *LeaseRun         `json:"lease,omitempty"`
	CreatedAt time.Time         `json:"created_at,omitzero"`
	ExpiresAt time.Time         `json:"expires_at,omitzero"`
	Removed   *spec.Certificate `json:"removed,omitempty"`
	Error     string            `json:"error,omitempty"`

	eval telemetry.Correlation // for the journal
}

// Status of a lease's run.
const (
	LeaseOpen    = "open"
	LeaseUnknown = "unknown" // to Temporal
	LeaseUnclear = "unclear" // Temporal did not answer
	// A closed one has Temporal's own: completed, failed, canceled, terminated, timed out.
)

// LeaseRun is what Temporal says of a lease's run.
type LeaseRun struct {
	Execution
	Status string `json:"status"`
	// Since is when the run was opened or closed; zero when that is not known.
	Since time.Time `json:"since,omitzero"`
}

func (l LeaseRun) closed() bool {
	return l.Status != LeaseOpen && l.Status != LeaseUnknown && l.Status != LeaseUnclear
}

// Decide judges one sandbox, by its labels and its lease's run, and touches nothing. It is no method of Reaping because
// every exported method there is registered as an activity.
func Decide(ctx context.Context, r *Reaping, sandbox daytona.Sandbox) Decision {
	decision := Decision{
		SandboxID: sandbox.ID, Name: bounded(sandbox.Name, maxLabelBytes), State: sandbox.State,
		EvalID: bounded(sandbox.Labels[LabelEval], maxLabelBytes), CreatedAt: sandbox.CreatedAt, Action: ActionNone,
		eval: labelled(sandbox),
	}
	decision.ExpiresAt, _ = time.Parse(time.RFC3339, sandbox.Labels[LabelExpiresAt])
	r.judge(ctx, sandbox, &decision)
	if decision.Verdict == VerdictOrphan || decision.Verdict == VerdictExpired {
		decision.Action = ActionRemove
	}
	return decision
}

// maxLabelBytes bounds what of a stranger's labels reaches a report; our own are shorter, but for the longest sample names.
const maxLabelBytes = 300

func (r *Reaping) judge(ctx context.Context, sandbox daytona.Sandbox, decision *Decision) {
	if stranger := r.stranger(sandbox); stranger != "" {
		decision.Verdict, decision.Reason = VerdictForeign, stranger
		return
	}
	lease := Execution{ID: sandbox.Labels[LabelLease], RunID: sandbox.Labels[LabelLeaseRun]}
	marked := lease.ID != "" && lease.RunID != ""
	var text string
	if marked {
		decision.Lease, text = r.leaseRun(ctx, lease)
	} else {
		text = "its labels name no lease"
	}
	switch {
	case sandbox.Leaving():
		decision.Verdict, decision.Reason = VerdictLeaving, "the provider is removing it; "+text
	case !marked:
		decision.Verdict, decision.Reason = VerdictUnmarked, text
	case decision.Lease.Status == LeaseUnknown:
		decision.judgeUnknown(text)
	case decision.Lease.Status == LeaseUnclear:
		decision.Verdict, decision.Reason = VerdictUnclear, text
	case decision.Lease.Status == LeaseOpen:
		decision.Verdict, decision.Reason = VerdictHeld, text
	default:
		decision.Verdict, decision.Reason = VerdictOrphan, text
	}
}

// stranger says why a sandbox is not this cluster's and namespace's; empty when it is.
func (r *Reaping) stranger(sandbox daytona.Sandbox) string {
	own := r.Owner.OwnLabels()
	for _, label := range []string{LabelManagedBy, LabelCluster, LabelNamespace} {
		if got := sandbox.Labels[label]; got != own[label] {
			return fmt.Sprintf("its label %s is %q, not %q", label, bounded(got, maxLabelBytes), own[label])
		}
	}
	return ""
}

// leaseRun asks Temporal about a lease's run, and says it in words.
func (r *Reaping) leaseRun(ctx context.Context, lease Execution) (run *LeaseRun, text string) {
	run = &LeaseRun{Execution: lease}
	name := "lease run " + lease.RunID + " of " + lease.ID
	described, err := r.Temporal.DescribeWorkflowExecution(ctx, lease.ID, lease.RunID)
	var notFound *serviceerror.NotFound
	switch {
	case errors.As(err, &notFound):
		run.Status = LeaseUnknown
		return run, name + " is unknown to Temporal"
	case err != nil:
		run.Status = LeaseUnclear
		return run, bounded(fmt.Sprintf("describe %s: %v", name, err), maxErrorBytes)
	}
	info := described.GetWorkflowExecutionInfo()
	if info.GetStatus() == enumspb.WORKFLOW_EXECUTION_STATUS_RUNNING {
		run.Status, run.Since = LeaseOpen, info.GetStartTime().AsTime()
		return run, fmt.Sprintf("%s is open since %s", name, stamp(run.Since))
	}
	run.Status, run.Since = statusText(info.GetStatus()), info.GetCloseTime().AsTime()
	return run, fmt.Sprintf("%s is closed (%s) since %s", name, run.Status, stamp(run.Since))
}

func (d *Decision) judgeUnknown(text string) {
	switch {
	case d.ExpiresAt.IsZero():
		d.Verdict, d.Reason = VerdictUnknown, text+", and its expiry is unreadable"
	case time.Now().Before(d.ExpiresAt):
		d.Verdict, d.Reason = VerdictUnknown, text+"; it may go after "+stamp(d.ExpiresAt)
	default:
		d.Verdict, d.Reason = VerdictExpired, text+", and it expired at "+stamp(d.ExpiresAt)
	}
}

// left says that nobody holds the sandbox, and that it is not known to be gone.
func (d Decision) left() bool {
	if d.Removed != nil {
		return false
	}
	return d.Action == ActionRemove || d.Verdict == VerdictLeaving && d.Lease != nil && d.Lease.closed()
}

// rank puts what somebody may have to look at first in a report that cannot list everything.
func (d Decision) rank() int {
	switch {
	case d.Action != ActionNone:
		return 0
	case d.Verdict == VerdictHeld:
		return 2
	case d.Verdict == VerdictForeign:
		return 3
	}
	return 1
}

func stamp(t time.Time) string { return t.UTC().Format(time.RFC3339) }

// statusText is a closed run's status in Temporal's words: completed, timed out.
func statusText(status enumspb.WorkflowExecutionStatus) string {
	words := []rune(status.String())
	for i := len(words) - 1; i > 0; i-- {
		if words[i] >= 'A' && words[i] <= 'Z' {
			words = slices.Insert(words, i, ' ')
		}
	}
	return strings.ToLower(string(words))
}
