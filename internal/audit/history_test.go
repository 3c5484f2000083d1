package audit_test

import (
	"fmt"
	"slices"
	"time"

	"pitwall/internal/audit"
	"pitwall/internal/spec"
)

var (
	since = time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC)
	until = since.Add(24 * time.Hour)
)

// lives are what may honestly become of one sandbox.
var lives = []string{"eval", "trial", "terminated", "late", "reaped", "ttl", "held", "waiting", "scored", "pending", "foreign", "byhand", "old"}

// world builds the sources of a consistent history.
type world struct {
	audit.Sources
	n int
}

func newWorld(kinds ...string) *world {
	w := &world{Sources: audit.Sources{
		Since: since, Until: until, Now: until, Cluster: "c", Namespace: "ns", LeasePrefix: "sandbox-slot/acc/", Record: audit.RecordServer,
	}}
	for _, kind := range kinds {
		w.add(kind)
	}
	return w
}

// add tells the life of one sandbox to everyone who would hear of it. Sandbox n is sb-n, under lease run run-n.
func (w *world) add(kind string) {
	w.n++
	n := w.n
	id, run, evalID, evalRun := fmt.Sprintf("sb-%d", n), fmt.Sprintf("run-%d", n), fmt.Sprintf("eval/%d", n), fmt.Sprintf("er-%d", n)
	at := since.Add(time.Duration(n) * time.Minute)
	gone := at.Add(20 * time.Second)
	owner := audit.Owner{Managed: true, Cluster: "c", Namespace: "ns", LeaseID: "sandbox-slot/acc/0", LeaseRun: run, EvalID: evalID, EvalRun: evalRun}
	certificate := spec.Certificate{SandboxID: id, RequestedAt: gone.Add(-time.Second), ConfirmedAt: gone, ConfirmedBy: "404", SandboxSeconds: 20}
	made := audit.Made{ID: id, Name: "n", Owner: owner, At: at, EndedAt: gone}
	lease := audit.Lease{
		ID: owner.LeaseID, RunID: run, ClosedAt: gone.Add(time.Second), Completed: true, Status: "completed",
		Created: []audit.Created{{ID: id, At: at}}, Certificates: []spec.Certificate{certificate},
	}
	use := spec.SandboxUse{For: "job", LeaseID: owner.LeaseID, LeaseRun: run, ID: id, CreatedAt: at, Removal: &certificate}
	result := spec.EvalResult{
		EvalID: evalID, RunID: evalRun, Status: spec.StatusCompleted, Cleanup: spec.CleanupProven,
		Attempts: []spec.Attempt{{Number: 1, Sandboxes: []spec.SandboxUse{use}, Job: &spec.JobResult{DurationMS: 5000}}},
	}
	eval := audit.Eval{ID: evalID, RunID: evalRun, ClosedAt: gone.Add(2 * time.Second)}
	alive := audit.Alive{ID: id, Name: "n", State: "started", Owner: owner, At: at}
	switch kind {
	case "eval":
		w.finish(eval, result)
	case "trial": // the workflow's copy has no job
		result.Trial = &spec.Trial{Campaign: "camp"}
		returned := result
		returned.Attempts = []spec.Attempt{{Number: 1, Sandboxes: []spec.SandboxUse{use}}}
		eval.Result = &returned
		w.Evals, w.Results = append(w.Evals, eval), append(w.Results, result)
	case "scored":
		second := use
		judge := fmt.Sprintf("judge-%d", n)
		removal := certificate
		removal.SandboxID, removal.ConfirmedAt = "sb-"+judge, gone.Add(20*time.Second)
		second.For, second.ID, second.LeaseRun, second.CreatedAt, second.Removal = "scorer", "sb-"+judge, judge, gone, &removal
		result.Attempts[0].Sandboxes = append(result.Attempts[0].Sandboxes, second)
		eval.ClosedAt = removal.ConfirmedAt.Add(time.Second)
		w.finish(eval, result)
		scored := made
		scored.ID, scored.At, scored.EndedAt, scored.Owner.LeaseRun = second.ID, gone, removal.ConfirmedAt, judge
		w.Made = append(w.Made, scored)
		w.Leases = append(w.Leases, audit.Lease{
			ID: owner.LeaseID, RunID: judge, ClosedAt: eval.ClosedAt, Completed: true, Status: "completed",
			Created: []audit.Created{{ID: second.ID, At: gone}}, Certificates: []spec.Certificate{removal},
		})
	case "pending": // the eval returned before its lease had the proof
		result.Attempts[0].Sandboxes[0].Removal, result.Cleanup = nil, spec.CleanupPending
		w.finish(eval, result)
	case "terminated":
		w.Evals = append(w.Evals, eval)
	case "late": // nobody told the lease; it found the sandbox by its label
		lease.Created = nil
		w.Evals = append(w.Evals, eval)
	case "reaped": // the lease was terminated by force
		lease.Completed, lease.Status, lease.Certificates, lease.ClosedAt = false, "terminated", nil, gone.Add(-5*time.Second)
		w.Evals, w.Reaped = append(w.Evals, eval), append(w.Reaped, certificate)
	case "ttl": // Temporal and every worker were away
		lease.Completed, lease.Status, lease.Certificates, lease.ClosedAt = false, "terminated", nil, gone.Add(time.Hour)
		made.ByProvider = "ttl"
	case "held", "waiting":
		lease = audit.Lease{ID: lease.ID, RunID: run, Open: true}
		if kind == "held" {
			made.EndedAt = time.Time{}
			w.Alive = append(w.Alive, alive)
		}
		w.Evals = append(w.Evals, audit.Eval{ID: evalID, RunID: evalRun, Open: true})
	case "foreign", "byhand":
		made.Owner = audit.Owner{Managed: kind == "foreign", Cluster: "other"}
		w.Made = append(w.Made, made)
		return
	case "old": // created long before, alive, and held
		alive.At = since.Add(-time.Hour)
		w.Alive, w.Leases = append(w.Alive, alive), append(w.Leases, audit.Lease{ID: lease.ID, RunID: run, Open: true})
		return
	default:
		panic(kind)
	}
	w.Made, w.Leases = append(w.Made, made), append(w.Leases, lease)
}

func (w *world) finish(eval audit.Eval, result spec.EvalResult) {
	copied := result
	copied.Attempts = slices.Clone(result.Attempts)
	eval.Result = &copied
	w.Evals, w.Results = append(w.Evals, eval), append(w.Results, result)
}
