package activities

import (
	"pitwall/internal/telemetry"
)

// reapEntries are a line for each sandbox that was not plainly held, and one for the pass.
func reapEntries(report ReapReport, err error) []telemetry.Entry {
	var entries []telemetry.Entry
	for _, decision := range report.Decisions {
		entry := telemetry.Entry{
			Event: telemetry.ReaperDecision, Status: telemetry.StatusOK, Correlation: decision.eval,
			Verdict: decision.Verdict, Action: decision.Action, Reason: decision.Reason, Error: decision.Error,
		}
		if decision.Lease != nil {
			entry.LeaseID, entry.LeaseRun = decision.Lease.ID, decision.Lease.RunID
		}
		if decision.Error != "" {
			entry.Status = telemetry.StatusFailed
		}
		entries = append(entries, entry)
	}
	return append(entries, ended(telemetry.Entry{Event: telemetry.ReaperPassed, Count: report.Seen}, err))
}

// auditEntries are a line for each lease that did more than guard.
func auditEntries(report AuditReport) []telemetry.Entry {
	var entries []telemetry.Entry
	for _, finding := range report.Findings {
		entry := telemetry.Entry{
			Event: telemetry.LeaseAudited, Status: telemetry.StatusOK, Correlation: telemetry.Correlation{WorkflowID: finding.EvalID},
			LeaseID: finding.Lease.ID, LeaseRun: finding.Lease.RunID,
			Verdict: finding.Verdict, Action: finding.Action, Reason: finding.Reason, Error: finding.Error,
		}
		if finding.Error != "" {
			entry.Status = telemetry.StatusFailed
		}
		entries = append(entries, entry)
	}
	return entries
}
