package retention_test

import (
	"context"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"pitwall/internal/artifact"
	"pitwall/internal/results"
	"pitwall/internal/retention"
	"pitwall/internal/spec"
	"pitwall/test/fakes3"
)

const day = 24 * time.Hour

var now = time.Date(2026, 11, 26, 3, 0, 0, 0, time.UTC)

type records struct {
	t     require.TestingT
	store *artifact.Store
}

func newRecords(t *testing.T, url string) records {
	t.Helper()
	store, err := artifact.Open(t.Context(), url)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, store.Close()) })
	return records{t, store}
}

// campaign writes one that ended some days ago (-1: it has not), with three objects beside manifest and summary.
func (r records) campaign(name string, ended int, retain time.Duration) {
	ctx := context.Background()
	header := results.Header{Campaign: name, Effective: spec.CampaignInput{Name: name, Retain: spec.Duration(retain)}}
	_, _, err := results.WriteManifest(ctx, r.store, header, func(func(results.Trial, error) bool) {})
	require.NoError(r.t, err)
	for i := range 3 {
		_, err := r.store.Put(ctx, fmt.Sprintf("%s/trials/s/%d/result.json", artifact.Campaign(name), i), strings.NewReader("{}"), 10)
		require.NoError(r.t, err)
	}
	if ended >= 0 {
		_, err = results.WriteSummary(ctx, r.store, spec.CampaignResult{Campaign: name, FinishedAt: now.Add(-time.Duration(ended) * day)})
		require.NoError(r.t, err)
	}
}

func (r records) eval(id string, ended int) {
	_, err := r.store.PutJSON(context.Background(), artifact.Result(artifact.EvalPrefix(id)), spec.EvalResult{EvalID: id, FinishedAt: now.Add(-time.Duration(ended) * day)})
	require.NoError(r.t, err)
}

func (r records) run(pass retention.Pass) retention.Report {
	pass.Store = r.store
	if pass.Now.IsZero() {
		pass.Now = now
	}
	report, err := pass.Run(context.Background())
	require.NoError(r.t, err)
	return report
}

func (r records) keys(prefix string) []string {
	var keys []string
	for entry, err := range r.store.List(context.Background(), prefix) {
		require.NoError(r.t, err)
		keys = append(keys, entry.Key)
	}
	return keys
}

func (r records) exists(campaign string) bool {
	_, err := results.ReadHeader(context.Background(), r.store, campaign)
	if err != nil {
		require.ErrorIs(r.t, err, artifact.ErrNotFound)
	}
	return err == nil
}

func TestWhatHasExpiredIsRemovedAndNothingElse(t *testing.T) {
	dir := t.TempDir()
	t.Run("folder", func(t *testing.T) {
		removesWhatHasExpired(t, "file://"+dir)
		_, err := os.Stat(dir + "/campaigns/old")
		require.ErrorIs(t, err, os.ErrNotExist, "no empty folder is left")
	})
	t.Run("bucket", func(t *testing.T) { removesWhatHasExpired(t, fakes3.Start(t)) })
}

func removesWhatHasExpired(t *testing.T, url string) {
	r := newRecords(t, url)
	r.campaign("old", 40, 30*day)
	r.campaign("young", 20, 30*day)
	r.campaign("for-ever", 4000, 0)
	r.campaign("pinned", 40, 30*day)
	r.campaign("baseline", 40, 30*day)
	r.campaign("unfinished", -1, 30*day)
	r.campaign("repaired", 40, 30*day)
	r.campaign("repaired/retry-1", 5, 30*day)
	_, err := r.store.PutBlob(t.Context(), strings.NewReader("a dataset"), 100)
	require.NoError(t, err)
	require.NoError(t, retention.WritePin(t.Context(), r.store, retention.Pin{Campaign: "pinned", Reason: "the paper"}))
	require.NoError(t, retention.WriteBaseline(t.Context(), r.store, retention.Baseline{Name: "nightly", Campaign: "baseline"}))

	dry := r.run(retention.Pass{DryRun: true})
	require.Equal(t, 1, dry.Removed)
	require.True(t, r.exists("old"))
	done := r.run(retention.Pass{})
	require.Equal(t, dry.Decisions, done.Decisions, "the dry run says what is done")
	require.Equal(t, retention.Decision{Campaign: "old", Remove: true, Reason: done.Decisions[0].Reason, Objects: 5, Bytes: done.Bytes}, done.Decisions[0])
	require.False(t, r.exists("old"))
	for _, kept := range []string{"young", "for-ever", "pinned", "baseline", "unfinished", "repaired", "repaired/retry-1"} {
		require.True(t, r.exists(kept), kept)
	}
	require.Len(t, r.keys("blobs/"), 1)
	deleted, err := retention.ReadDeleted(t.Context(), r.store, "old")
	require.NoError(t, err)
	require.True(t, deleted.Complete)
	require.Equal(t, 5, deleted.Objects)
	require.Zero(t, r.run(retention.Pass{}).Removed, "a second pass finds nothing")

	require.NoError(t, retention.RemovePin(t.Context(), r.store, "pinned"))
	require.Equal(t, 1, r.run(retention.Pass{}).Removed)
	require.False(t, r.exists("pinned"))
	require.Equal(t, 2, r.run(retention.Pass{Now: now.Add(26 * day)}).Removed, "young and repaired")
}

func TestEvalsOfNoCampaignHaveTheOperatorsClass(t *testing.T) {
	t.Parallel()
	r := newRecords(t, "mem://")
	r.eval("old", 8)
	r.eval("young", 6)
	require.Zero(t, r.run(retention.Pass{}).Removed, "for ever")
	report := r.run(retention.Pass{Retain: 7 * day})
	require.Equal(t, 1, report.Removed)
	require.Equal(t, []string{"evals/young/result.json"}, r.keys("evals/"))
}

func TestAPassThatBreaksOffIsFinishedByTheNext(t *testing.T) {
	t.Parallel()
	r := newRecords(t, "mem://")
	r.campaign("a", 40, day)
	r.campaign("b", 40, day)
	passes := 0
	for more := true; more; passes++ {
		more = r.run(retention.Pass{Limit: 2}).More
		require.Less(t, passes, 20)
	}
	require.Greater(t, passes, 2)
	require.Empty(t, r.keys("campaigns/"))
	deleted, err := retention.ReadDeleted(t.Context(), r.store, "a")
	require.NoError(t, err)
	require.True(t, deleted.Complete)
}

func TestWhatCannotBeReadIsKept(t *testing.T) {
	t.Parallel()
	r := newRecords(t, "mem://")
	r.campaign("a", 40, day)
	_, err := r.store.Overwrite(t.Context(), artifact.Manifest("a"), strings.NewReader("no manifest\n"), 100)
	require.NoError(t, err)
	require.Equal(t, 1, r.run(retention.Pass{}).Unread)
	r.campaign("b", 40, day)
	_, err = r.store.Overwrite(t.Context(), "pins/x.json", strings.NewReader("half of a p"), 100)
	require.NoError(t, err)
	_, err = retention.Pass{Store: r.store, Now: now}.Run(t.Context())
	require.ErrorContains(t, err, "pins/x.json")
	require.True(t, r.exists("b"), "what an unread pin keeps is not known")
}

// Whatever there is, a pass removes just what has expired and nobody keeps, also cut into any number of passes.
func TestNothingThatIsKeptIsEverRemoved(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		store, err := artifact.Open(context.Background(), "mem://")
		require.NoError(t, err)
		defer store.Close()
		r := records{t, store}
		operators := time.Duration(rapid.IntRange(0, 10).Draw(t, "operator's days")) * day
		var want []string
		for i := range rapid.IntRange(0, 6).Draw(t, "campaigns") {
			name := fmt.Sprintf("c%d", i)
			ended, days := rapid.IntRange(-1, 20).Draw(t, "ended"), rapid.IntRange(0, 20).Draw(t, "retain")
			r.campaign(name, ended, time.Duration(days)*day)
			retain, kept := time.Duration(days)*day, ended < 0
			if days == 0 {
				retain = operators
			}
			if rapid.Bool().Draw(t, "pinned") {
				kept = true
				require.NoError(t, retention.WritePin(context.Background(), store, retention.Pin{Campaign: name + "/retry-3"}))
			}
			if rapid.Bool().Draw(t, "baseline") {
				kept = true
				require.NoError(t, retention.WriteBaseline(context.Background(), store, retention.Baseline{Name: name, Campaign: name}))
			}
			if kept || retain == 0 || time.Duration(ended)*day < retain {
				want = append(want, name)
			}
		}
		for range rapid.IntRange(1, 40).Draw(t, "passes") {
			r.run(retention.Pass{Retain: operators, Limit: rapid.IntRange(1, 10).Draw(t, "limit")})
		}
		require.False(t, r.run(retention.Pass{Retain: operators}).More)
		var left []string
		for campaign, err := range results.Campaigns(context.Background(), store) {
			require.NoError(t, err)
			left = append(left, campaign.Campaign)
		}
		slices.Sort(want)
		require.Equal(t, want, left)
	})
}

func TestTheBaselineThatACampaignNamesIsKept(t *testing.T) {
	r := newRecords(t, "mem://")
	r.campaign("golden", 40, 30*day)
	header := results.Header{Campaign: "night", Effective: spec.CampaignInput{Name: "night", Baseline: "golden"}}
	_, _, err := results.WriteManifest(t.Context(), r.store, header, func(func(results.Trial, error) bool) {})
	require.NoError(t, err)
	report := r.run(retention.Pass{})
	require.True(t, r.exists("golden"))
	require.Contains(t, report.Decisions, retention.Decision{Campaign: "golden", Reason: "kept by night, whose baseline it is"})
}

func TestTheMarkCountsWhatAllPassesRemoved(t *testing.T) {
	r := newRecords(t, "mem://")
	r.campaign("old", 100, 24*time.Hour)
	n := len(r.keys("campaigns/"))
	passes := 1
	for ; r.run(retention.Pass{Limit: 1}).More; passes++ {
		require.Less(t, passes, n+1)
	}
	require.Greater(t, passes, 1)
	require.Empty(t, r.keys("campaigns/"))
	deleted, err := retention.ReadDeleted(t.Context(), r.store, "old")
	require.NoError(t, err)
	require.Equal(t, []any{n, true}, []any{deleted.Objects, deleted.Complete})
}

// A campaign that is started again under its name is no longer what ended long ago.
func TestACampaignThatRunsAgainIsKept(t *testing.T) {
	r := newRecords(t, "mem://")
	r.campaign("c", 40, 30*24*time.Hour)
	require.NoError(t, r.store.Delete(t.Context(), artifact.Summary("c"))) // as PrepareCampaign does
	r.run(retention.Pass{})
	require.True(t, r.exists("c"))
}
