//go:build linux

package e2e

import (
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"pitwall/internal/results"
	"pitwall/internal/retention"
	"pitwall/internal/spec"
	"pitwall/test/harness"
)

type describedSchedule struct {
	ID, Note, Overlap, Jitter string
	TimeZone                  string `json:"time_zone"`
	CatchUpWindow             string `json:"catch_up_window"`
	PauseOnFailure            bool   `json:"pause_on_failure"`
	Paused                    bool
	Next                      []time.Time
	NStarted                  int `json:"n_started"`
}

// A schedule's whole life by the command line; its campaigns run.
func TestSchedulesByTheCommandLine(t *testing.T) {
	s := harness.Start(t, harness.Options{})
	dir := t.TempDir()
	file := filepath.Join(dir, "night.yaml")
	require.NoError(t, os.WriteFile(file, []byte("dataset: {uri: data.jsonl}\neval: {job: {steps: [{command: echo hello}]}}\n"), 0o600))
	require.NoError(t, os.WriteFile(filepath.Join(dir, "data.jsonl"), []byte("{\"id\": \"a\"}\n"), 0o600))
	starter := func(args ...string) string {
		t.Helper()
		out, errOut, code := s.Starter(append(args, "-o", "json")...)
		require.Zero(t, code, errOut)
		return out
	}
	describe := func() describedSchedule {
		t.Helper()
		var described describedSchedule
		require.NoError(t, json.Unmarshal([]byte(starter("schedule", "describe", "night")), &described))
		return described
	}
	example, code := s.RunCampaign("examples/nightly/campaign.yaml", "--name", "example")
	require.NotEqual(t, 2, code, example.Reasons)
	require.Equal(t, []int{6, 6, 1, 0}, []int{example.NTotal, example.NScored, example.NCanary, example.CanariesFailed}, example.Reasons)

	var report struct{ Verdict string }
	text, errOut, reportCode := s.Starter("report", "example", "--format", "json")
	require.Zero(t, reportCode, errOut)
	require.NoError(t, json.Unmarshal([]byte(text), &report))
	require.Equal(t, example.Verdict, report.Verdict, "the first night of its series")

	passed := 0
	if code == 0 {
		passed = 1
	}
	starter("schedule", "create", file, "--name", "night", "--cron", "0 3 * * *", "--time-zone", "Europe/Berlin", "--jitter", "10m")
	described := describe()
	require.Equal(t, describedSchedule{
		ID: "campaign-schedule/night", Note: "starts " + file, Overlap: "buffer-one", Jitter: "10m0s", TimeZone: "Europe/Berlin",
		CatchUpWindow: "12h0m0s", Next: described.Next,
	}, described)
	require.GreaterOrEqual(t, len(described.Next), 2)
	berlin, err := time.LoadLocation("Europe/Berlin")
	require.NoError(t, err)
	require.Equal(t, 3, described.Next[0].In(berlin).Hour())

	starter("schedule", "pause", "night", "--note", "on holiday")
	require.True(t, describe().Paused)
	require.Equal(t, "on holiday", describe().Note)
	starter("schedule", "update", file, "--name", "night", "--cron", "0 4 * * *", "--overlap", "skip", "--pause-on-failure", "--note", "later")
	described = describe()
	require.True(t, described.Paused, "an update does not unpause")
	require.Equal(t, []any{"skip", true, "later", 4, "10m0s"}, []any{described.Overlap, described.PauseOnFailure, described.Note, described.Next[0].In(berlin).Hour(), described.Jitter},
		"what is not said stays")
	require.Contains(t, starter("schedule", "update", file, "--name", "night"), `"paused": true`)
	starter("schedule", "unpause", "night")
	require.False(t, describe().Paused)
	require.Equal(t, []any{"later", 4}, []any{describe().Note, describe().Next[0].In(berlin).Hour()})

	var triggered struct {
		WorkflowID string `json:"workflow_id"`
	}
	require.NoError(t, json.Unmarshal([]byte(starter("schedule", "trigger", "night")), &triggered))
	require.Regexp(t, `^campaign/night-\d{4}-`, triggered.WorkflowID)
	for range 2 { // it runs; it has finished
		require.Contains(t, starter("campaign", "wait", triggered.WorkflowID), `"PASS"`)
	}
	first := starter("schedule", "trigger", "night")
	require.NotEqual(t, first, starter("schedule", "trigger", "night"), "two within a second are two")
	starter("schedule", "backfill", "night", "--from", "2026-11-20T00:00:00Z", "--to", "2026-11-21T23:00:00Z")
	s.Eventually("five campaigns have passed", func(context.Context) bool {
		return strings.Count(starter("campaign", "list", "--all"), `"PASS"`) == 5+passed
	})
	require.Equal(t, 5, describe().NStarted)
	for problem, args := range map[string][]string{
		"no schedule nope":     {"schedule", "trigger", "nope"},
		"has not come yet":     {"schedule", "backfill", "night", "--from", "2026-11-20T00:00:00Z", "--to", time.Now().Add(time.Hour).UTC().Format(time.RFC3339)},
		"at most 31 days":      {"schedule", "backfill", "night", "--from", "2026-01-01T00:00:00Z", "--to", "2026-11-21T23:00:00Z"},
		`--overlap "both"`:     {"schedule", "create", file, "--name", "b", "--cron", "0 3 * * *", "--overlap", "both"},
		"schedule update FILE": {"schedule", "create", file, "--name", "night", "--cron", "0 3 * * *"},
	} {
		_, errOut, code := s.Starter(args...)
		require.Equal(t, 3, code, errOut)
		require.Contains(t, errOut, problem)
	}
	_, errOut, code = s.Starter("campaign", "wait", "nope")
	require.Equal(t, 3, code, errOut)

	dated := filepath.Join(dir, "dated.yaml")
	require.NoError(t, os.WriteFile(dated, []byte("dataset: {uri: \"store:{date}.jsonl\"}\nseries: dated\neval: {job: {steps: [{command: echo hello}]}}\n"), 0o600))
	for date, rows := range map[string]string{"2026-11-20": `{"id": "a"}`, "2026-11-21": "{\"id\": \"a\"}\n{\"id\": \"b\"}"} {
		_, err := s.Store.Put(t.Context(), date+".jsonl", strings.NewReader(rows), 100)
		require.NoError(t, err)
	}
	starter("schedule", "create", dated, "--name", "dated", "--cron", "0 3 * * *")
	for _, from := range []string{"2026-11-21T00:00:00Z", "2026-11-20T00:00:00Z"} { // the later night first
		starter("schedule", "backfill", "dated", "--from", from, "--to", strings.Replace(from, "T00", "T23", 1))
		night := strings.Replace(from, "T00:00:00Z", "T03:00:00Z", 1)
		var summary spec.CampaignResult
		s.Eventually("the night has passed", func(ctx context.Context) bool {
			var err error
			summary, err = results.ReadSummary(ctx, s.Store, "dated-"+strings.ReplaceAll(night, ":", ""))
			return err == nil
		})
		require.Equal(t, night, summary.ScheduledAt.Format(time.RFC3339), "a backfill reads the file of its night")
		require.Equal(t, []any{strings.Count(night, "21T") + 1, spec.VerdictPass}, []any{summary.NTotal, summary.Verdict})
	}
	leads, err := retention.ReadBaseline(t.Context(), s.Store, "dated")
	require.NoError(t, err)
	require.Equal(t, "dated-2026-11-21T030000Z", leads.Campaign, "and does not take the place of a later one")

	bad := filepath.Join(dir, "bad.yaml")
	require.NoError(t, os.WriteFile(bad, []byte("dataset: {uri: data.jsonl}\neval: {job: {steps: [{command: \"false\"}]}}\ngate: {min_accuracy: 1}\n"), 0o600))
	starter("schedule", "create", bad, "--name", "bad", "--cron", "0 3 * * *")
	out, errOut, code := s.Starter("schedule", "trigger", "bad", "--wait")
	require.Equal(t, 1, code, errOut)
	require.Contains(t, out, "FAIL  campaign bad-")

	starter("schedule", "delete", "night")
	_, _, code = s.Starter("schedule", "describe", "night")
	require.Equal(t, 3, code)
}
