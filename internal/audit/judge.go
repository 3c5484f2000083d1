package audit

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// skew is how far the clocks of provider and workers may be apart, and a record from what it records, before two times
// contradict each other. Hosts that keep their time with NTP are within a second.
const skew = 5 * time.Second

// auditor is one run of Reconcile.
type auditor struct {
	Sources
	files   map[string]*file
	claims  map[string]*claim
	evals   map[evalRun]*evalFile
	closed  map[evalRun]time.Time // when evals closed
	report  Report
	results []Finding
}

// Reconcile holds the sources against each other. The order within a source does not matter.
func Reconcile(sources Sources) Report {
	a := &auditor{
		Sources: sources, files: map[string]*file{}, claims: map[string]*claim{},
		evals: map[evalRun]*evalFile{}, closed: map[evalRun]time.Time{},
	}
	a.report = Report{Since: sources.Since, Until: sources.Until, Record: sources.Record, Gaps: slices.Sorted(slices.Values(sources.Gaps))}
	a.report.Complete = len(sources.Gaps) == 0
	a.gather()
	a.gatherEvals()
	judged := a.judgedFiles()
	for _, f := range judged {
		a.judge(f)
		a.contradictions(f)
		a.listed(f)
		a.seconds(f)
	}
	a.twoUnderLease(judged)
	a.emptyLeases()
	a.compareResults()
	a.conclude(judged)
	return a.report
}

// judgedFiles are in the order of creation.
func (a *auditor) judgedFiles() []*file {
	var judged []*file
	for _, f := range a.files {
		if a.judged(f) {
			judged = append(judged, f)
		}
	}
	slices.SortFunc(judged, func(x, y *file) int {
		if c := x.at.Compare(y.at); c != 0 {
			return c
		}
		return strings.Compare(x.id, y.id)
	})
	return judged
}

// judge decides what accounts for a sandbox, and counts it.
func (a *auditor) judge(f *file) {
	lease := a.claims[f.owner.LeaseRun]
	held, certified := lease != nil && lease.open || !f.alive && a.evalOpen(f), len(f.proofs) > 0
	a.count(f, held, certified)
	if !f.recorded {
		f.because(CodeUnrecorded, "leases, results or the provider speak of it, and the provider's record of this time does not")
	}
	switch {
	case certified && f.alive:
		f.because(CodeAliveCertified, "certified as gone by "+f.certifiers()+", and the provider has it (state "+f.state+")")
	case f.alive && !held:
		f.because(CodeAliveUnheld, "alive (state "+f.state+"), and "+lease.text(f))
	case lease.forgot(f):
		f.because(CodeLeaseUnproven, lease.text(f)+", though it was told of it"+f.endText())
	case certified && lease != nil && !lease.open && !lease.proven[f.id]:
		a.note(NoteLeaseEnded, f, lease.text(f)+"; the certificate is of "+f.certifiers())
	case certified, held, f.byProvider != "":
	case lease != nil:
		f.because(CodeLeaseUnproven, lease.text(f)+", and nobody else certified it"+f.endText())
	default:
		f.because(CodeUncertified, lease.text(f)+", and nobody certified it"+f.endText())
	}
	if f.byProvider != "" {
		a.note(NoteByProvider, f, "the provider ended it by itself: "+f.byProvider)
	}
}

// evalOpen: its eval, which may know that it is gone, has yet to return its result.
func (a *auditor) evalOpen(f *file) bool {
	e := a.evals[evalRun{f.owner.EvalID, f.owner.EvalRun}]
	return e != nil && e.open
}

func (a *auditor) count(f *file, held, certified bool) {
	a.report.NCreated++
	if f.alive {
		a.report.NAlive++
	}
	if f.byProvider != "" {
		a.report.NByProvider++
	}
	switch {
	case certified:
		a.report.NCertified++
	case held:
		a.report.NHeld++
	}
}

// forgot: a lease that ends by itself has the proof of everything that it was told of; this one has not.
func (c *claim) forgot(f *file) bool {
	return c != nil && !c.open && c.completed && c.told[f.id] && !c.proven[f.id]
}

// text says how the lease of f stands.
func (c *claim) text(f *file) string {
	switch {
	case f.owner.LeaseRun == "":
		return "it names no lease"
	case c == nil:
		return "Temporal does not know its lease run"
	case c.open:
		return "its lease is open"
	}
	return fmt.Sprintf("its lease run closed (%s) at %s without proof of it", c.status, stamp(c.closedAt))
}

func (f *file) endText() string {
	if f.endedAt.IsZero() {
		return ""
	}
	return "; the provider's record says that it was deleted at " + stamp(f.endedAt)
}

func (f *file) certifiers() string {
	var names []string
	for _, p := range f.proofs {
		names = append(names, p.by)
	}
	slices.Sort(names)
	return strings.Join(slices.Compact(names), ", ")
}

// contradictions looks for certificates and records that cannot both be true.
func (a *auditor) contradictions(f *file) {
	contradict := func(format string, args ...any) { f.because(CodeContradicted, fmt.Sprintf(format, args...)) }
	for _, p := range f.proofs {
		switch {
		case p.ConfirmedAt.Before(p.RequestedAt):
			contradict("the certificate of %s confirms before it requests", p.by)
		case !f.endedAt.IsZero() && p.ConfirmedAt.Add(skew).Before(f.endedAt):
			contradict("certified by %s at %s, and the provider's record has it until %s", p.by, stamp(p.ConfirmedAt), stamp(f.endedAt))
		case p.SandboxSeconds > 0 && (p.ConfirmedAt.Sub(f.at)-seconds(p.SandboxSeconds)).Abs() > skew:
			contradict("the certificate of %s says %.1f s, from its creation to its confirmation it was %.1f s", p.by, p.SandboxSeconds, p.ConfirmedAt.Sub(f.at).Seconds())
		}
	}
	lease := a.claims[f.owner.LeaseRun]
	for _, u := range f.uses {
		if f.owner.LeaseRun != u.LeaseRun {
			contradict("%s names lease run %s, its labels %s", u.by, u.LeaseRun, f.owner.LeaseRun)
		}
		if u.Removal != nil && u.Removal.SandboxID != u.ID {
			contradict("%s certifies another sandbox in its place: %s", u.by, u.Removal.SandboxID)
		}
	}
	for _, run := range f.told {
		if run != f.owner.LeaseRun {
			contradict("it was reported to lease run %s, its labels name %s", run, f.owner.LeaseRun)
		}
	}
	held := lease != nil && lease.open // it may have gone since the record was read
	if a.Record == RecordServer && f.recorded && !f.alive && f.endedAt.IsZero() && !held {
		contradict("the provider's record has no end of it, and the provider denies it by id")
	}
}

// twoUnderLease: a lease is the permit for one sandbox at a time.
func (a *auditor) twoUnderLease(judged []*file) {
	last := map[string]*file{}
	for _, f := range judged {
		run := f.owner.LeaseRun
		before := last[run]
		if run == "" || before == nil {
			last[run] = f
			continue
		}
		until := before.end()
		if before.alive || until.After(f.at) {
			f.because(CodeTwoUnderLease, "sandbox "+before.id+" of the same lease run was there already, until "+stamp(until))
		} else {
			a.note(NoteSecond, f, "sandbox "+before.id+" of the same lease run was gone by then")
		}
		if f.alive || f.end().After(until) && !before.alive {
			last[run] = f
		}
	}
}

// emptyLeases notes leases that were ended by force before anything is known to have been created under them.
func (a *auditor) emptyLeases() {
	used := map[string]bool{}
	for _, f := range a.files {
		used[f.owner.LeaseRun] = true
	}
	for run, lease := range a.claims {
		if !lease.open && !lease.completed && !used[run] {
			a.report.Notes = append(a.report.Notes, Note{
				Code: NoteLeaseEnded, LeaseRun: run,
				Detail: fmt.Sprintf("it closed (%s) at %s, and no sandbox of it is known", lease.status, stamp(lease.closedAt)),
			})
		}
	}
}

func (a *auditor) note(code string, f *file, detail string) {
	a.report.Notes = append(a.report.Notes, Note{Code: code, SandboxID: f.id, LeaseRun: f.owner.LeaseRun, EvalID: f.owner.EvalID, Detail: detail})
}

func seconds(n float64) time.Duration { return time.Duration(n * float64(time.Second)) }

func stamp(t time.Time) string {
	if t.IsZero() {
		return "an unknown time"
	}
	return t.UTC().Format(time.RFC3339)
}
