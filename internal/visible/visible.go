// Package visible makes text from a sandbox safe to look at.
package visible

import (
	"io"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Text makes text from a sandbox safe for a terminal: control characters, which could move the cursor, retitle the
// window or paste commands, are written as escapes, as are invalid UTF-8 and the marks that reorder text. Line ends and
// tabs stay.
func Text(text string) string {
	if strings.IndexFunc(text, isHidden) < 0 && utf8.ValidString(text) {
		return text
	}
	var b strings.Builder
	for len(text) > 0 {
		r, size := utf8.DecodeRuneInString(text)
		writeVisible(&b, r, text[:size])
		text = text[size:]
	}
	return b.String()
}

func writeVisible(b *strings.Builder, r rune, raw string) {
	switch {
	case r == utf8.RuneError && len(raw) == 1:
		b.WriteString(`\x` + strconv.FormatUint(uint64(raw[0])|0x100, 16)[1:])
	case isHidden(r):
		quoted := strconv.QuoteRuneToASCII(r)
		b.WriteString(quoted[1 : len(quoted)-1])
	default:
		b.WriteRune(r)
	}
}

// isHidden: everything that is not meant to be seen. Cf holds the marks that reorder text (Trojan Source, CVE-2021-42574).
func isHidden(r rune) bool {
	if r == '\n' || r == '\t' {
		return false
	}
	return unicode.IsControl(r) || unicode.Is(unicode.Cf, r) || r == '\u2028' || r == '\u2029'
}

// Writer makes what passes visible. It holds back a rune that is cut in two, so Close it.
type Writer struct {
	To      io.Writer
	pending []byte
}

func (v *Writer) Write(p []byte) (int, error) {
	text := append(v.pending, p...)
	cut := len(text) - partialRune(text)
	v.pending = append([]byte(nil), text[cut:]...)
	_, err := io.WriteString(v.To, Text(string(text[:cut])))
	return len(p), err
}

// Close writes what was held back.
func (v *Writer) Close() error {
	_, err := io.WriteString(v.To, Text(string(v.pending)))
	v.pending = nil
	return err
}

// partialRune is how many bytes at the end may be the beginning of a rune.
func partialRune(text []byte) int {
	for n := 1; n < utf8.UTFMax && n <= len(text); n++ {
		tail := text[len(text)-n:]
		if utf8.RuneStart(tail[0]) {
			if utf8.FullRune(tail) {
				return 0
			}
			return n
		}
	}
	return 0
}
