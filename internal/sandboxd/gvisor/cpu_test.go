//go:build linux

package gvisor

import (
	"fmt"
	"os"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// cpuSeconds is what a process and its children used of the CPUs.
func cpuSeconds(t *testing.T, pid int) float64 {
	t.Helper()
	total := 0.0
	for _, p := range descendants(pid) {
		text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", p))
		if err != nil {
			continue
		}
		_, rest, _ := strings.Cut(string(text), ") ")
		fields := strings.Fields(rest)
		require.Greater(t, len(fields), 14)
		for _, i := range []int{11, 12, 13, 14} {
			ticks, err := strconv.ParseFloat(fields[i], 64)
			require.NoError(t, err)
			total += ticks / 100
		}
	}
	return total
}
