package main

import (
	"context"
	"fmt"
	"os"
	"time"

	"golang.org/x/term"
)

// progressEvery is how often a progress line asks; a query costs a worker one workflow task.
const progressEvery = 500 * time.Millisecond

// statusLine is one line of a terminal that is written over. It is for terminals only.
type statusLine struct {
	term *terminal
	last string
}

func newStatusLine(term *terminal) *statusLine { return &statusLine{term: term} }

// show replaces the line. Text longer than the terminal is cut, because a wrapped line cannot be written over.
func (s *statusLine) show(text string) {
	if runes := []rune(text); len(runes) >= s.width() {
		text = string(runes[:s.width()-2]) + "…"
	}
	if text == s.last {
		return
	}
	s.last = text
	fmt.Fprint(s.term.err, "\r\x1b[K", text)
}

// clear removes the line.
func (s *statusLine) clear() {
	if s.last != "" {
		fmt.Fprint(s.term.err, "\r\x1b[K")
		s.last = ""
	}
}

func (s *statusLine) width() int {
	if file, ok := s.term.err.(*os.File); ok {
		if width, _, err := term.GetSize(int(file.Fd())); err == nil && width > 10 {
			return width
		}
	}
	return 80
}

// poll waits for d; false when ctx ended first.
func poll(ctx context.Context, d time.Duration) bool {
	select {
	case <-ctx.Done():
		return false
	case <-time.After(d):
		return true
	}
}
