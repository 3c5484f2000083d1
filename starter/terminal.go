package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"golang.org/x/term"

	"pitwall/internal/spec"
)

// Output forms.
const (
	outputText = "text"
	outputJSON = "json"
)

// terminal is where a command reads and writes, and what the flags that all commands share say about that.
type terminal struct {
	in       io.Reader
	out, err io.Writer
	environ  []string

	output  string // text or json
	quiet   bool
	running bool // the command line was understood and its command has begun
}

func (t *terminal) checkOutput() error {
	if t.output != outputText && t.output != outputJSON {
		return &UsageError{Problem: fmt.Sprintf("unknown output %q", t.output), Hint: "-o takes text or json"}
	}
	return nil
}

func (t *terminal) wantsJSON() bool { return t.output == outputJSON }

// env is the last value of a variable, "" when it is not set.
func (t *terminal) env(name string) string {
	value := ""
	for _, pair := range t.environ {
		if found, ok := strings.CutPrefix(pair, name+"="); ok {
			value = found
		}
	}
	return value
}

// printJSON writes one indented document, in which hostile characters are escaped.
func (t *terminal) printJSON(v any) error {
	encoder := json.NewEncoder(visibleJSON(t.out))
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", "  ")
	if err := encoder.Encode(v); err != nil {
		return fmt.Errorf("write result: %w", err)
	}
	return nil
}

// printf writes data for people to stdout.
func (t *terminal) printf(format string, args ...any) { fmt.Fprintf(t.out, format, args...) }

// note writes a line for people to stderr, also when that is no terminal.
func (t *terminal) note(format string, args ...any) {
	if !t.quiet {
		fmt.Fprintf(t.err, format+"\n", args...)
	}
}

// showsProgress: progress is for people who watch.
func (t *terminal) showsProgress() bool { return !t.quiet && isTerminal(t.err) }

// colours: NO_COLOR (no-color.org) and TERM=dumb turn them off, as does anything but a terminal.
func (t *terminal) colours(w io.Writer) bool {
	return isTerminal(w) && t.env("NO_COLOR") == "" && t.env("TERM") != "dumb"
}

// coloured gives a verdict on stdout its colour, where colours are wanted.
func (t *terminal) coloured(verdict string) string {
	colour := "33" // yellow: neither
	switch verdict {
	case "PASSED", spec.VerdictPass:
		colour = "32"
	case "FAILED", spec.VerdictFail:
		colour = "31"
	}
	if !t.colours(t.out) {
		return verdict
	}
	return "\x1b[" + colour + "m" + verdict + "\x1b[0m"
}

func isTerminal(w any) bool {
	file, ok := w.(*os.File)
	return ok && term.IsTerminal(int(file.Fd()))
}

// reportError prints an error once, with what to do about it.
func (t *terminal) reportError(err error) {
	if err == nil || errors.As(err, new(outcome)) {
		return
	}
	var stopped interrupted
	if errors.As(err, &stopped) {
		fmt.Fprintln(t.err, stopped.message)
		return
	}
	fmt.Fprintln(t.err, "starter: "+visible(err.Error()))
	if hint := hintOf(err); hint != "" {
		fmt.Fprintln(t.err, "  "+visible(hint))
	}
}
