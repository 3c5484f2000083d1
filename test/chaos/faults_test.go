//go:build linux

package chaos

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/stretchr/testify/require"

	"pitwall/test/faultproxy"
)

// hit is a fault on one of the calls that it can hit.
type hit struct {
	fault faultproxy.Fault
	call  faultproxy.Call
}

func (h hit) String() string { return string(h.fault) + "@" + string(h.call) }

// hits are every fault on each call that an eval's life has. Nothing of Pitwall's starts or stops a sandbox, or opens a
// stream: those faults are for other clients of the proxy.
func hits() []hit {
	made := []faultproxy.Call{
		faultproxy.Create, faultproxy.Get, faultproxy.List, faultproxy.Delete,
		faultproxy.Execute, faultproxy.Upload, faultproxy.Download, faultproxy.Files,
	}
	var all []hit
	for _, info := range faultproxy.Faults() {
		for _, call := range info.Calls {
			if slices.Contains(made, call) {
				all = append(all, hit{info.Name, call})
			}
		}
	}
	return all
}

func faultCases() []chaosCase {
	var all []chaosCase
	for _, h := range hits() {
		all = append(all, chaosCase{id: "fault/" + h.String(), run: func(r *run) { meetFaults(r, h) }})
	}
	return all
}

// pairCases are pairs of faults, drawn by seed.
func pairCases(seed uint64, count int) []chaosCase {
	random := rand.New(rand.NewPCG(seed, 0)) //nolint:gosec // a sequence that can be repeated
	every := hits()
	var all []chaosCase
	for i := range count {
		a, b := every[random.IntN(len(every))], every[random.IntN(len(every))]
		id := fmt.Sprintf("pair/%d-%03d/%s+%s", seed, i, a, b)
		all = append(all, chaosCase{id: id, run: func(r *run) { meetFaults(r, a, b) }})
	}
	return all
}

// Delays of faults.
const (
	// beyondCreate is longer than the client waits for a create (35 s), and within the horizon of a minute.
	beyondCreate = 40 * time.Second
	// beyondCall is longer than the client waits for a command (17 s).
	beyondCall = 20 * time.Second
	// meanwhile: long enough for an eval to have ended.
	meanwhile = 15 * time.Second
)

// rule makes a fault hit the victim's call once, or as often as Daytona would.
func (h hit) rule(victim string) faultproxy.Rule {
	rule := faultproxy.Rule{Fault: h.fault, Call: h.call, Labels: map[string]string{"pitwall-eval": victim}, Delay: meanwhile}
	if h.call == faultproxy.List {
		rule.Labels = map[string]string{"managed-by": "pitwall"}
	}
	switch h.fault {
	case faultproxy.LateRequest, faultproxy.LateReply:
		if rule.Delay = beyondCall; h.call == faultproxy.Create {
			rule.Delay = beyondCreate
		}
	case faultproxy.RateLimited:
		rule.Delay, rule.Count = 2*time.Second, 3
	case faultproxy.DeleteConflict, faultproxy.DeleteNotFound, faultproxy.Quota, faultproxy.NoRunners:
		rule.Count = 3
	case faultproxy.DeleteForbidden:
		rule.Count = 2 // asked again after 30 s each
	case faultproxy.ListStale:
		rule.Delay, rule.Count = 3*time.Second, 5
	case faultproxy.ListFlapping:
		rule.Count = 5
	case faultproxy.SlowBody:
		rule.Bytes, rule.Delay = 200, 50*time.Millisecond
	case faultproxy.BodyCut:
		rule.Bytes = 10
	}
	return rule
}

// meetFaults runs a campaign whose victim meets each fault.
func meetFaults(r *run, met ...hit) {
	r.lab = newLab(r.t, labOptions{})
	r.victim = "eval/" + campaignName + "/v/1"
	command := victimJob
	allowance, listed := time.Duration(0), false
	for _, h := range met {
		rule := h.rule(r.victim)
		require.NoError(r.t, r.daytona.Add(rule))
		allowance += h.allowance(rule)
		if h.call == faultproxy.List {
			listed, command = true, longVictimJob
		}
	}
	began := time.Now()
	campaign := r.startCampaign(map[string]string{"v": command, "a": companionJob, "b": companionJob}, "v", "a", "b")
	r.expect = expectation{trials: 3, victimEnds: ends(completed), struckAt: began, healedAt: began, hidden: allowance, faulty: true}
	r.awaitClosed(campaign.GetID())
	if listed {
		r.eventually("the reaper has read the list", func(context.Context) bool { return len(r.daytona.Injected()) > 0 })
	}
	r.conclude(campaign)
	if len(met) == 1 {
		require.NotEmpty(r.t, r.daytona.Injected(), "the fault hit nothing")
	}
}

// longVictimJob lives through a pass of the reaper.
const longVictimJob = "echo start >>starts; echo begun; sleep 14; echo kept >kept.txt; echo done"

// allowance is how much longer a sandbox may live for the fault: nobody can remove what the provider keeps.
func (h hit) allowance(rule faultproxy.Rule) time.Duration {
	const again = 35 * time.Second // until the client asks again: a denied DELETE after 30 s, an unanswered one after its time
	switch {
	case h.fault == faultproxy.ResetThenLate && h.call == faultproxy.Create:
		return horizon + afterEnd // the lease waits for it
	case h.fault == faultproxy.DeleteForbidden:
		return time.Duration(rule.Count) * again
	case h.call == faultproxy.Delete, h.call == faultproxy.Get, h.call == faultproxy.Create:
		return rule.Delay + again
	}
	return rule.Delay
}
