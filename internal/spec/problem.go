package spec

import (
	"errors"
	"fmt"
	"strings"
)

// maxProblems bounds what one error lists: enough for any honest file, little for a hostile one.
const maxProblems = 100

// Problem is one thing that is wrong with an input, and what to do about it.
type Problem struct {
	// Path is where, such as job.steps[2].time_limit. Empty for the input as a whole.
	Path string `json:"path,omitempty"`
	// Line is the 1-based line of the file, when there is one.
	Line    int    `json:"line,omitempty"`
	Message string `json:"message"`
}

func (p Problem) String() string {
	var b strings.Builder
	if p.Line > 0 {
		fmt.Fprintf(&b, "line %d: ", p.Line)
	}
	if p.Path != "" {
		b.WriteString(p.Path + ": ")
	}
	b.WriteString(p.Message)
	return b.String()
}

// InvalidInput lists everything that is wrong with an input. It is the caller's to mend: no retry helps.
type InvalidInput struct { //nolint:errname // the name of the error's type on the wire, too
	Problems []Problem `json:"problems"`
}

// InvalidInputType is the type of the Temporal application error that carries an InvalidInput.
const InvalidInputType = "InvalidInput"

func (e *InvalidInput) Error() string {
	if len(e.Problems) == 1 {
		return "invalid input: " + e.Problems[0].String()
	}
	lines := []string{fmt.Sprintf("invalid input: %d problems", len(e.Problems))}
	for _, p := range e.Problems {
		lines = append(lines, "  "+p.String())
	}
	return strings.Join(lines, "\n")
}

// problems collects; its error is nil when nothing was found.
type problems struct{ found []Problem }

func (ps *problems) add(path string, line int, format string, args ...any) {
	if len(ps.found) < maxProblems {
		ps.found = append(ps.found, Problem{Path: path, Line: line, Message: fmt.Sprintf(format, args...)})
	}
}

func (ps *problems) err() error {
	if len(ps.found) == 0 {
		return nil
	}
	return &InvalidInput{Problems: ps.found}
}

// take adds what an error says: all its problems when it is an *InvalidInput.
func (ps *problems) take(err error) {
	var invalid *InvalidInput
	switch {
	case err == nil:
	case errors.As(err, &invalid):
		for _, p := range invalid.Problems {
			ps.add(p.Path, p.Line, "%s", p.Message)
		}
	default:
		ps.add("", 0, "%v", err)
	}
}

// clip shortens a hostile or merely long value for a message.
func clip(s string) string {
	const most = 60
	if len(s) <= most {
		return s
	}
	return strings.ToValidUTF8(s[:most], "") + "…"
}
