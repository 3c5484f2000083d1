package visible

import (
	"fmt"
	"io"
	"unicode/utf16"
	"unicode/utf8"
)

// JSON is a writer of JSON documents, each in one Write, in which everything that is not meant to be seen is escaped: encoding/json
// leaves DEL, C1's controls, one of which begins a terminal's commands, and the marks that reorder text as they are. The values stay
// the same.
func JSON(to io.Writer) io.Writer { return jsonWriter{to} }

type jsonWriter struct{ to io.Writer }

func (w jsonWriter) Write(p []byte) (int, error) {
	if n, err := w.to.Write(escaped(p)); err != nil {
		return min(n, len(p)), err
	}
	return len(p), nil
}

// escaped is document itself where there is nothing to escape.
func escaped(document []byte) []byte {
	var out []byte
	done := 0
	for at := 0; at < len(document); {
		r, size := utf8.DecodeRune(document[at:])
		if isHidden(r) && r != '\r' { // between values line ends are white space, and within them escaped already
			out = appendEscape(append(out, document[done:at]...), r)
			done = at + size
		}
		at += size
	}
	if done == 0 {
		return document
	}
	return append(out, document[done:]...)
}

func appendEscape(out []byte, r rune) []byte {
	if high, low := utf16.EncodeRune(r); high != utf8.RuneError {
		return fmt.Appendf(out, `\u%04x\u%04x`, high, low)
	}
	return fmt.Appendf(out, `\u%04x`, r)
}
