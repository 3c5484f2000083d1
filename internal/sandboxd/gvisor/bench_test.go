//go:build linux

package gvisor

import (
	"fmt"
	"os"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// BenchmarkColdStart measures, for one machine at a time: start until the first command is answered, a second command, and
// delete; p50 and p95 in milliseconds, with the parts of the start.
func BenchmarkColdStart(b *testing.B) {
	dir, err := os.MkdirTemp("", "pw")
	require.NoError(b, err)
	b.Cleanup(func() { _ = os.RemoveAll(dir) })
	r, err := New(b.Context(), Config{RunscPath: os.Getenv("PITWALL_RUNSC"), AgentPath: os.Getenv("PITWALL_TOOLBOX"), StateDir: dir})
	if err != nil {
		b.Skipf("not run: %v (set PITWALL_RUNSC and PITWALL_TOOLBOX)", err)
	}
	b.Cleanup(r.Close)
	series := map[string][]time.Duration{}
	note := func(name string, d time.Duration) { series[name] = append(series[name], d) }
	for i := 0; b.Loop(); i++ {
		id := fmt.Sprint("bench-", i)
		begin := time.Now()
		m, err := r.Start(b.Context(), Spec{ID: id})
		require.NoError(b, err)
		_, _, err = tryRun(b.Context(), m.Socket, "", "true")
		require.NoError(b, err)
		note("first", time.Since(begin))
		note("bundle", m.Timing.Bundle)
		note("launch", m.Timing.Launch)
		note("agent", m.Timing.Agent)
		note("bounds", m.Timing.Bounds)
		again := time.Now()
		_, _, err = tryRun(b.Context(), m.Socket, "", "true")
		require.NoError(b, err)
		note("second", time.Since(again))
		end := time.Now()
		require.NoError(b, r.Delete(b.Context(), id))
		note("delete", time.Since(end))
	}
	for name, values := range series {
		slices.Sort(values)
		b.ReportMetric(float64(values[len(values)/2].Microseconds())/1000, name+"-p50-ms")
		if name == "first" || name == "delete" {
			b.ReportMetric(float64(values[len(values)*95/100].Microseconds())/1000, name+"-p95-ms")
		}
	}
	b.ReportMetric(0, "ns/op")
}
