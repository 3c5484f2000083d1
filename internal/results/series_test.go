package results_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"pitwall/internal/artifact"
	"pitwall/internal/results"
	"pitwall/internal/spec"
)

func TestSeriesName(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]string{
		"nightly-2026-11-22T030000Z":         "nightly",
		"nightly-2026-11-22T030000Z/retry-1": "nightly",
		"humaneval-20261122-030000":          "humaneval",
		"release-1":                          "release-1",
		"a/b-20261122-030000":                "a/b",
	} {
		require.Equal(t, want, results.SeriesName(name), name)
	}
}

func TestSeriesIsWhatCameBeforeUnderTheSameName(t *testing.T) {
	everyStore(t, func(t *testing.T, store *artifact.Store) {
		night := func(name string, day int, finished bool) {
			manifest(t, store, name, "x")
			if !finished {
				return
			}
			_, err := results.WriteSummary(t.Context(), store, spec.CampaignResult{Campaign: name, StartedAt: time.Date(2026, 11, day, 3, 0, 0, 0, time.UTC)})
			require.NoError(t, err)
		}
		night("us/nightly-2026-11-20T030000Z", 20, true)
		night("us/nightly-2026-11-21T030000Z", 21, true)
		night("us/nightly-2026-11-22T030000Z", 22, true)
		night("us/nightly-2026-11-23T030000Z", 23, true)
		night("us/nightly-2026-11-24T030000Z", 24, false)
		backfilled := spec.CampaignResult{
			Campaign: "us/nightly-2026-11-19T030000Z", ScheduledAt: time.Date(2026, 11, 19, 3, 0, 0, 0, time.UTC), StartedAt: time.Date(2026, 11, 22, 9, 0, 0, 0, time.UTC),
		}
		manifest(t, store, backfilled.Campaign, "x")
		_, err := results.WriteSummary(t.Context(), store, backfilled)
		require.NoError(t, err)
		night("us/nightly-b-2026-11-22T030000Z", 22, true)
		night("other", 22, true)
		of := func(name string, most int) []string {
			campaign, err := results.ReadCampaign(t.Context(), store, name)
			require.NoError(t, err)
			series, err := results.Series(t.Context(), store, campaign, most)
			require.NoError(t, err)
			names := []string{}
			for _, one := range series {
				names = append(names, one.Campaign)
			}
			return names
		}
		require.Equal(t, []string{
			"us/nightly-2026-11-19T030000Z", "us/nightly-2026-11-20T030000Z", "us/nightly-2026-11-21T030000Z", "us/nightly-2026-11-22T030000Z",
		}, of("us/nightly-2026-11-22T030000Z", 10))
		require.Equal(t, []string{"us/nightly-2026-11-19T030000Z"}, of("us/nightly-2026-11-19T030000Z", 10), "a backfill comes at its night")
		require.Equal(t, []string{"us/nightly-2026-11-21T030000Z", "us/nightly-2026-11-22T030000Z"}, of("us/nightly-2026-11-22T030000Z", 2))
		require.Len(t, of("us/nightly-2026-11-24T030000Z", 10), 5, "one that runs has all others before it")
		require.Equal(t, []string{"other"}, of("other", 10))
	})
}

func TestDetailsAreRowsWithTheirResults(t *testing.T) {
	everyStore(t, func(t *testing.T, store *artifact.Store) {
		manifest(t, store, "night", "a", "b")
		finish(t, store, "night", "a", 0, "passed")
		judge := &spec.Scorer{Type: spec.ScorerExitCode}
		rescored, _, err := results.Rescore(t.Context(), store, results.Campaign{Header: results.Header{Campaign: "night"}}, judge, func(spec.TrialRow) {})
		require.NoError(t, err)
		for _, campaign := range []string{"night", rescored} {
			var details []results.Detail
			for detail, err := range results.Details(t.Context(), store, campaign, results.MissingInfra) {
				require.NoError(t, err)
				details = append(details, detail)
			}
			require.Len(t, details, 2, campaign)
			require.Equal(t, campaign, details[0].Row.Campaign)
			require.Equal(t, "echo 0", details[0].Trial.Input.Job.Steps[0].Command)
			require.NotNil(t, details[0].Result)
			require.Equal(t, campaign == "night", details[0].Result.Score != nil)
			require.Nil(t, details[1].Result)
		}
		for _, err := range results.Details(t.Context(), store, "none", results.MissingInfra) {
			require.ErrorIs(t, err, artifact.ErrNotFound)
		}
	})
}

// The report of an older night shows the nights before it, however many came after.
func TestSeriesOfAnOldNight(t *testing.T) {
	store, err := artifact.Open(t.Context(), "mem://")
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, store.Close()) })
	first := time.Date(2025, 1, 1, 3, 0, 0, 0, time.UTC)
	name := func(night int) string { return "nightly-" + first.AddDate(0, 0, night).Format("2006-01-02T150405Z") }
	for night := range 400 {
		_, _, err := results.WriteManifest(t.Context(), store, results.Header{Campaign: name(night)}, func(func(results.Trial, error) bool) {})
		require.NoError(t, err)
		_, err = results.WriteSummary(t.Context(), store, spec.CampaignResult{Campaign: name(night), StartedAt: first.AddDate(0, 0, night)})
		require.NoError(t, err)
	}
	for _, campaign := range []string{name(30), artifact.Retry(name(30), 1)} {
		old := results.Campaign{Header: results.Header{Campaign: campaign}, Summary: &spec.CampaignResult{StartedAt: first.AddDate(0, 0, 30)}}
		found, err := results.Series(t.Context(), store, old, 60)
		require.NoError(t, err)
		require.Len(t, found, 31)
		require.Equal(t, name(30), found[30].Campaign)
	}
}
