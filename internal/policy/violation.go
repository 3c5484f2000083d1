package policy

import (
	"fmt"
	"strconv"
	"strings"

	"pitwall/internal/spec"
)

// ViolationType is the type of the Temporal application error that carries a Violation.
const ViolationType = "PolicyViolation"

// MaxViolationBytes bounds the text of a Violation: every rule is named, whatever an input asks for (its test builds the worst).
const MaxViolationBytes = 32 << 10

// maxPlaces bounds how many places a broken rule names, maxListed how many entries of a list a message shows.
const (
	maxPlaces = 3
	maxListed = 5
)

// Violation lists every rule of a policy that an input breaks. It is the caller's to mend, or the operator's: no retry helps.
type Violation struct { //nolint:errname // the name of the error's type on the wire, too
	// Kind of the job whose section was broken, and the SHA-256 (hex) of the policy.
	Kind   string
	SHA256 string
	Broken []Broken
}

// Broken is one rule that an input breaks.
type Broken struct {
	// Rule is its path in a section, such as network.mode.
	Rule string
	// Admits is what it admits.
	Admits string
	// Places are the first places of the input that break it, More counts the rest.
	Places []Place
	More   int
}

// Place is a place of the input, and what it asks for.
type Place struct{ Path, Asks string }

func (b Broken) String() string {
	var text strings.Builder
	fmt.Fprintf(&text, "%s: %s", b.Rule, b.Admits)
	for i, place := range b.Places {
		separator := ", "
		if i == 0 {
			separator = "; "
		}
		fmt.Fprintf(&text, "%s%s %s", separator, place.Path, place.Asks)
	}
	if b.More > 0 {
		fmt.Fprintf(&text, ", and %d more places", b.More)
	}
	return text.String()
}

func (v *Violation) Error() string {
	lines := make([]string, 0, 1+len(v.Broken))
	lines = append(lines, fmt.Sprintf("policy violation: %d %s for %s jobs (policy %.12s)", len(v.Broken), plural(len(v.Broken), "rule is broken", "rules are broken"), v.Kind, v.SHA256))
	for _, b := range v.Broken {
		lines = append(lines, "  "+b.String())
	}
	return strings.Join(lines, "\n")
}

// Problems are the broken rules as problems of the input, without lines.
func (v *Violation) Problems() []spec.Problem {
	found := make([]spec.Problem, 0, len(v.Broken))
	for _, b := range v.Broken {
		found = append(found, spec.Problem{Path: b.Places[0].Path, Message: "the policy refuses it: " + b.String()})
	}
	return found
}

func plural(n int, one, many string) string {
	if n == 1 {
		return one
	}
	return many
}

// breach collects broken rules in the order in which they are found.
type breach struct{ found []Broken }

// add notes that the place at path breaks a rule. asks quotes what stands there, bounded.
func (b *breach) add(rule, admits, path, asks string) {
	for i := range b.found {
		if one := &b.found[i]; one.Rule == rule {
			if len(one.Places) < maxPlaces {
				one.Places = append(one.Places, Place{path, asks})
			} else {
				one.More++
			}
			return
		}
	}
	b.found = append(b.found, Broken{Rule: rule, Admits: admits, Places: []Place{{path, asks}}})
}

// quoted is a value of an input for a message: bounded, on one line.
func quoted(value string) string {
	const most = 40
	if len(value) > most {
		value = strings.ToValidUTF8(value[:most], "") + "…"
	}
	return strconv.Quote(value)
}

// list shows the first entries of a policy's list.
func list(entries []string) string {
	shown := make([]string, 0, maxListed)
	for _, entry := range entries[:min(len(entries), maxListed)] {
		shown = append(shown, quoted(entry))
	}
	text := strings.Join(shown, ", ")
	if more := len(entries) - maxListed; more > 0 {
		text += fmt.Sprintf(" and %d more", more)
	}
	return text
}
