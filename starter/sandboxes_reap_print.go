package main

import "pitwall/activities"

// printReaped prints a pass, or what one would do.
func printReaped(term *terminal, report reapReport) error {
	if term.wantsJSON() {
		return term.printJSON(report)
	}
	term.printf("%d sandboxes seen, %d held by a lease\n", report.Sandboxes.Seen, report.Sandboxes.Held)
	printDecisions(term, report.Sandboxes.Decisions, report.DryRun)
	printMore(term, report.Sandboxes.More, "sandboxes")
	term.printf("%d leases open\n", report.Leases.Open)
	for _, finding := range report.Leases.Findings {
		term.printf("  %s  %s: %s; %s\n", visible(finding.Lease.ID), finding.Verdict,
			visible(finding.Reason+deadlineOf(finding)), visible(doneTo(finding, report.DryRun)))
	}
	printMore(term, report.Leases.More, "leases")
	return nil
}

func printDecisions(term *terminal, decisions []activities.Decision, dryRun bool) {
	for _, decision := range decisions {
		reason := decision.Reason
		if decision.EvalID != "" {
			reason += "; of eval " + decision.EvalID
		}
		if !decision.ExpiresAt.IsZero() {
			reason += "; expires-at " + shortTime(decision.ExpiresAt)
		}
		term.printf("  %s  %s (%s)  %s: %s; %s\n", visible(decision.SandboxID), visible(decision.Name), visible(decision.State),
			decision.Verdict, visible(reason), visible(done(decision, dryRun)))
	}
}

func printMore(term *terminal, more int, what string) {
	if more > 0 {
		term.printf("  and %d more %s\n", more, what)
	}
}

// done is what became of a sandbox, or would.
func done(decision activities.Decision, dryRun bool) string {
	switch {
	case decision.Removed != nil:
		return "removed, confirmed by " + decision.Removed.ConfirmedBy
	case decision.Error != "":
		return "not removed: " + decision.Error
	case decision.Action == activities.ActionRemove && dryRun:
		return "would be removed, to proof"
	case dryRun:
		return "would be left alone"
	}
	return "left alone"
}

// doneTo is what became of a lease, or would.
func doneTo(finding activities.AuditFinding, dryRun bool) string {
	did := map[string]string{
		activities.ActionNone: "left alone", activities.ActionCancel: "asked to remove and end",
		activities.ActionReplace: "its sandboxes removed, to proof, and itself terminated",
	}[finding.Action]
	if dryRun {
		return "would be " + did
	}
	if finding.Error != "" {
		return did + ": not done: " + finding.Error
	}
	return did
}

func deadlineOf(finding activities.AuditFinding) string {
	if finding.Deadline.IsZero() {
		return ""
	}
	return "; deadline " + shortTime(finding.Deadline)
}
