package workflows

import (
	"cmp"
	"slices"
	"time"

	"pitwall/internal/spec"
)

// SlowTrial is a trial and how long it took, waits for slots left out.
type SlowTrial struct {
	Trial      string `json:"trial"`
	DurationMS int64  `json:"duration_ms"`
}

// maxSlowest bounds how many are shown.
const maxSlowest = 3

// slowest are the slowest of both, the slowest first.
func slowest(a, b []SlowTrial) []SlowTrial {
	all := slices.Concat(a, b)
	slices.SortStableFunc(all, func(x, y SlowTrial) int { return cmp.Compare(y.DurationMS, x.DurationMS) })
	return all[:min(len(all), maxSlowest)]
}

func took(name string, result spec.EvalResult) []SlowTrial {
	total := result.FinishedAt.Sub(result.StartedAt)
	for _, attempt := range result.Attempts {
		total -= time.Duration(attempt.WaitMS) * time.Millisecond
	}
	if total <= 0 {
		return nil
	}
	return []SlowTrial{{Trial: name, DurationMS: total.Milliseconds()}}
}
