package visible_test

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"pitwall/internal/visible"
)

// What is read is what was written, and nothing hidden stands in the document.
func TestJSONIsVisibleAndTheSame(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		hidden := rapid.SampledFrom([]string{"\u009b2J", "\x7f", "\u202e", "\u2028", "\U000e0001", "\r\n\t", "\x00", "é😀", `"\`})
		text := strings.Join(rapid.SliceOf(rapid.OneOf(hidden, rapid.String())).Draw(t, "parts"), "")
		text = strings.ToValidUTF8(text, "?")
		var out bytes.Buffer
		encoder := json.NewEncoder(visible.JSON(&out))
		encoder.SetIndent("", "  ")
		require.NoError(t, encoder.Encode(map[string]string{text: text}))
		var got map[string]string
		require.NoError(t, json.Unmarshal(out.Bytes(), &got))
		require.Equal(t, map[string]string{text: text}, got)
		require.Equal(t, out.String(), visible.Text(out.String()), "nothing is hidden")
	})
}
