package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/spf13/pflag"
	"github.com/stretchr/testify/require"
	"go.temporal.io/api/enums/v1"
	"go.temporal.io/sdk/client"

	"pitwall/internal/spec"
)

// What an update does not say stays as it was, the reason of a pause included.
func TestUpdateKeepsWhatIsNotSaid(t *testing.T) {
	was := func() *client.Schedule {
		return &client.Schedule{
			Spec:   &client.ScheduleSpec{Calendars: []client.ScheduleCalendarSpec{{Comment: "0 3 * * *"}}, TimeZoneName: "Europe/Berlin", Jitter: time.Minute},
			Policy: &client.SchedulePolicies{Overlap: enums.SCHEDULE_OVERLAP_POLICY_SKIP, CatchupWindow: time.Hour, PauseOnFailure: true},
			State:  &client.ScheduleState{Paused: true, Note: "broken image"},
		}
	}
	changed := func(args ...string) *client.Schedule {
		var when timing
		flags := pflag.NewFlagSet("update", pflag.ContinueOnError)
		when.bind(flags)
		require.NoError(t, flags.Parse(args))
		require.NoError(t, when.check(false))
		if when.note == "" {
			when.note = "starts night.yaml"
		}
		schedule := was()
		when.change(schedule)
		return schedule
	}
	require.Equal(t, was(), changed())
	want := was()
	want.Spec.CronExpressions, want.Spec.Calendars = []string{"0 4 * * *"}, nil
	require.Equal(t, want, changed("--cron", "0 4 * * *"))
	want = was()
	want.Spec.TimeZoneName, want.Spec.Jitter, want.Policy.PauseOnFailure, want.State.Note = "UTC", 0, false, "mended"
	require.Equal(t, want, changed("--time-zone", "UTC", "--jitter", "0", "--pause-on-failure=false", "--note", "mended"))
	running := was()
	running.State = &client.ScheduleState{Note: "owner: team red"}
	own := was()
	own.State = &client.ScheduleState{Note: "starts old.yaml"}
	for schedule, note := range map[*client.Schedule]string{running: "owner: team red", own: "starts night.yaml"} {
		var when timing
		when.bind(pflag.NewFlagSet("update", pflag.ContinueOnError))
		when.note = "starts night.yaml"
		when.change(schedule)
		require.Equal(t, note, schedule.State.Note)
	}
	want = was()
	want.Policy.Overlap, want.Policy.CatchupWindow = enums.SCHEDULE_OVERLAP_POLICY_BUFFER_ONE, time.Minute
	require.Equal(t, want, changed("--overlap", "buffer-one", "--catch-up-window", "1m"))
}

// A schedule's name leaves room for the time of each night.
func TestNamesOfSchedules(t *testing.T) {
	file := filepath.Join(t.TempDir(), "night.yaml")
	require.NoError(t, os.WriteFile(file, []byte("name: old\ndataset: {uri: \"store:d.jsonl\"}\neval: {job: {steps: [{command: echo}]}}\n"), 0o600))
	term, _ := testTerminal()
	for want, options := range map[string]campaignOptions{
		"old": {}, "nightly": {sets: []string{"name=nightly"}}, "flag": {name: "flag", sets: []string{"name=nightly"}}, strings.Repeat("n", 45): {name: strings.Repeat("n", 45)},
	} {
		source, _, err := readCampaign(term, file, options)
		require.NoError(t, err)
		name, err := scheduledName(source, options)
		require.NoError(t, err)
		require.Equal(t, want, name)
	}
	for name, says := range map[string]string{strings.Repeat("n", 46): "a schedule cannot be named", "a/retry-1": "choose one without a slash"} {
		source := specFile{name: file, data: []byte("name: " + name + "\ndataset: {uri: \"store:d.jsonl\"}\neval: {job: {steps: [{command: echo}]}}\n")}
		_, err := scheduledName(source, campaignOptions{})
		require.ErrorContains(t, err, says)
	}
}

func TestBackfillIsOfThePast(t *testing.T) {
	now := time.Now().UTC()
	_, err := backfillSpan(now.Add(-time.Hour).Format(time.RFC3339), now.Add(48*time.Hour).Format(time.RFC3339))
	require.ErrorContains(t, err, "has not come yet")
	_, err = backfillSpan(now.Add(-time.Hour).Format(time.RFC3339), now.Add(-time.Minute).Format(time.RFC3339))
	require.NoError(t, err)
}

func TestFindAsksForWhatAnAttributeHolds(t *testing.T) {
	long := strings.Repeat("s", spec.MaxTextBytes)
	query, err := findFlags{session: long}.query()
	require.NoError(t, err)
	require.Contains(t, query, "'"+long[:250]+"'")
}

func TestReportWithoutAnEndingIsHTML(t *testing.T) {
	term, _ := testTerminal()
	form, err := reportOptions{output: "report"}.form(term)
	require.NoError(t, err)
	require.Equal(t, "html", form.Name)
}

// An eval of no campaign has no trial's ID: its evidence would be looked for among the campaign's.
func TestRunRefusesTheIDOfATrial(t *testing.T) {
	file := filepath.Join(t.TempDir(), "e.yaml")
	require.NoError(t, os.WriteFile(file, []byte("job: {steps: [{command: echo}]}\n"), 0o600))
	term, _ := testTerminal()
	term.environ = []string{"PITWALL_STORE=mem://"}
	require.ErrorContains(t, runEval(t.Context(), term, file, runOptions{id: "eval/pr-12/lint/3"}), "is what a campaign's trial is called")
}

func TestOriginOfAPage(t *testing.T) {
	for page, want := range map[string]string{
		"https://temporal.example": "https://temporal.example", "https://Temporal.example/": "https://temporal.example",
		"http://127.0.0.1:8233/namespaces?x=1": "http://127.0.0.1:8233",
	} {
		got, err := originOf(page)
		require.NoError(t, err)
		require.Equal(t, want, got)
	}
	for _, page := range []string{"temporal.example", "file:///x", "https://"} {
		_, err := originOf(page)
		require.Error(t, err, page)
	}
}
