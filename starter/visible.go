package main

import seen "pitwall/internal/visible"

// visible makes text from a sandbox safe for a terminal.
func visible(text string) string { return seen.Text(text) }

// visibleWriter makes what passes visible. It holds back a rune that is cut in two, so Close it.
type visibleWriter = seen.Writer
