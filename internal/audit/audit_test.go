package audit_test

import (
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"pitwall/internal/audit"
	"pitwall/internal/spec"
)

func codes(report audit.Report) (codes []string) {
	for _, finding := range report.Unaccounted {
		for _, reason := range finding.Reasons {
			codes = append(codes, reason.Code)
		}
	}
	slices.Sort(codes)
	return slices.Compact(codes)
}

func TestCountsAndSeconds(t *testing.T) {
	report := audit.Reconcile(newWorld(lives...).Sources)
	require.Empty(t, report.Unaccounted)
	require.True(t, report.Complete)
	require.Equal(t, []int{12, 8, 3, 2, 1, 1, 1}, []int{
		report.NCreated, report.NCertified, report.NHeld, report.NAlive, report.NByProvider, report.NForeign, report.NByHand,
	})
	require.Equal(t, []int{12, 3, 9, 4}, []int{report.NLeases, report.NOpenLeases, report.NEvals, report.NResults})
	require.InDelta(t, 20.0, report.JobSeconds, 0.001, "the four with a result, 5 s each")
	require.InDelta(t, 5.0, report.LeakedSeconds, 0.001, "of the reaped one, after its lease was terminated")
	held := until.Sub(since.Add(7*time.Minute)) + 25*time.Hour
	require.InDelta(t, 10*20+held.Seconds(), report.SandboxSeconds, 0.001)
	notes := map[string]int{}
	for _, note := range report.Notes {
		notes[note.Code]++
	}
	require.Equal(t, map[string]int{audit.NoteByProvider: 1, audit.NoteLeaseEnded: 1}, notes)
}

func TestSecondsPaidAfterTheEvalsEnd(t *testing.T) {
	w := newWorld("terminated")
	w.Evals[0].ClosedAt = w.Made[0].EndedAt.Add(-12 * time.Second)
	require.InDelta(t, 2, audit.Reconcile(w.Sources).LeakedSeconds, 0.001, "beyond the promise of 10 s")
	w.Leases[0].ClosedAt = w.Made[0].At.Add(-time.Minute) // the create took effect after its lease was over
	require.InDelta(t, 20, audit.Reconcile(w.Sources).LeakedSeconds, 0.001, "no earlier than its creation")
}

func TestFindings(t *testing.T) {
	alive := func(w *world) {
		w.Made[0].EndedAt = time.Time{}
		w.Alive = append(w.Alive, audit.Alive{ID: "sb-1", State: "started", Owner: w.Made[0].Owner, At: w.Made[0].At})
	}
	for name, tc := range map[string]struct {
		kind   string
		tamper func(w *world)
		want   []string
	}{
		"the lease of a terminated eval has no proof": {"terminated", func(w *world) { w.Leases[0].Certificates = nil }, []string{audit.CodeLeaseUnproven}},
		"the lease forgot what the eval proved":       {"eval", func(w *world) { w.Leases[0].Certificates = nil }, []string{audit.CodeLeaseUnproven}},
		"an unsigned certificate is none":             {"terminated", func(w *world) { w.Leases[0].Certificates[0].ConfirmedBy = "" }, []string{audit.CodeLeaseUnproven}},
		"nobody knows the lease":                      {"terminated", func(w *world) { w.Leases = nil }, []string{audit.CodeUncertified}},
		"it names no lease":                           {"terminated", func(w *world) { w.Made[0].Owner.LeaseRun, w.Leases = "", nil }, []string{audit.CodeUncertified}},
		"certified, and alive":                        {"eval", alive, []string{audit.CodeAliveCertified}},
		"alive, its lease closed":                     {"reaped", func(w *world) { alive(w); w.Reaped = nil }, []string{audit.CodeAliveUnheld}},
		"alive, its lease closed, its eval open":      {"reaped", func(w *world) { alive(w); w.Reaped, w.Evals[0].Open = nil, true }, []string{audit.CodeAliveUnheld}},
		"alive, its lease unknown, and old":           {"old", func(w *world) { w.Leases = nil }, []string{audit.CodeAliveUnheld}},
		"two at one time under one lease": {"held", func(w *world) {
			second := w.Made[0]
			second.ID, second.At = "sb-x", second.At.Add(time.Second)
			w.Made = append(w.Made, second)
			w.Alive = append(w.Alive, audit.Alive{ID: "sb-x", State: "started", Owner: second.Owner, At: second.At})
		}, []string{audit.CodeTwoUnderLease}},
		"made behind the record's back": {"held", func(w *world) { w.Made = nil }, []string{audit.CodeUnrecorded}},
		"struck off the record":         {"eval", func(w *world) { w.Made = nil }, []string{audit.CodeUnrecorded}},
		"no end on record":              {"eval", func(w *world) { w.Made[0].EndedAt = time.Time{} }, []string{audit.CodeContradicted}},
		"certified before it was gone":  {"eval", func(w *world) { w.Made[0].EndedAt = w.Made[0].EndedAt.Add(time.Minute) }, []string{audit.CodeContradicted}},
		"result.json was struck":        {"trial", func(w *world) { w.Results = nil }, []string{audit.CodeResultMissing}},
		"a score was changed":           {"trial", func(w *world) { w.Results[0].Score = &spec.Score{Value: 1, Passed: true} }, []string{audit.CodeResultDiffers}},
		"a job was changed":             {"eval", func(w *world) { w.Results[0].Attempts[0].Job = nil }, []string{audit.CodeResultDiffers}},
		"an old result lost its proof": {"eval", func(w *world) {
			w.Evals, w.Leases = nil, nil
			w.Results[0].Attempts[0].Sandboxes[0].Removal = nil
		}, []string{audit.CodeContradicted, audit.CodeUncertified}},
		"a result leaves its sandbox out": {"eval", func(w *world) {
			w.Evals, w.Results[0].Attempts = nil, nil
		}, []string{audit.CodeContradicted}},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(tc.kind)
			require.Empty(t, audit.Reconcile(w.Sources).Unaccounted)
			tc.tamper(w)
			report := audit.Reconcile(w.Sources)
			require.Equal(t, tc.want, codes(report), "%+v", report.Unaccounted)
			require.Equal(t, len(report.Unaccounted), report.NUnaccounted)
		})
	}
}

// What is odd and yet accounted for stays out of the findings.
func TestNotFindings(t *testing.T) {
	for name, tc := range map[string]struct {
		kind   string
		change func(w *world)
	}{
		"Temporal has forgotten a finished eval": {"eval", func(w *world) { w.Leases, w.Evals = nil, nil }},
		"another account's lease": {"terminated", func(w *world) {
			w.Made, w.Leases[0].ID = nil, "sandbox-slot/other/0"
		}},
		"created before the range": {"terminated", func(w *world) {
			w.Made = nil
			w.Leases[0].Certificates[0].SandboxSeconds, w.Leases[0].Created[0].At = 7200, since.Add(-time.Hour)
		}},
		"its lease was terminated, and its eval goes on": {"reaped", func(w *world) {
			w.Reaped, w.Evals[0].Open = nil, true
		}},
		"created after the range": {"held", func(w *world) { w.Until = since }},
		"a reset lease proves under its new run": {"terminated", func(w *world) {
			reset := w.Leases[0]
			reset.RunID, reset.Claim = "run-reset", reset.RunID
			w.Leases[0].Completed, w.Leases[0].Status, w.Leases[0].Certificates = false, "terminated", nil
			w.Leases = append(w.Leases, reset)
		}},
		"a lease that was terminated before anything was created": {"terminated", func(w *world) {
			w.Made, w.Leases[0].Completed, w.Leases[0].Created, w.Leases[0].Certificates = nil, false, nil, nil
		}},
		"the store keeps the result of an earlier run": {"eval", func(w *world) { w.Results[0].RunID = "earlier" }},
		"one after the other under one lease": {"late", func(w *world) {
			second, proof := w.Made[0], w.Leases[0].Certificates[0]
			second.ID, second.At, second.EndedAt = "sb-x", second.EndedAt.Add(time.Second), second.EndedAt.Add(21*time.Second)
			proof.SandboxID, proof.ConfirmedAt = "sb-x", second.EndedAt
			w.Made, w.Leases[0].Certificates = append(w.Made, second), append(w.Leases[0].Certificates, proof)
		}},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(tc.kind)
			tc.change(w)
			require.Empty(t, audit.Reconcile(w.Sources).Unaccounted)
		})
	}
}

func TestGapsAreReported(t *testing.T) {
	w := newWorld("eval")
	w.Gaps = []string{"the ledger"}
	report := audit.Reconcile(w.Sources)
	require.False(t, report.Complete)
	require.Equal(t, w.Gaps, report.Gaps)
}

func shuffle(t *rapid.T, s *audit.Sources) {
	s.Made = rapid.Permutation(s.Made).Draw(t, "made")
	s.Alive = rapid.Permutation(s.Alive).Draw(t, "alive")
	s.Leases = rapid.Permutation(s.Leases).Draw(t, "leases")
	s.Evals = rapid.Permutation(s.Evals).Draw(t, "evals")
	s.Results = rapid.Permutation(s.Results).Draw(t, "results")
	s.Reaped = rapid.Permutation(s.Reaped).Draw(t, "reaped")
}

func TestConsistentHistoriesAreCleanInAnyOrder(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		w := newWorld(rapid.SliceOfN(rapid.SampledFrom(lives), 0, 12).Draw(t, "lives")...)
		want := audit.Reconcile(w.Sources)
		if len(want.Unaccounted) > 0 {
			t.Fatalf("%+v", want.Unaccounted)
		}
		shuffle(t, &w.Sources)
		require.Equal(t, want, audit.Reconcile(w.Sources))
	})
}

// tampering are the single changes that must each be found, with the number of ways in which they can be made.
var tampering = map[string]struct {
	ways func(w *world) int
	make func(w *world, i int)
}{
	"strike a creation off the record": {
		func(w *world) int { return len(certifiedBySomebody(w)) },
		func(w *world, i int) {
			w.Made = slices.Delete(w.Made, certifiedBySomebody(w)[i], certifiedBySomebody(w)[i]+1)
		},
	},
	"strike an end off the record": {
		func(w *world) int { return len(certifiedBySomebody(w)) },
		func(w *world, i int) { w.Made[certifiedBySomebody(w)[i]].EndedAt = time.Time{} },
	},
	"strike a lease's certificate": {
		func(w *world) int { return len(certifying(w)) },
		func(w *world, i int) { w.Leases[certifying(w)[i]].Certificates = nil },
	},
	"strike the reaper's certificate": {
		func(w *world) int { return len(w.Reaped) },
		func(w *world, i int) { w.Reaped = slices.Delete(w.Reaped, i, i+1) },
	},
	"strike a result": {
		func(w *world) int { return len(w.Results) },
		func(w *world, i int) { w.Results = slices.Delete(w.Results, i, i+1) },
	},
	"strike a result's sandbox": {
		func(w *world) int { return len(w.Results) },
		func(w *world, i int) { w.Results[i].Attempts = []spec.Attempt{{Number: 1}} },
	},
	"name another sandbox in a result": {
		func(w *world) int { return len(w.Results) },
		func(w *world, i int) {
			use := w.Results[i].Attempts[0].Sandboxes[0]
			use.ID = "sb-none"
			w.Results[i].Attempts = []spec.Attempt{{Number: 1, Sandboxes: []spec.SandboxUse{use}}}
		},
	},
	"raise a sandbox from the dead": {
		func(w *world) int { return len(certifiedBySomebody(w)) },
		func(w *world, i int) {
			made := w.Made[certifiedBySomebody(w)[i]]
			w.Alive = append(w.Alive, audit.Alive{ID: made.ID, State: "started", Owner: made.Owner, At: made.At})
		},
	},
	"close the lease of a living sandbox": {
		func(w *world) int { return len(w.Alive) },
		func(w *world, i int) {
			for j := range w.Leases {
				if w.Leases[j].RunID == w.Alive[i].Owner.LeaseRun {
					w.Leases[j].Open, w.Leases[j].ClosedAt, w.Leases[j].Status = false, until, "terminated"
				}
			}
		},
	},
	"make a sandbox without a lease": {
		func(*world) int { return 1 },
		func(w *world, _ int) {
			owner := audit.Owner{Managed: true, Cluster: "c", Namespace: "ns", LeaseRun: "never"}
			w.Made = append(w.Made, audit.Made{ID: "sb-rogue", Owner: owner, At: since.Add(time.Second), EndedAt: since.Add(time.Minute)})
		},
	},
}

// certifiedBySomebody are the indices in Made of those that are certified in the sources.
func certifiedBySomebody(w *world) (indices []int) {
	certified := map[string]bool{}
	for _, lease := range w.Leases {
		for _, certificate := range lease.Certificates {
			certified[certificate.SandboxID] = true
		}
	}
	for i, made := range w.Made {
		if certified[made.ID] {
			indices = append(indices, i)
		}
	}
	return indices
}

// certifying are the indices of the leases that hold a certificate.
func certifying(w *world) (indices []int) {
	for i, lease := range w.Leases {
		if len(lease.Certificates) > 0 {
			indices = append(indices, i)
		}
	}
	return indices
}

func TestEachSingleTamperingIsFound(t *testing.T) {
	names := make([]string, 0, len(tampering))
	for name := range tampering {
		names = append(names, name)
	}
	slices.Sort(names)
	rapid.Check(t, func(t *rapid.T) {
		w := newWorld(rapid.SliceOfN(rapid.SampledFrom(lives), 1, 12).Draw(t, "lives")...)
		shuffle(t, &w.Sources)
		act := tampering[rapid.SampledFrom(names).Draw(t, "tampering")]
		ways := act.ways(w)
		if ways == 0 {
			t.Skip("nothing of that kind in this history")
		}
		act.make(w, rapid.IntRange(0, ways-1).Draw(t, "which"))
		if report := audit.Reconcile(w.Sources); len(report.Unaccounted) == 0 {
			t.Fatalf("not found in %+v", w.Sources)
		}
	})
}
