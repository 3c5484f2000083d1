//go:build linux

package chaos

import (
	"errors"
	"hash/fnv"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/api/serviceerror"

	"pitwall/test/faultproxy"
)

// matrixCases are every boundary × every strike.
func matrixCases() []chaosCase {
	var all []chaosCase
	for _, s := range strikes() {
		for _, b := range boundaries() {
			if s.applies == nil || s.applies(b) {
				all = append(all, chaosCase{id: "matrix/" + s.name + "/" + b.String(), run: func(r *run) { strikeAt(r, b, s) }})
			}
		}
	}
	return all
}

// run is one case at work.
type run struct {
	*lab
	id     string
	victim string // its eval's workflow ID
	expect expectation
	// shown is what the observer saw, for people.
	shown string
}

// seed is the case's own: the same in every run.
func (r *run) seed() int {
	sum := fnv.New32a()
	_, _ = sum.Write([]byte(r.id))
	return int(sum.Sum32() % 1000)
}

// tolerate takes the answer that something has ended already: the strike came too late, which is a case too.
func (r *run) tolerate(err error) {
	r.t.Helper()
	var gone *serviceerror.NotFound
	if !errors.As(err, &gone) {
		require.NoError(r.t, err)
	}
}

// strikeAt holds the victim's call at a boundary, strikes, lets the call go, heals, and lets the observer look.
func strikeAt(r *run, b boundary, s strike) {
	r.lab = newLab(r.t, labOptions{workers: s.workers})
	names, jobs := []string{"v", "a", "b"}, map[string]string{"v": victimJob, "a": companionJob, "b": companionJob}
	r.victim = "eval/" + campaignName + "/v/1"
	if s.alone {
		r.victim, names = "direct/v", names[1:]
	}
	held := r.hold(b, r.victim)
	campaign := r.startCampaign(jobs, names...)
	if s.alone {
		r.startEval(r.victim, victimJob, s.timeout)
	}
	r.await(held)

	struck := time.Now()
	s.hit(r)
	if gate, isDaytona := held.(*faultproxy.Gate); s.dies && isDaytona {
		gate.Drop()
	} else {
		held.Open()
	}
	if s.heal != nil {
		s.heal(r)
	}
	r.expect = expectation{
		trials: len(names), victimEnds: s.ends, campaignEnds: s.campaign, late: s.late,
		struckAt: struck, healedAt: time.Now(), killed: s.heal != nil || s.workers > 1,
	}
	r.conclude(campaign)
}

// await waits until the call stands at the gate.
func (r *run) await(held gate) {
	r.t.Helper()
	select {
	case <-held.Reached():
	case <-time.After(patience):
		r.t.Fatal("the victim never came to the boundary")
	}
}
