package policy

import (
	"slices"
	"strings"
)

// names are patterns in which "*" stands for any run of characters, also of none.
type names []string

func (n names) admit(name string) bool {
	for _, pattern := range n {
		if like(pattern, name) {
			return true
		}
	}
	return false
}

func (n names) String() string {
	if len(n) == 0 {
		return "nothing"
	}
	return list(n)
}

// like matches from the left, each part where it is found first: then the rest has the most room.
func like(pattern, name string) bool {
	first, more, wild := strings.Cut(pattern, "*")
	if !wild {
		return pattern == name
	}
	rest, found := strings.CutPrefix(name, first)
	for found {
		var part string
		if part, more, wild = strings.Cut(more, "*"); !wild {
			return strings.HasSuffix(rest, part)
		}
		_, rest, found = strings.Cut(rest, part)
	}
	return false
}

// admitAll reports whether every name is admitted.
func (n names) admitAll() bool { return slices.Contains(n, "*") }
