package audit

import (
	"slices"
	"strings"
	"time"
)

// Promise is how long after an eval's end its sandbox may take to be gone, as DESIGN promises for every end but a
// worker's death. What it is paid for longer is leaked.
const Promise = 10 * time.Second

// seconds adds what a sandbox cost, was used for, and leaked.
func (a *auditor) seconds(f *file) {
	a.report.JobSeconds += f.jobTime.Seconds()
	end := f.end()
	if f.alive {
		end = a.Now
	}
	if end.After(f.at) {
		a.report.SandboxSeconds += end.Sub(f.at).Seconds()
	}
	if owed := a.owed(f); !owed.IsZero() && end.After(owed) {
		a.report.LeakedSeconds += end.Sub(owed).Seconds()
	}
}

// owed is the moment from which on the sandbox had no right to live: the close of its lease, or Promise after that of its
// eval, whichever is earlier, and no earlier than its creation. Zero: none has come.
func (a *auditor) owed(f *file) time.Time {
	var owed time.Time
	if lease := a.claims[f.owner.LeaseRun]; lease != nil && !lease.open {
		owed = lease.closedAt
	}
	if closed, ok := a.closed[evalRun{f.owner.EvalID, f.owner.EvalRun}]; ok && (owed.IsZero() || closed.Add(Promise).Before(owed)) {
		owed = closed.Add(Promise)
	}
	if !owed.IsZero() && owed.Before(f.at) {
		owed = f.at
	}
	return owed
}

// conclude writes findings, notes and counts, in an order of their own.
func (a *auditor) conclude(judged []*file) {
	for _, f := range judged {
		if len(f.reasons) == 0 {
			continue
		}
		slices.SortFunc(f.reasons, func(x, y Reason) int { return strings.Compare(x.Code+x.Detail, y.Code+y.Detail) })
		a.report.Unaccounted = append(a.report.Unaccounted, Finding{
			SandboxID: f.id, Name: f.name, State: f.state, LeaseID: f.owner.LeaseID, LeaseRun: f.owner.LeaseRun,
			EvalID: f.owner.EvalID, EvalRun: f.owner.EvalRun, Campaign: f.owner.Campaign,
			CreatedAt: f.at, EndedAt: f.endedAt, Reasons: f.reasons,
		})
	}
	slices.SortFunc(a.results, func(x, y Finding) int { return strings.Compare(x.EvalID+x.EvalRun, y.EvalID+y.EvalRun) })
	a.report.Unaccounted = append(a.report.Unaccounted, a.results...)
	slices.SortFunc(a.report.Notes, func(x, y Note) int { return strings.Compare(x.order(), y.order()) })
	a.report.NUnaccounted = len(a.report.Unaccounted)
	a.report.NLeases, a.report.NEvals, a.report.NResults = len(a.claims), len(a.Evals), len(a.Results)
	for _, lease := range a.claims {
		if lease.open {
			a.report.NOpenLeases++
		}
	}
}

func (n Note) order() string {
	return strings.Join([]string{n.Code, n.SandboxID, n.LeaseRun, n.EvalID, n.Detail}, "\x00")
}
