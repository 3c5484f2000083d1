package spec

import (
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

func TestPrintableTellsNamesApart(t *testing.T) {
	require.Equal(t, "plain ü.txt", Printable("plain ü.txt"))
	require.Equal(t, "%2541%0A%FF%00%1B", Printable("%41\n\xff\x00\x1b"))
	rapid.Check(t, func(t *rapid.T) {
		bytes := rapid.SliceOf(rapid.Byte())
		a, b := string(bytes.Draw(t, "a")), string(bytes.Draw(t, "b"))
		if (a == b) != (Printable(a) == Printable(b)) {
			t.Fatalf("%q and %q", a, b)
		}
		for _, r := range Printable(a) {
			if r < ' ' || r == 0x7f || r == '�' && !containsReplacement(a) {
				t.Fatalf("%q is in Printable(%q)", r, a)
			}
		}
	})
}

func containsReplacement(s string) bool {
	for _, r := range s {
		if r == '�' {
			return true
		}
	}
	return false
}
