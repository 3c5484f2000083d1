package faultproxy

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"regexp"
	"slices"
	"time"
)

// Bounds of a script; the first is what a delay may be at most, an hour being the longest that any test waits.
const (
	maxDelay = time.Hour
	maxRules = 1000
)

// Rule says which calls meet a fault, and how many of them. A call meets the first rule that takes it; rules behind that one
// do not see it. In a file its keys are written in snake_case.
type Rule struct {
	// Fault is one of Faults. Required.
	Fault Fault
	// Call narrows to one call. Default: each that the fault can hit.
	Call Call
	// Path narrows by a regular expression, which is sought in the escaped path with its query, such as
	// /toolbox/{id}/files/download?path=…. Default: any.
	Path string
	// Labels must all be the sandbox's; see Request.Labels. Default: any.
	Labels map[string]string
	// After is how many matching calls are let through first. Count is how many then meet the fault: 0 is 1, -1 is every one.
	After, Count int
	// Probability is that of each call to meet it, up to 1; 0: always. A call that is spared is not counted.
	Probability float64
	// Delay is the fault's time, at most 1 h; what it means stands with the fault. In a file such as 3s or 1m30s.
	Delay time.Duration
	// Bytes is the fault's size.
	Bytes int
	// Status replaces the fault's own in an answer that is a gateway's: 502, 503 or 504.
	Status int
	// Listed lets lists go on showing a sandbox that is stuck in destroying.
	Listed bool
}

// Script is a seed and rules.
type Script struct {
	// Seed decides what Probability decides: with the same one, the same sequence of calls meets the same faults.
	Seed  uint64
	Rules []Rule
}

// armed is a rule at work. Its counters are guarded by Proxy.mu.
type armed struct {
	Rule
	kind        kind
	path        *regexp.Regexp
	random      *rand.Rand
	seen, fired int
}

// arm checks a rule. Its place among the rules gives it a random sequence of its own, so that rules do not disturb each other.
func (r Rule) arm(seed uint64, place int) (*armed, error) {
	kind, err := r.check()
	if err != nil {
		return nil, err
	}
	path, err := regexp.Compile(r.Path)
	if err != nil {
		return nil, fmt.Errorf("path: %w; write a regular expression", err)
	}
	return &armed{Rule: r, kind: kind, path: path, random: rand.New(rand.NewPCG(seed, uint64(place)))}, nil
}

// check returns the rule's kind of fault, or everything that is wrong.
func (r Rule) check() (kind, error) {
	kind, known := find(r.Fault)
	if !known {
		return kind, fmt.Errorf("fault: %q is none; write one of %s", r.Fault, names())
	}
	var problems []error
	wrong := func(is bool, format string, args ...any) {
		if is {
			problems = append(problems, fmt.Errorf(format, args...))
		}
	}
	wrong(r.Call != "" && !slices.Contains(kind.Calls, r.Call), "call: %s cannot hit %q; write one of %v", r.Fault, r.Call, kind.Calls)
	wrong(r.After < 0, "after: is %d; write how many calls are let through first, 0 or more", r.After)
	wrong(r.Count < -1, "count: is %d; write how many calls meet the fault, or -1 for every one", r.Count)
	wrong(!(r.Probability >= 0 && r.Probability <= 1), "probability: is %v; write a number up to 1, or 0 for always", r.Probability)
	wrong(r.Delay < 0 || r.Delay > maxDelay, "delay: is %v; write a time up to %v", r.Delay, maxDelay)
	wrong(r.Delay == 0 && kind.needsDelay, "delay: %s needs one; write a time such as 3s", r.Fault)
	wrong(r.Bytes < 0 || r.Bytes == 0 && kind.needsBytes, "bytes: is %d; %s needs a number from 1", r.Bytes, r.Fault)
	wrong(r.Status != 0 && (r.Status < 502 || r.Status > 504 || !kind.gateway), "status: is %d; leave it out, or write 502, 503 or 504 with a bad-gateway fault", r.Status)
	wrong(r.Listed && r.Fault != DeleteStuck, "listed: belongs to %s; leave it out", DeleteStuck)
	return kind, errors.Join(problems...)
}

func (a *armed) matches(r *Request) bool {
	if !slices.Contains(a.kind.Calls, r.Call) || a.Call != "" && a.Call != r.Call {
		return false
	}
	for name, value := range a.Labels {
		if have, known := r.Labels[name]; !known || have != value {
			return false
		}
	}
	where := r.Path
	if r.Query != "" {
		where += "?" + r.Query
	}
	return a.path.MatchString(where)
}

// takes says whether a matching call meets the fault.
func (a *armed) takes() bool {
	if a.seen++; a.seen <= a.After {
		return false
	}
	if a.Count != -1 && a.fired >= max(1, a.Count) {
		return false
	}
	if a.Probability > 0 && a.random.Float64() >= a.Probability {
		return false
	}
	a.fired++
	return true
}
