package main

import (
	"math"
	"slices"
	"time"
)

// Spread is how a measured time is distributed, in milliseconds.
type Spread struct {
	N   int     `json:"n"`
	P50 float64 `json:"p50_ms"`
	P95 float64 `json:"p95_ms"`
	Max float64 `json:"max_ms"`
}

// spread takes quantiles by the nearest rank; the zero Spread of nothing.
func spread(times []time.Duration) Spread {
	if len(times) == 0 {
		return Spread{}
	}
	sorted := slices.Sorted(slices.Values(times))
	rank := func(q float64) float64 { return ms(sorted[max(0, int(math.Ceil(q*float64(len(sorted))))-1)]) }
	return Spread{N: len(sorted), P50: rank(0.5), P95: rank(0.95), Max: ms(sorted[len(sorted)-1])}
}

// ms is a duration in milliseconds, to the microsecond.
func ms(d time.Duration) float64 { return math.Round(float64(d)/float64(time.Microsecond)) / 1000 }

// round2 keeps two decimals.
func round2(x float64) float64 { return math.Round(x*100) / 100 }
