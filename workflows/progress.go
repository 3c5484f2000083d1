package workflows

import (
	"slices"
	"time"
)

// CampaignProgress is what ProgressQuery of a campaign, or of a shard, returns.
type CampaignProgress struct {
	// Phase is preparing, running, assembling or done. A paused campaign is running.
	Phase string `json:"phase"`
	Total int    `json:"n_total"`
	// The counts of a campaign are those of its finished shards; Shard is the one that runs, and counts for itself.
	Shard string `json:"shard,omitempty"`
	Counts
	// MaxParallel, as it holds now; an operator may change it, and pause.
	MaxParallel int  `json:"max_parallel,omitempty"`
	Paused      bool `json:"paused,omitempty"`
	// Breaker says why the circuit breaker starts nothing new. Empty: it is closed.
	Breaker string `json:"breaker,omitempty"`
	// Ended says why the campaign ends before all of its trials have run.
	Ended string `json:"ended,omitempty"`
}

// Counts of trials, of a shard or of a campaign.
type Counts struct {
	Started   int `json:"n_started"`
	Finished  int `json:"n_finished"`
	Passed    int `json:"n_passed"`
	Failed    int `json:"n_failed"`
	Errors    int `json:"n_errors"`
	Cancelled int `json:"n_cancelled"`
	// LastErrors names up to five of the latest trials without a score.
	LastErrors []string `json:"last_errors,omitempty"`
	// LastFailed names up to five of the latest trials that did not pass; Slowest up to three, the slowest first.
	LastFailed []string    `json:"last_failed,omitempty"`
	Slowest    []SlowTrial `json:"slowest,omitempty"`
	// SandboxSeconds of the sandboxes that were removed so far.
	SandboxSeconds float64 `json:"sandbox_seconds,omitempty"`
}

// Phases of a campaign; the last one is an eval's, too.
const (
	phasePreparing  = "preparing"
	phaseRunning    = "running"
	phaseAssembling = "assembling"
	phaseDone       = "done"
)

func (c *Counts) add(more Counts) {
	c.Started += more.Started
	c.Finished += more.Finished
	c.Passed += more.Passed
	c.Failed += more.Failed
	c.Errors += more.Errors
	c.Cancelled += more.Cancelled
	c.SandboxSeconds += more.SandboxSeconds
	c.LastErrors = lastOf(slices.Concat(c.LastErrors, more.LastErrors))
	c.LastFailed = lastOf(slices.Concat(c.LastFailed, more.LastFailed))
	c.Slowest = slowest(c.Slowest, more.Slowest)
}

// Add returns p with the counts of a running shard added: what a watcher shows.
func (p CampaignProgress) Add(shard CampaignProgress) CampaignProgress {
	p.add(shard.Counts)
	p.Breaker = shard.Breaker
	if shard.Ended != "" {
		p.Ended = shard.Ended
	}
	return p
}

// EvalProgress is what ProgressQuery of an eval returns.
type EvalProgress struct {
	// Phase is planning, waiting (for a slot), waiting_for_capacity (the provider was full when last asked), creating, uploading,
	// running, downloading, holding, removing, scoring or done.
	Phase     string `json:"phase"`
	Attempt   int    `json:"attempt"`
	Slot      int    `json:"slot"`
	SandboxID string `json:"sandbox_id,omitempty"`
	// HeldUntil is when a hold ends by itself; zero unless Phase is holding.
	HeldUntil time.Time `json:"held_until,omitzero"`
}
