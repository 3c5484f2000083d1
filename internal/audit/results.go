package audit

import (
	"bytes"
	"encoding/json"
	"fmt"
	"time"

	"pitwall/internal/spec"
)

// evalRun names one run of an eval.
type evalRun struct{ id, run string }

// evalFile is what Temporal and the store say of one run of an eval.
type evalFile struct {
	temporal, stored *spec.EvalResult
	open             bool // in Temporal
}

func (a *auditor) gatherEvals() {
	at := func(key evalRun) *evalFile {
		if a.evals[key] == nil {
			a.evals[key] = &evalFile{}
		}
		return a.evals[key]
	}
	for _, eval := range a.Evals {
		key := evalRun{eval.ID, eval.RunID}
		e := at(key)
		e.temporal, e.open = eval.Result, eval.Open
		if !eval.Open {
			a.closed[key] = eval.ClosedAt
		}
	}
	for _, result := range a.Results {
		at(evalRun{result.EvalID, result.RunID}).stored = &result
	}
}

// listed: the result of a sandbox's eval names its lease, and what it says of the removal is whole.
func (a *auditor) listed(f *file) {
	e := a.evals[evalRun{f.owner.EvalID, f.owner.EvalRun}]
	if e == nil {
		return
	}
	for by, result := range map[string]*spec.EvalResult{byWorkflow: e.temporal, byStore: e.stored} {
		if result == nil {
			continue
		}
		found := false
		for _, attempt := range result.Attempts {
			for _, s := range attempt.Sandboxes {
				found = found || s.LeaseRun == f.owner.LeaseRun
			}
		}
		if !found {
			f.because(CodeContradicted, by+" of its eval does not name it")
		}
	}
	for _, u := range f.uses {
		if u.Removal == nil && cleanupOf(e, u.by) == spec.CleanupProven {
			f.because(CodeContradicted, u.by+" says that every removal is proven, and has no certificate of it")
		}
	}
}

func cleanupOf(e *evalFile, by string) string {
	switch {
	case by == byStore && e.stored != nil:
		return e.stored.Cleanup
	case by == byWorkflow && e.temporal != nil:
		return e.temporal.Cleanup
	}
	return ""
}

// compareResults holds result.json against what the workflow returned.
func (a *auditor) compareResults() {
	others := map[string]string{}
	for key, e := range a.evals {
		if e.stored != nil {
			others[key.id] = max(others[key.id], key.run)
		}
	}
	for key, e := range a.evals {
		switch {
		case e.temporal == nil:
		case e.stored != nil && !same(*e.temporal, *e.stored):
			a.accuse(key, e, Reason{CodeResultDiffers, "result.json is not what the workflow returned"})
		case e.stored == nil && others[key.id] != "":
			a.report.Notes = append(a.report.Notes, Note{
				Code: NoteOtherRun, EvalID: key.id, Detail: fmt.Sprintf("result.json is of run %s, and was not replaced by run %s", others[key.id], key.run),
			})
		case e.stored == nil && a.Expired[key.id] != "":
			a.report.Notes = append(a.report.Notes, Note{Code: NoteExpired, EvalID: key.id, Detail: a.Expired[key.id]})
		case e.stored == nil && !a.ResultsPartial:
			a.accuse(key, e, Reason{CodeResultMissing, "the workflow returned a result, and the store has none"})
		}
	}
}

func (a *auditor) accuse(key evalRun, e *evalFile, reason Reason) {
	finding := Finding{EvalID: key.id, EvalRun: key.run, Reasons: []Reason{reason}}
	if e.temporal.Trial != nil {
		finding.Campaign = e.temporal.Trial.Campaign
	}
	a.results = append(a.results, finding)
}

// same compares two copies of a result by what both must hold. A trial's workflow returns neither job nor artifacts, nor their
// manifest. The end's time may differ: Temporal may run the eval's last task anew after result.json was written, which is never
// replaced.
func same(a, b spec.EvalResult) bool {
	return bytes.Equal(inBoth(a), inBoth(b))
}

func inBoth(result spec.EvalResult) []byte {
	result.Effective, result.FinishedAt = nil, time.Time{}
	if result.Trial != nil {
		result.Job, result.Artifacts, result.ArtifactManifest = nil, nil, nil
		result.Attempts = append([]spec.Attempt(nil), result.Attempts...)
		for i := range result.Attempts {
			result.Attempts[i].Job = nil
		}
	}
	text, err := json.Marshal(result)
	if err != nil {
		return nil // a struct of plain values cannot fail
	}
	return text
}
