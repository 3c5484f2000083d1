package spec

import (
	"slices"
	"unicode/utf8"
)

const (
	// TailBytes bounds Stream.Tail (issue: 16 KiB for each stream).
	TailBytes = 16 << 10
	// MaxTailsBytes bounds the tails of one job's streams together, as JSON encodes them: with the 64 streams of 32 steps a
	// JobResult stays under the 256 KiB at which Temporal warns of a payload.
	MaxTailsBytes = 160 << 10
)

// BoundTails cuts the tails of a job's streams until they have at most MaxTailsBytes together: short ones stay whole, and
// the long ones share what is left evenly.
func (r *JobResult) BoundTails() {
	streams := r.streams()
	slices.SortStableFunc(streams, func(a, b *Stream) int { return EncodedBytes(a.Tail) - EncodedBytes(b.Tail) })
	left := MaxTailsBytes
	for i, s := range streams {
		whole := len(s.Tail)
		s.Tail = lastEncoded(s.Tail, left/(len(streams)-i))
		s.TailCut = s.TailCut || len(s.Tail) < whole
		left -= EncodedBytes(s.Tail)
	}
}

// WithoutTails is a copy of r whose streams have no tails.
func (r JobResult) WithoutTails() JobResult {
	r.Steps = slices.Clone(r.Steps)
	for _, s := range r.streams() {
		s.TailCut = s.TailCut || s.Tail != ""
		s.Tail = ""
	}
	return r
}

func (r *JobResult) streams() []*Stream {
	var all []*Stream
	for i := range r.Steps {
		all = append(all, &r.Steps[i].Stdout, &r.Steps[i].Stderr)
	}
	return all
}

// LastBytes is the longest end of text, cut between characters, that has at most n bytes.
func LastBytes(text string, n int) string {
	return lastOf(text, n, utf8.RuneLen)
}

// lastEncoded is LastBytes, counted as JSON encodes text.
func lastEncoded(text string, n int) string {
	return lastOf(text, n, encodedRune)
}

func lastOf(text string, n int, cost func(rune) int) string {
	at := len(text)
	for at > 0 {
		r, size := utf8.DecodeLastRuneInString(text[:at])
		if n -= cost(r); n < 0 {
			break
		}
		at -= size
	}
	return text[at:]
}

// EncodedBytes is how long encoding/json makes valid UTF-8, without its quotes.
func EncodedBytes(text string) int {
	n := 0
	for _, r := range text {
		n += encodedRune(r)
	}
	return n
}

// encodedRune is how many bytes encoding/json writes for a character: Temporal's converter has HTML's escaped, too.
func encodedRune(r rune) int {
	switch r {
	case '"', '\\', '\b', '\f', '\n', '\r', '\t':
		return 2
	case '<', '>', '&', '\u2028', '\u2029':
		return 6
	}
	if r < ' ' {
		return 6
	}
	return utf8.RuneLen(r)
}
