package main

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"pitwall/workflows"
)

func TestFollowViewSaysRateIntervalAndWhatWentWrong(t *testing.T) {
	progress := workflows.CampaignProgress{
		Phase: "running", Total: 100, Breaker: "infrastructure broke 15 of the last 20 trials",
		Counts: workflows.Counts{
			Started: 44, Finished: 40, Passed: 8, Failed: 2, Errors: 30,
			LastErrors: []string{"s1, epoch 1: SandboxLost"}, LastFailed: []string{"s2, epoch 1"},
			Slowest: []workflows.SlowTrial{{Trial: "s3, epoch 1", DurationMS: 61_000}},
		},
	}
	text := strings.Join(followView(progress, 20, 10*time.Second, 4), "\n")
	for _, want := range []string{
		"40/100", "2.00 trials/s, about 30s left", "0.800 (95 %: 0.490 to 0.943) of 10 scored", "4, by all campaigns", "SandboxLost",
		"s2, epoch 1", "s3, epoch 1", "15 of the last 20", "4 under way",
	} {
		require.Contains(t, text, want)
	}
}

// Names come from datasets and sandboxes: nothing in them moves the cursor or makes a line of its own.
func TestFollowViewIsInert(t *testing.T) {
	hostile := "\x1b[2J\r\n\u202eowned" + strings.Repeat("x", 500)
	progress := workflows.CampaignProgress{
		Phase: "running", Total: 2,
		Counts: workflows.Counts{LastErrors: []string{hostile}, LastFailed: []string{hostile}, Slowest: []workflows.SlowTrial{{Trial: hostile}}},
	}
	for _, line := range followView(progress, 0, 0, -1) {
		require.NotContains(t, line, "\x1b")
		require.NotContains(t, line, "\n")
		require.NotContains(t, line, "\u202e")
		require.LessOrEqual(t, len([]rune(line)), 120)
	}
}
