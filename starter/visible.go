package main

import (
	"io"

	seen "pitwall/internal/visible"
)

// visible makes text from a sandbox safe for a terminal.
func visible(text string) string { return seen.Text(text) }

// visibleJSON is for documents of JSON on stdout, each in one Write.
func visibleJSON(to io.Writer) io.Writer { return seen.JSON(to) }

// visibleWriter makes what passes visible. It holds back a rune that is cut in two, so Close it.
type visibleWriter = seen.Writer
