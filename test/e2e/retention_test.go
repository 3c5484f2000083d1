//go:build linux

package e2e

import (
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"pitwall/internal/results"
	"pitwall/internal/retention"
	"pitwall/test/harness"
	"pitwall/workflows"
)

// A campaign whose time is over is removed by a worker, said why before and after, and a pinned one stays.
func TestExpiredCampaignsAreRemoved(t *testing.T) {
	s := harness.Start(t, harness.Options{})
	dir := t.TempDir()
	file := filepath.Join(dir, "campaign.yaml")
	require.NoError(t, os.WriteFile(file, []byte("retain: 1d\ndataset: {uri: data.jsonl}\neval: {job: {steps: [{command: echo hello}]}}\n"), 0o600))
	require.NoError(t, os.WriteFile(filepath.Join(dir, "data.jsonl"), []byte("{\"id\": \"a\"}\n"), 0o600))
	for _, name := range []string{"short", "pinned"} {
		_, code := s.RunCampaign(file, "--name", name)
		require.Zero(t, code)
		summary, err := results.ReadSummary(t.Context(), s.Store, name)
		require.NoError(t, err)
		require.Contains(t, pass(t, s, "--dry-run")[name].Reason, "kept until")
		summary.FinishedAt = summary.FinishedAt.Add(-25 * time.Hour)
		_, err = results.WriteSummary(t.Context(), s.Store, summary)
		require.NoError(t, err)
	}
	_, errOut, code := s.Starter("campaign", "pin", "pinned", "--reason", "the paper")
	require.Zero(t, code, errOut)

	dry := pass(t, s, "--dry-run")
	require.True(t, dry["short"].Remove)
	require.Equal(t, "kept by a pin: the paper", dry["pinned"].Reason)
	_, errOut, code = s.Starter("campaign", "results", "short")
	require.Zero(t, code, errOut)
	require.Equal(t, dry, pass(t, s))
	_, errOut, code = s.Starter("campaign", "results", "short")
	require.Equal(t, 3, code)
	require.Contains(t, errOut, "the records of campaign short were removed on ")
	_, errOut, code = s.Starter("campaign", "results", "pinned")
	require.Zero(t, code, errOut)

	scheduled := s.Temporal.ScheduleClient().GetHandle(context.Background(), workflows.RetentionScheduleID)
	described, err := scheduled.Describe(t.Context())
	require.NoError(t, err)
	require.Equal(t, 24*time.Hour, described.Schedule.Spec.Intervals[0].Every)
}

func pass(t *testing.T, s *harness.Stack, flags ...string) map[string]retention.Decision {
	t.Helper()
	out, errOut, code := s.Starter(append([]string{"retention", "run", "-o", "json"}, flags...)...)
	require.Zero(t, code, errOut)
	var report retention.Report
	require.NoError(t, json.Unmarshal([]byte(out), &report))
	decisions := map[string]retention.Decision{}
	for _, decision := range report.Decisions {
		decisions[decision.Campaign] = decision
	}
	return decisions
}
