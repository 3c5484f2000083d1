package audit

import (
	"strings"
	"time"

	"pitwall/internal/spec"
)

// file is all that is known of one sandbox.
type file struct {
	id, name, state string
	owner           Owner
	at              time.Time
	endedAt         time.Time
	byProvider      string
	// recorded: the provider's record knows it, or it is alive and older than what was read of the record.
	recorded, alive bool
	proofs          []proof
	told            []string // claims of the leases that were told of it
	uses            []use    // results that name it
	jobTime         time.Duration
	reasons         []Reason
}

// proof is a certificate and who holds it.
type proof struct {
	spec.Certificate
	by string
}

// use is one result's word on the sandbox.
type use struct {
	spec.SandboxUse
	by string
}

func (f *file) because(code, detail string) {
	for _, known := range f.reasons {
		if known.Code == code && known.Detail == detail {
			return
		}
	}
	f.reasons = append(f.reasons, Reason{code, detail})
}

// end is when it was gone, by the provider's record, else by the first certificate; zero while that is unknown.
func (f *file) end() time.Time {
	if !f.endedAt.IsZero() {
		return f.endedAt
	}
	var end time.Time
	for _, p := range f.proofs {
		if end.IsZero() || p.ConfirmedAt.Before(end) {
			end = p.ConfirmedAt
		}
	}
	return end
}

// The two copies of a result.
const (
	byWorkflow = "the workflow's result"
	byStore    = "result.json"
)

// claim is a lease, with every run of it that a reset made.
type claim struct {
	run       string
	open      bool
	closedAt  time.Time
	completed bool
	status    string
	told      map[string]bool
	proven    map[string]bool
}

// gather opens a file for each sandbox, with what each source says of it.
func (a *auditor) gather() {
	for _, made := range a.Made {
		f := a.open(made.ID)
		f.name, f.owner, f.at, f.endedAt, f.byProvider = made.Name, made.Owner, made.At, made.EndedAt, made.ByProvider
		f.recorded = true
	}
	for _, alive := range a.Alive {
		f := a.open(alive.ID)
		f.alive, f.state = true, alive.State
		if !f.recorded {
			f.name, f.owner, f.at = alive.Name, alive.Owner, alive.At
			f.recorded = alive.At.Before(a.Since) || a.Record != RecordServer
		}
	}
	for _, lease := range a.Leases {
		a.gatherLease(lease)
	}
	for _, eval := range a.Evals {
		if eval.Result != nil {
			a.gatherResult(*eval.Result, byWorkflow)
		}
	}
	for _, result := range a.Results {
		a.gatherResult(result, byStore)
	}
	for _, certificate := range a.Reaped {
		if f := a.files[certificate.SandboxID]; f != nil {
			f.prove(certificate, "the reaper")
		}
	}
}

func (a *auditor) open(id string) *file {
	f := a.files[id]
	if f == nil {
		f = &file{id: id}
		a.files[id] = f
	}
	return f
}

func (f *file) prove(certificate spec.Certificate, by string) {
	if certificate.ConfirmedBy != "" && !certificate.ConfirmedAt.IsZero() {
		f.proofs = append(f.proofs, proof{certificate, by})
	}
}

func (a *auditor) gatherLease(lease Lease) {
	run := lease.Claim
	if run == "" {
		run = lease.RunID
	}
	c := a.claims[run]
	if c == nil {
		c = &claim{run: run, told: map[string]bool{}, proven: map[string]bool{}}
		a.claims[run] = c
	}
	c.open, c.completed = c.open || lease.Open, c.completed || lease.Completed
	if !lease.Open && lease.ClosedAt.After(c.closedAt) {
		c.closedAt, c.status = lease.ClosedAt, lease.Status
	}
	owner := Owner{Managed: true, Cluster: a.Cluster, Namespace: a.Namespace, LeaseID: lease.ID, LeaseRun: run}
	for _, created := range lease.Created {
		f := a.mention(created.ID, owner, created.At)
		f.told = append(f.told, run)
		c.told[created.ID] = true
	}
	for _, certificate := range lease.Certificates {
		f := a.mention(certificate.SandboxID, owner, madeAt(certificate))
		f.prove(certificate, "lease run "+lease.RunID)
		c.proven[certificate.SandboxID] = true
	}
}

func (a *auditor) gatherResult(result spec.EvalResult, by string) {
	for _, attempt := range result.Attempts {
		for _, s := range attempt.Sandboxes {
			owner := Owner{
				Managed: true, Cluster: a.Cluster, Namespace: a.Namespace, LeaseID: s.LeaseID, LeaseRun: s.LeaseRun,
				EvalID: result.EvalID, EvalRun: result.RunID,
			}
			if s.ID != "" {
				f := a.mention(s.ID, owner, s.CreatedAt)
				f.uses = append(f.uses, use{s, by})
				if attempt.Job != nil && s.For == forJob {
					f.jobTime = max(f.jobTime, time.Duration(attempt.Job.DurationMS)*time.Millisecond)
				}
			}
			if s.Removal != nil {
				a.mention(s.Removal.SandboxID, owner, madeAt(*s.Removal)).prove(*s.Removal, by)
			}
		}
	}
}

// forJob is SandboxUse.For of the sandbox that the job ran in.
const forJob = "job"

// madeAt is when a certified sandbox was created, by its certificate; zero when that does not say it.
func madeAt(certificate spec.Certificate) time.Time {
	if certificate.SandboxSeconds <= 0 {
		return time.Time{}
	}
	return certificate.ConfirmedAt.Add(-time.Duration(certificate.SandboxSeconds * float64(time.Second)))
}

// mention is the file of a sandbox that somebody speaks of. Of those that the record does not know, the earliest word on
// their creation and the first lease by name count, so that the order of the sources does not.
func (a *auditor) mention(id string, owner Owner, at time.Time) *file {
	f := a.open(id)
	if f.recorded || f.alive {
		return f
	}
	if f.at.IsZero() || !at.IsZero() && at.Before(f.at) {
		f.at = at
	}
	if f.owner == (Owner{}) || owner.order() < f.owner.order() {
		f.owner = owner
	}
	return f
}

func (o Owner) order() string {
	return strings.Join([]string{o.LeaseRun, o.LeaseID, o.EvalID, o.EvalRun}, "\x00")
}

// judged says whether a file is this audit's to judge; it counts those that are not.
func (a *auditor) judged(f *file) bool {
	inRange := !f.at.Before(a.Since) && !f.at.After(a.Until) && !f.at.IsZero()
	switch {
	case !f.recorded && !f.alive: // only spoken of
		return inRange && a.Record == RecordServer && strings.HasPrefix(f.owner.LeaseID, a.LeasePrefix)
	case !inRange && (!f.alive || f.at.After(a.Until)):
		return false
	case !f.owner.Managed:
		a.report.NByHand++
		return false
	case f.owner.Cluster != a.Cluster || f.owner.Namespace != a.Namespace:
		a.report.NForeign++
		return false
	}
	return true
}
