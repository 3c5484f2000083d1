package redact

import (
	"slices"
	"strings"
	"sync"
	"sync/atomic"
)

const (
	// MinLength of a value that is looked for, in bytes: shorter ones stand in ordinary text, and replacing them would
	// destroy it.
	MinLength = 8
	// MaxLength of a value, in bytes: a service account's JSON has 2.4 KiB, a chain of certificates with its key some 8.
	MaxLength = 16 << 10
	// maxRemembered bounds the values of jobs that a process knows: 32 secrets each of 32 jobs that run at once.
	maxRemembered = 1024
)

// Redactor replaces secrets. It is safe for concurrent use. A nil Redactor knows no values; its rules hold.
type Redactor struct {
	mu         sync.Mutex // guards what follows
	own        []value    // of the process, known for good
	remembered []value    // of jobs, the latest last

	matcher atomic.Pointer[matcher] // of all values; nil until one is needed that knows the latest

	of *Redactor // whose values this one looks for, without rules; nil for its own
}

// value is a secret with every form of it that is looked for.
type value struct {
	name, text string
	forms      []string
}

// New returns a Redactor that knows no values yet.
func New() *Redactor { return &Redactor{} }

// ValuesOnly returns a Redactor that looks for the values that r knows, also later ones, and applies no rule.
func (r *Redactor) ValuesOnly() *Redactor {
	if r == nil {
		r = New()
	}
	return &Redactor{of: r}
}

// Add makes a value known for good, for the secrets of the process itself. A value shorter than MinLength is not looked
// for. Of a name, only letters, digits, dots, dashes and underscores are shown.
func (r *Redactor) Add(name, text string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(text) < MinLength || holds(r.own, text) >= 0 {
		return
	}
	r.own = append(r.own, newValue(name, text))
	r.matcher.Store(nil)
}

// Remember makes a value of a job known until 1024 others were remembered after it: whoever handles what a job wrote
// remembers the job's secrets first.
func (r *Redactor) Remember(name, text string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(text) < MinLength || holds(r.own, text) >= 0 {
		return
	}
	if i := holds(r.remembered, text); i >= 0 {
		again := r.remembered[i]
		r.remembered = append(slices.Delete(r.remembered, i, i+1), again)
		return
	}
	r.remembered = append(r.remembered, newValue(name, text))
	if len(r.remembered) > maxRemembered {
		r.remembered = slices.Delete(r.remembered, 0, 1)
	}
	r.matcher.Store(nil)
}

func holds(values []value, text string) int {
	return slices.IndexFunc(values, func(v value) bool { return v.text == text })
}

func newValue(name, text string) value {
	shown := strings.Map(func(c rune) rune {
		if c >= '0' && c <= '9' || c >= 'A' && c <= 'Z' || c >= 'a' && c <= 'z' || strings.ContainsRune("._-", c) {
			return c
		}
		return '_'
	}, name)
	return value{name: shown[:min(len(shown), 64)], text: text, forms: forms(text)}
}

// known is what is now looked for.
func (r *Redactor) known() *matcher {
	if r == nil {
		return &noValues
	}
	if r.of != nil {
		return r.of.known()
	}
	if m := r.matcher.Load(); m != nil {
		return m
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	m := newMatcher(slices.Concat(r.own, r.remembered))
	r.matcher.Store(m)
	return m
}

var noValues matcher

// String returns s without secrets.
func (r *Redactor) String(s string) string {
	spans, _ := r.find(nil, []byte(s), true)
	if len(spans) == 0 {
		return s
	}
	return string(replace([]byte(s), spans))
}

// Bytes returns b without secrets: b itself where it has none.
func (r *Redactor) Bytes(b []byte) []byte {
	clean, _ := r.Cut(nil, b, true)
	return clean
}

// Known returns the names of the known values in b, in their order, each once.
func (r *Redactor) Known(b []byte) []string {
	found, _ := r.known().find(b, true)
	var names []string
	for _, s := range found {
		if !slices.Contains(names, s.name) {
			names = append(names, s.name)
		}
	}
	return names
}

// Cut redacts the beginning of b, n bytes of it: as much as can be decided before it is known what follows. What is left
// must come again, in front of what follows; it is at most MaxHold. At the end of the text all of b is decided. before is
// what preceded b: its last 4 bytes count. The result shares b's memory where there was nothing to replace.
func (r *Redactor) Cut(before, b []byte, atEOF bool) (clean []byte, n int) {
	spans, n := r.find(before, b, atEOF)
	if len(spans) == 0 {
		return b[:n], n
	}
	return replace(b[:n], spans), n
}

func replace(b []byte, spans []span) []byte {
	clean, at := make([]byte, 0, len(b)), 0
	for _, s := range spans {
		clean = append(clean, b[at:s.start]...)
		clean = append(clean, "[REDACTED:"+s.name+"]"...)
		at = s.end
	}
	return append(clean, b[at:]...)
}
