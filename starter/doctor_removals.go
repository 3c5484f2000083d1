package main

import (
	"context"
	"fmt"
	"strconv"
	"time"

	"pitwall/activities"
	"pitwall/internal/daytona"
	"pitwall/internal/telemetry"
	"pitwall/workflows"
)

// removals looks for what keeps a slot taken or a sandbox alive for longer than it should: removals that the provider
// denies or does not finish, leases past their deadline, sandboxes that it calls broken.
func (e *examination) removals(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, doctorBound)
	defer cancel()
	judge, closeJudge, err := newJudge(ctx, e.target)
	if err != nil {
		return // said by temporal and provider
	}
	defer closeJudge()
	before := len(e.findings)
	leases, _, err := activities.Explain(ctx, judge, workflows.Audit(true))
	if err == nil {
		e.capped(blockedLeases(leases))
		var sandboxes []finding
		sandboxes, err = blockedSandboxes(ctx, judge)
		e.capped(sandboxes)
	}
	switch {
	case err != nil:
		e.add("removals", findingWarn, "they could not be looked at: "+err.Error(), "")
	case len(e.findings) == before:
		e.add("removals", findingOK, fmt.Sprintf("none is denied or stuck; %d leases are open", leases.Open), "")
	}
}

// maxRemovalFindings bounds what is printed of one kind; they usually have one cause.
const maxRemovalFindings = 20

func (e *examination) capped(found []finding) {
	for i, one := range found {
		if i == maxRemovalFindings {
			e.add("removals", findingWarn, fmt.Sprintf("and %d more", len(found)-i), "see: starter sandboxes reap --dry-run")
			return
		}
		e.add(one.Name, one.Status, one.Detail, one.Remedy)
	}
}

func blockedLeases(report activities.AuditReport) []finding {
	var found []finding
	for _, lease := range report.Findings {
		if one, blocked := blockedLease(lease); blocked {
			found = append(found, one)
		}
	}
	return found
}

// blockedLease says what is wrong with a lease that is open, and what to do.
func blockedLease(lease activities.AuditFinding) (finding, bool) {
	removal := lease.Removal
	detail := lease.Lease.ID + ": "
	switch {
	case removal != nil && removal.Denied():
		return finding{
			"removal denied", findingFail, detail + fmt.Sprintf("%s (%s, attempt %d, since %s)", removal.Failure, removal.Activity, removal.Attempt, shortTime(removal.Since)),
			"give the workers' API key " + daytona.PermissionDeleteSandboxes + "; the removal goes on by itself, and until then the slot stays taken",
		}, true
	case removal != nil && removal.Stuck():
		return finding{
			"removal stuck", findingWarn, detail + fmt.Sprintf("no proof for %s: %s (%s, attempt %d)%s",
				time.Since(removal.Since).Round(time.Second), removal.Doing, removal.Activity, removal.Attempt, before(removal.Failure)),
			"the provider has to finish it: show its support the sandbox's id; the slot stays taken until it is gone, the others work",
		}, true
	case lease.Verdict == activities.LeaseOverdue:
		return finding{"lease overdue", findingFail, detail + lease.Reason, "the reaper's next pass replaces it; at once: starter sandboxes reap"}, true
	case lease.Verdict == activities.LeaseLate:
		return finding{"lease late", findingWarn, detail + lease.Reason, "look whether workers serve the queues " + workflows.TaskQueue + " and " + workflows.CleanupQueue}, true
	case lease.Verdict == activities.LeaseEnding:
		return finding{"slot rests", findingWarn, detail + lease.Reason, "nothing: it is free after the create horizon, PITWALL_CREATE_HORIZON"}, true
	case lease.Verdict == activities.LeaseUnread:
		return finding{"lease unclear", findingWarn, detail + lease.Reason, "look at it in Temporal's UI"}, true
	}
	return finding{}, false
}

func before(failure string) string {
	if failure == "" {
		return ""
	}
	return "; before that: " + failure
}

// blockedSandboxes reads what the provider says of ours, also of the rows that it hides.
func blockedSandboxes(ctx context.Context, judge *activities.Reaping) ([]finding, error) {
	var found []finding
	hidden := 0
	options := daytona.ListOptions{Labels: judge.Owner.OwnLabels(), IncludeErroredDeleted: true}
	for sandbox, err := range judge.Daytona.ListSandboxes(ctx, options) {
		if err != nil {
			return found, fmt.Errorf("list sandboxes: %w", err)
		}
		slot := sandbox.Labels[activities.LabelSlot]
		long := !sandbox.UpdatedAt.IsZero() && time.Since(sandbox.UpdatedAt) > telemetry.StuckAfter
		what := fmt.Sprintf("%s (slot %s), state %s since %s", sandbox.ID, slot, sandbox.State, shortTime(sandbox.UpdatedAt))
		switch {
		case sandbox.Failed() && sandbox.Leaving() && sandbox.Name == slotName(judge.Owner, slot):
			found = append(found, finding{
				"slot rests", findingWarn, what + ": it was deleted while in error, the provider hides it, and it still has the slot's name",
				"creates in this slot fail until the provider drops the row (a day to a week): ask its support to",
			})
		case sandbox.Failed() && sandbox.Leaving():
			hidden++
		case sandbox.Leaving() && long:
			found = append(found, finding{"sandbox stuck", findingWarn, what + ": the provider accepted its removal and does not finish it", "show the provider's support the sandbox's id"})
		case sandbox.Failed() && long:
			found = append(found, finding{"sandbox broken", findingWarn, what + before(sandbox.ErrorReason), "its lease or the reaper removes it; why not yet: starter sandboxes reap --dry-run"})
		}
	}
	if hidden > 0 {
		found = append(found, finding{
			"sandboxes hidden", findingWarn, fmt.Sprintf("%d were deleted while in error: the provider hides them, and may still run them", hidden),
			"their certificates say 404-after-error; compare the provider's usage, and ask its support",
		})
	}
	return found, nil
}

// slotName is the name that only the sandbox of a slot may have; empty when the label is no slot.
func slotName(owner activities.Owner, label string) string {
	slot, err := strconv.Atoi(label)
	if err != nil {
		return ""
	}
	return owner.SandboxName(slot)
}
