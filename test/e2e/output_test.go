//go:build linux

package e2e

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"pitwall/internal/spec"
	"pitwall/test/harness"
)

// A job that writes far more than is kept costs the worker neither memory nor disk, whether by a command or by code, in lines
// or in one; and what is kept can be fetched.
func TestAFloodOfOutputIsKeptUpToItsCap(t *testing.T) {
	const flood, limit = 256 << 20, 4 << 20
	s := harness.Start(t, harness.Options{})
	in := harness.Command("head -c 268435456 /dev/zero | tr '\\0' x; echo done >&2")
	in.Job.MaxOutputBytes = limit
	in.Job.Steps[0].Name = "line"
	in.Job.Steps = append(in.Job.Steps, spec.Step{Name: "lines", Code: `
for _ in range(1 << 12):
    print(("y" * 63 + "\n") * (1 << 10), end="")
`})
	before := s.Workers[0].PeakMemory()
	result := s.Result(s.Run("flood", in))
	require.Equal(t, spec.StatusCompleted, result.Status, "%+v", result.Error)
	require.True(t, result.Score.Passed)
	require.Less(t, s.Workers[0].PeakMemory()-before, int64(flood/2), "the worker's memory does not grow with the output")
	require.Less(t, sizeOf(t, s.StoreDir()), int64(3*limit), "the store has what is kept, and little more")

	kept := map[string][]byte{
		"line":  []byte(strings.Repeat("x", limit)),
		"lines": []byte(strings.Repeat(strings.Repeat("y", 63)+"\n", limit/64)),
	}
	for i, name := range []string{"line", "lines"} {
		stream := result.Job.Steps[i].Stdout
		require.Equal(t, int64(flood), stream.BytesTotal)
		require.LessOrEqual(t, stream.BytesKept, int64(limit))
		require.Greater(t, stream.BytesKept, int64(limit-128), "but for what may be the start of a secret")
		kept[name] = kept[name][:stream.BytesKept]
		require.True(t, stream.Truncated)
		require.Equal(t, digestOf(string(kept[name])), stream.SHA256)
		require.Equal(t, string(kept[name][stream.BytesKept-spec.TailBytes:]), stream.Tail)
		require.True(t, stream.TailCut)
	}
	require.Equal(t, "done\n", result.Job.Steps[0].Stderr.Tail)
	require.False(t, result.Job.Steps[0].Stderr.TailCut)

	dir := t.TempDir()
	out, errOut, code := s.Starter("artifacts", "get", "flood", "--dir", dir, "-o", "json")
	require.Zero(t, code, errOut)
	var fetched []struct{ Path, File, SHA256 string }
	require.NoError(t, json.Unmarshal([]byte(out), &fetched))
	require.Len(t, fetched, 3)
	for i, name := range []string{"line", "lines"} {
		data, err := os.ReadFile(filepath.Join(dir, "streams", name, "stdout"))
		require.NoError(t, err)
		require.Equal(t, result.Job.Steps[i].Stdout.SHA256, digestOf(string(data)))
	}
	out, errOut, code = s.Starter("artifacts", "list", "flood")
	require.Zero(t, code, errOut)
	require.Contains(t, out, "truncated: the step wrote 268435456 bytes")
	require.Contains(t, out, "streams/line/stderr")
}

func sizeOf(t *testing.T, dir string) int64 {
	var total int64
	require.NoError(t, filepath.WalkDir(dir, func(_ string, entry os.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		info, err := entry.Info()
		if err == nil {
			total += info.Size()
		}
		return err
	}))
	return total
}
