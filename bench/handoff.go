//go:build linux

package main

import (
	"cmp"
	"context"
	"maps"
	"slices"
	"time"

	"pitwall/internal/spec"
)

// turn is one eval's use of a slot.
type turn struct {
	eval, lease timeline
	proven      time.Time
	createSent  time.Time // when the server received it
}

// addHistories reads where the time went from Temporal's histories; created is when the server received each create.
func (f *EvalFigures) addHistories(ctx context.Context, l *lab, evals []spec.EvalResult, created map[string]time.Time) error {
	slots := map[string][]turn{}
	var turns []turn
	total := Cost{EventTypes: map[string]int{}, Actions: map[string]int{}}
	for _, eval := range evals {
		if len(eval.Attempts) != 1 || len(eval.Attempts[0].Sandboxes) != 1 || eval.Attempts[0].Sandboxes[0].Removal == nil {
			continue // a retry would mix two sandboxes' times
		}
		use := eval.Attempts[0].Sandboxes[0]
		evalEvents, err := readHistory(ctx, l.temporal, eval.EvalID, eval.RunID)
		if err != nil {
			return err
		}
		leaseEvents, err := readHistory(ctx, l.temporal, use.LeaseID, use.LeaseRun)
		if err != nil {
			return err
		}
		total.add(evalEvents)
		total.add(leaseEvents)
		total.Events += len(evalEvents) + len(leaseEvents)
		t := turn{eval: timelineOf(evalEvents), lease: timelineOf(leaseEvents), proven: use.Removal.ConfirmedAt, createSent: created[use.ID]}
		turns = append(turns, t)
		slots[use.LeaseID] = append(slots[use.LeaseID], t)
	}
	f.EventsPerEval, f.FailedTasks = round2(float64(total.Events)/float64(max(1, len(turns)))), tally(total.FailedTasks)
	f.Phases = phasesOf(turns)
	for _, slot := range slices.Sorted(maps.Keys(slots)) {
		f.HandOff.add(slots[slot])
	}
	f.HandOff.finish()
	return nil
}

// add takes the hand-offs of one slot: from a turn to the next, where somebody was waiting for it.
func (h *HandOff) add(turns []turn) {
	slices.SortFunc(turns, func(a, b turn) int { return cmp.Compare(a.lease.started.UnixNano(), b.lease.started.UnixNano()) })
	for i := 1; i < len(turns); i++ {
		from, to := turns[i-1], turns[i]
		acquire, create := to.eval.activities["AcquireSlot"], to.eval.activities["CreateSandbox"]
		if to.createSent.IsZero() || !acquire.scheduled.Before(from.proven) {
			continue
		}
		h.total = append(h.total, to.createSent.Sub(from.proven))
		at := from.proven
		for n, moment := range []struct {
			name string
			at   time.Time
		}{
			{"removal proven → released signal accepted", from.lease.released},
			{"→ lease closed", from.lease.closed},
			{"→ AcquireSlot completed", acquire.closed},
			{"→ next lease started", to.lease.started},
			{"→ eval told so", to.eval.leaseSeen},
			{"→ CreateSandbox scheduled", create.scheduled},
			{"→ CreateSandbox started", create.started},
			{"→ create received by the sandbox server", to.createSent},
		} {
			if len(h.hops) == n {
				h.hops = append(h.hops, hop{name: moment.name})
			}
			h.hops[n].times = append(h.hops[n].times, moment.at.Sub(at))
			at = moment.at
		}
	}
}

type hop struct {
	name  string
	times []time.Duration
}

// finish turns what was added into figures.
func (h *HandOff) finish() {
	h.Spread, h.AimP50 = spread(h.total), 150
	for _, hop := range h.hops {
		h.Hops = append(h.Hops, Hop{Name: hop.name, Spread: spread(hop.times)})
	}
}

// phasesOf says where an eval's time goes: for each activity how long it waited for a worker and how long it took, and how long
// the workflow took between them.
func phasesOf(turns []turn) []Hop {
	order := []string{"AcquireSlot", "CreateSandbox", "UploadInputs", "RunJob", "RemoveSandbox"}
	times := map[string][]time.Duration{}
	for _, t := range turns {
		before := t.eval.started
		for _, name := range order {
			a := t.eval.activities[name]
			times[name+" decided"] = append(times[name+" decided"], a.scheduled.Sub(before))
			times[name+" picked up"] = append(times[name+" picked up"], a.started.Sub(a.scheduled))
			times[name+" done"] = append(times[name+" done"], a.closed.Sub(a.started))
			before = a.closed
		}
		times["eval closed"] = append(times["eval closed"], t.eval.closed.Sub(before))
	}
	var phases []Hop
	for _, name := range order {
		for _, step := range []string{" decided", " picked up", " done"} {
			phases = append(phases, Hop{Name: name + step, Spread: spread(times[name+step])})
		}
	}
	return append(phases, Hop{Name: "eval closed", Spread: spread(times["eval closed"])})
}

// tally counts equal texts.
func tally(texts []string) map[string]int {
	counts := map[string]int{}
	for _, text := range texts {
		counts[text]++
	}
	return counts
}
