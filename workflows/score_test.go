package workflows

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

// However a job names its files, its judge's sandbox can hold all of them, each under a name of its own.
func TestEvidenceNamesFitASandbox(t *testing.T) {
	given := func() evidenceNames { return evidenceNames{map[string]bool{}, map[string]bool{}} }
	require.Equal(t, "/home/daytona/out/a.txt", given().give("/home/daytona/out/../out/a.txt"))
	rapid.Check(t, func(t *rapid.T) {
		part := rapid.OneOf(rapid.SampledFrom([]string{"a", "b", "..", ".", "renamed", strings.Repeat("%01", 100), strings.Repeat("x", 255)}), rapid.String())
		names, files := given(), map[string]bool{}
		for _, parts := range rapid.SliceOf(rapid.SliceOfN(part, 1, 40)).Draw(t, "paths") {
			name := names.give(strings.Join(parts, "/"))
			require.True(t, strings.HasPrefix(name, "/") && name != "/")
			require.LessOrEqual(t, len(name), maxEvidencePath)
			for other := range files {
				require.False(t, name == other || strings.HasPrefix(name, other+"/") || strings.HasPrefix(other, name+"/"), "%q and %q", name, other)
			}
			files[name] = true
			for part := range strings.SplitSeq(name, "/") {
				require.LessOrEqual(t, len(part), 255)
				require.NotEqual(t, "..", part)
			}
		}
	})
}
