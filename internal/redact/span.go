package redact

import (
	"cmp"
	"slices"
)

// MaxHold bounds what is held back of a stream because a secret may have begun in it, in bytes: the longest form of a value,
// which has 7 bytes for each of MaxLength where all of it is escaped twice for JSON, and as much again where that form began
// in another secret.
const MaxHold = 256 << 10

// maxSpan bounds what one replacement stands for, where secrets overlap.
const maxSpan = 64 << 10

// contextBytes is how much of what precedes a text its rules look at.
const contextBytes = 4

// span is a secret: [start, end) of a text.
type span struct {
	start, end int
	name       string
}

// find returns the secrets in b in their order, none touching another, and up to where b is decided.
func (r *Redactor) find(before, b []byte, atEOF bool) (found []span, safe int) {
	found, safe = r.known().find(b, atEOF)
	if r == nil || r.of == nil {
		byRules, ruled := findByRules(before, b, atEOF)
		found, safe = append(found, byRules...), min(safe, ruled)
	}
	found = merge(found)
	for i, s := range found {
		if s.end > safe { // it may grow; or it begins where nothing is decided any more
			return found[:i], min(safe, s.start)
		}
	}
	return found, safe
}

// merge joins secrets that overlap, so that no piece of the second one is left over.
func merge(found []span) []span {
	slices.SortStableFunc(found, func(a, b span) int { return cmp.Or(cmp.Compare(a.start, b.start), cmp.Compare(b.end, a.end)) })
	merged := found[:0]
	for _, s := range found {
		last := len(merged) - 1
		switch {
		case last < 0 || s.start >= merged[last].end:
			merged = append(merged, s)
		case s.end <= merged[last].end:
		case s.end-merged[last].start <= maxSpan:
			merged[last].end = s.end
		default: // all of s in one span: the stream may be cut between the two
			merged[last].end = s.start
			merged = append(merged, s)
		}
	}
	return merged
}
