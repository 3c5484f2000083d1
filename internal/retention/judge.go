package retention

import (
	"fmt"
	"time"
)

// unfinishedGrace is how long after the last object of something without a result it counts as given up: far above the longest
// job (a sandbox lives at most a week).
const unfinishedGrace = 30 * 24 * time.Hour

// record is one campaign with its retries, or one eval of no campaign.
type record struct {
	// ended is its end, or, where it has none, when its last object was written.
	ended    time.Time
	finished bool
	// retain is how long it is kept; 0: for ever.
	retain time.Duration
	// keptBy names the pin or the baseline that keeps it; empty: none does.
	keptBy string
}

// judge says whether a record is to be removed, and why, or why not. When in doubt it is kept.
func judge(r record, now time.Time) (remove bool, reason string) {
	if r.keptBy != "" {
		return false, "kept by " + r.keptBy
	}
	if r.retain <= 0 {
		return false, "kept for ever"
	}
	expires, what := r.ended.Add(r.retain), "ended"
	if !r.finished {
		expires, what = expires.Add(unfinishedGrace), "was given up: it has no result, and its last object was written"
	}
	if now.Before(expires) || r.ended.IsZero() {
		return false, fmt.Sprintf("kept until %s", expires.UTC().Format(time.RFC3339))
	}
	return true, fmt.Sprintf("%s %s, and is kept for %s", what, r.ended.UTC().Format(time.RFC3339), r.retain)
}
