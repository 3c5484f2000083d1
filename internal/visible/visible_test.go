package visible

import (
	"bytes"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

func TestVisible(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		"plain\ttext\n":         "plain\ttext\n",
		"größe 日本":              "größe 日本",
		"\x1b[2Jgone":           `\x1b[2Jgone`,
		"a\rb":                  `a\rb`,
		"nul\x00":               `nul\x00`,
		"\xff\xfe":              `\xff\xfe`,
		"\u202ereversed":        `\u202ereversed`,
		"\u009b31m":             `\u009b31m`, // a one-character CSI
		"half \xe6\x97":         `half \xe6\x97`,
		"\x07title\x1b]0;x\x07": `\atitle\x1b]0;x\a`,
	} {
		require.Equal(t, want, Text(in))
	}
}

// However the bytes are cut, nothing that a terminal obeys gets through, and the cut does not show.
func TestVisibleWriterIsSafeAndSeamless(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		text := rapid.SliceOf(rapid.Byte()).Draw(t, "bytes")
		var out bytes.Buffer
		w := &Writer{To: &out}
		for rest := text; len(rest) > 0; {
			n := rapid.IntRange(1, len(rest)).Draw(t, "cut")
			written, err := w.Write(rest[:n])
			require.NoError(t, err)
			require.Equal(t, n, written)
			rest = rest[n:]
		}
		require.NoError(t, w.Close())
		require.Equal(t, Text(string(text)), out.String())
		require.True(t, utf8.Valid(out.Bytes()))
		require.False(t, strings.ContainsFunc(out.String(), func(r rune) bool { return unicode.IsControl(r) && r != '\n' && r != '\t' }))
	})
}
