package workflows

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

// However a job names its files, its judge's sandbox can hold all of them, each under a name of its own.
func TestEvidenceNamesFitASandbox(t *testing.T) {
	require.Equal(t, "/home/daytona/out/a.txt", evidenceName("/home/daytona/out/../out/a.txt", nil))
	rapid.Check(t, func(t *rapid.T) {
		part := rapid.OneOf(rapid.SampledFrom([]string{"a", "..", ".", "%01", strings.Repeat("%01", 100), strings.Repeat("x", 255)}), rapid.String())
		seen := map[string]bool{}
		for _, given := range rapid.SliceOf(rapid.SliceOfN(part, 1, 40)).Draw(t, "paths") {
			name := evidenceName(strings.Join(given, "/"), seen)
			require.False(t, seen[name])
			seen[name] = true
			require.True(t, strings.HasPrefix(name, "/"))
			require.LessOrEqual(t, len(name), maxEvidencePath)
			for part := range strings.SplitSeq(name, "/") {
				require.LessOrEqual(t, len(part), 255)
				require.NotEqual(t, "..", part)
			}
		}
	})
}
