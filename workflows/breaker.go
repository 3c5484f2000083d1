package workflows

import (
	"fmt"
	"time"

	"pitwall/internal/spec"
)

// breaker stops new starts while infrastructure breaks more than a share of the last finished trials:
//
//	closed ──(share exceeded)──> open ──(wait is over)──> probing ──(the probe has no infra error)──> closed
//	   ^                           ^───────(the probe broke, too: wait twice as long)──┘
//	   └──────── resume ───────────┘
//
// It is pure: its shard keeps the time. A nil rule never opens.
type breaker struct {
	rule  *spec.Breaker
	state BreakerState
	// probing: the wait is over. probeOut: the one trial that may start was started.
	probing, probeOut bool
	// waits counts the waits for a probe, so that one which a resume cut short does not end the next.
	waits int
}

// BreakerState is what one shard hands on to the next.
type BreakerState struct {
	// Recent are the last finished trials, oldest first: true where infrastructure broke one.
	Recent []bool `json:"recent,omitempty"`
	Open   bool   `json:"open,omitempty"`
	// Probes that broke since it opened.
	Probes int `json:"probes,omitempty"`
	// Resumed are the resumes (Controls.Resumed) that the shard knew of; nil from shards that did not say.
	Resumed *int `json:"resumed,omitempty"`
}

const (
	// firstProbe is the wait before the first probe, doubled after each that breaks, up to lastProbe. Choices: most outages of
	// a provider that end by themselves end within minutes.
	firstProbe = 30 * time.Second
	lastProbe  = 10 * time.Minute
)

func newBreaker(rule *spec.Breaker, state BreakerState) *breaker {
	if rule != nil && rule.MaxInfraShare == nil {
		rule = nil
	}
	return &breaker{rule: rule, state: state}
}

// admits says whether a trial may start now.
func (b *breaker) admits() bool { return !b.state.Open || b.probing && !b.probeOut }

// started is told of each start, and says whether it is the probe.
func (b *breaker) started() bool {
	b.probeOut = b.state.Open
	return b.state.Open
}

// record takes a finished trial, and says whether the breaker now waits for its next probe.
func (b *breaker) record(infra, probe bool) (waits bool) {
	switch {
	case b.rule == nil:
		return false
	case b.state.Open && !probe:
		return false // it began before the breaker opened, and says nothing of now
	case b.state.Open && infra:
		b.state.Probes++
		b.probing, b.probeOut = false, false
		b.waits++
		return true
	case b.state.Open:
		b.close()
		return false
	}
	b.state.Recent = append(b.state.Recent, infra)
	b.state.Recent = b.state.Recent[max(0, len(b.state.Recent)-b.rule.Window):]
	b.state.Open = len(b.state.Recent) == b.rule.Window && float64(b.broken()) > *b.rule.MaxInfraShare*float64(b.rule.Window)
	if b.state.Open {
		b.waits++
	}
	return b.state.Open
}

// abandoned: the probe ended without telling anything (it was cancelled).
func (b *breaker) abandoned() { b.probeOut = false }

// probe lets one trial start.
func (b *breaker) probe() { b.probing = b.state.Open }

func (b *breaker) close() {
	b.state, b.probing, b.probeOut = BreakerState{}, false, false
	b.waits++
}

func (b *breaker) wait() time.Duration {
	wait := firstProbe
	for range b.state.Probes {
		if wait *= 2; wait >= lastProbe {
			return lastProbe
		}
	}
	return wait
}

func (b *breaker) broken() int {
	n := 0
	for _, infra := range b.state.Recent {
		if infra {
			n++
		}
	}
	return n
}

// describe says for people why nothing starts; empty when it is closed.
func (b *breaker) describe() string {
	if !b.state.Open {
		return ""
	}
	text := fmt.Sprintf("infrastructure broke %d of the last %d trials", b.broken(), len(b.state.Recent))
	if b.state.Probes > 0 {
		text += fmt.Sprintf(", and %d probes since", b.state.Probes)
	}
	if b.probing {
		return text + "; one trial is started to see whether it still does"
	}
	return text + "; nothing new is started but a probe from time to time, or after a resume"
}
