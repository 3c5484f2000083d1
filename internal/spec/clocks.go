package spec

import "time"

// What the clocks of an eval leave room for beside its job.
const (
	// UploadAllowance covers the inputs: create's wait for started, upload, git clone. With DownloadAllowance it is the
	// transfer allowance: 5 min each moves 16 GiB at 50 MB/s, or a step's full output many times over.
	UploadAllowance = 5 * time.Minute
	// DownloadAllowance covers streams and artifacts.
	DownloadAllowance = 5 * time.Minute
	// ClockMargin stands between job and lease deadline, and between lease deadline and TTL (DESIGN, "More nets"), so
	// that each net has time to act before the next, coarser one does.
	ClockMargin = 5 * time.Minute
)

// Clocks of one sandbox, ordered: JobLimit + transfers + hold + 5 min ≤ LeaseDeadline ≤ TTL − 5 min. In JSON, nanoseconds.
type Clocks struct {
	// JobLimit is the sum of the time limits of what runs in the sandbox.
	JobLimit time.Duration `json:"job_limit"`
	// LeaseDeadline is counted from the lease's start; then the lease removes the sandbox itself.
	LeaseDeadline time.Duration `json:"lease_deadline"`
	// TTL is the provider's own clock, in whole minutes, counted from create.
	TTL time.Duration `json:"ttl"`
}

// Clocks returns those of the job's sandbox, for an input with its defaults resolved. The TTL is raised to what the
// job's limits need, up to maxTTL, the operator's maximum; beyond it the error is an *InvalidInput with both numbers.
func (in EvalInput) Clocks(maxTTL time.Duration) (Clocks, error) {
	var limit time.Duration
	for _, step := range in.Job.Steps {
		limit += bounded(step.TimeLimit)
	}
	return clocks("job.steps", limit, bounded(in.Hold.Time), in.Sandbox.TTL.Std(), maxTTL)
}

// ScorerClocks returns those of a command scorer's own sandbox, and zero for any other scorer. Its TTL is what its
// time limit needs: a long job does not make its judge's sandbox live longer.
func (in EvalInput) ScorerClocks(maxTTL time.Duration) (Clocks, error) {
	if in.Scorer == nil || in.Scorer.Type != ScorerCommand {
		return Clocks{}, nil
	}
	return clocks("scorer.time_limit", bounded(in.Scorer.TimeLimit), 0, 0, maxTTL)
}

func clocks(path string, limit, hold, ttl, maxTTL time.Duration) (Clocks, error) {
	var ps problems
	need := wholeMinutes(limit + hold + UploadAllowance + DownloadAllowance + 2*ClockMargin)
	if need > maxTTL {
		ps.add(path, 0, "time limits%s of %s need a sandbox TTL of %s (with %s for transfers and %s of margins), above the operator's maximum of %s: lower the limits or raise PITWALL_MAX_TTL_MINUTES",
			andHold(hold), limit+hold, need, UploadAllowance+DownloadAllowance, 2*ClockMargin, maxTTL)
	}
	if ttl > maxTTL {
		ps.add("sandbox.ttl", 0, "%s is above the operator's maximum of %s: lower it or raise PITWALL_MAX_TTL_MINUTES", ttl, maxTTL)
	}
	if err := ps.err(); err != nil {
		return Clocks{}, err
	}
	ttl = max(ttl, need)
	return Clocks{JobLimit: limit, LeaseDeadline: ttl - ClockMargin, TTL: ttl}, nil
}

func andHold(hold time.Duration) string {
	if hold > 0 {
		return " and hold"
	}
	return ""
}

// bounded keeps a limit that Validate will refuse from overflowing the sum.
func bounded(limit Duration) time.Duration {
	return min(max(limit.Std(), 0), MaxTimeLimit)
}

func wholeMinutes(d time.Duration) time.Duration {
	return (d + time.Minute - 1).Truncate(time.Minute)
}
