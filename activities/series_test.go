package activities

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"pitwall/internal/results"
	"pitwall/internal/retention"
	"pitwall/internal/spec"
)

// assemble ends a campaign of one trial, which passed.
func (b campaignBox) assemble(in AssembleResultsInput) spec.CampaignResult {
	b.t.Helper()
	trials := func(yield func(results.Trial, error) bool) { yield(results.Trial{Sample: "a", Epoch: 1}, nil) }
	header := results.Header{Campaign: in.Campaign, DatasetSHA256: "d", Effective: spec.CampaignInput{Series: in.Prepared.Series}}
	_, _, err := results.WriteManifest(b.t.Context(), b.campaigns.Store, header, trials)
	require.NoError(b.t, err)
	in.Missing = results.MissingInfra
	b.put("campaigns/"+in.Campaign+"/trials/a/1/result.json", `{"status": "completed", "score": {"passed": true, "value": 1}}`)
	value, err := activityEnv(b.t, b.campaigns).ExecuteActivity(b.campaigns.AssembleResults, in)
	require.NoError(b.t, err)
	var result spec.CampaignResult
	require.NoError(b.t, value.Get(&result))
	return result
}

// A night that is run late, as a backfill, does not take the place of a later night.
func TestTheLatestNightLeadsItsSeries(t *testing.T) {
	b := newCampaignBox(t)
	night := func(day int) time.Time { return time.Date(2026, 11, day, 3, 0, 0, 0, time.UTC) }
	ends := func(name string, scheduled, started time.Time, status string) string {
		result := b.assemble(AssembleResultsInput{
			Campaign: name, Prepared: PreparedCampaign{Series: "nightly"}, Status: status, ScheduledAt: scheduled, StartedAt: started,
		})
		require.Equal(t, scheduled, result.ScheduledAt)
		led, err := retention.ReadBaseline(t.Context(), b.campaigns.Store, "nightly")
		require.NoError(t, err)
		return led.Campaign
	}
	require.Equal(t, "n26", ends("n26", night(26), night(26).Add(time.Minute), spec.StatusCompleted))
	require.Equal(t, "n26", ends("n1", night(1), night(27), spec.StatusCompleted), "a backfill")
	require.Equal(t, "n26", ends("n27", night(27), night(27), spec.StatusCancelled))
	require.Equal(t, "n28", ends("n28", night(28), night(28), spec.StatusCompleted))
	require.Equal(t, "by-hand", ends("by-hand", time.Time{}, night(28).Add(time.Hour), spec.StatusCompleted))
}

// A campaign that was cancelled is inconclusive, whatever its trials came to.
func TestCancelledCampaignIsInconclusive(t *testing.T) {
	b := newCampaignBox(t)
	result := b.assemble(AssembleResultsInput{Campaign: "c", Status: spec.StatusCancelled})
	require.Equal(t, []any{1, spec.VerdictInconclusive}, []any{result.NPassed, result.Verdict})
	require.NotNil(t, result.Gate)
	require.Equal(t, spec.VerdictPass, b.assemble(AssembleResultsInput{Campaign: "d", Status: spec.StatusCompleted}).Verdict)
}

// The series' baseline may have been started again; tonight is no first night for that.
func TestANightBesideItsBaselineThatRunsAgainIsStillGated(t *testing.T) {
	b := newCampaignBox(t)
	b.put("data.jsonl", rowsOf(2))
	most := 0.02
	in := campaignOn("store:data.jsonl")
	in.Series, in.Gate.MaxRegression = "nightly", &most
	last := PrepareCampaignInput{Campaign: "last", Input: in, StartedAt: boxStart()}
	_, err := b.prepareAs(last)
	require.NoError(t, err)
	_, err = results.WriteSummary(t.Context(), b.campaigns.Store, spec.CampaignResult{Campaign: "last", Status: spec.StatusCompleted, Verdict: spec.VerdictPass, StartedAt: boxStart().UTC()})
	require.NoError(t, err)
	require.NoError(t, retention.WriteBaseline(t.Context(), b.campaigns.Store, retention.Baseline{Name: "nightly", Campaign: "last", At: boxStart()}))
	last.StartedAt = boxStart().Add(48 * time.Hour)
	_, err = b.prepareAs(last)
	require.NoError(t, err)
	tonight, err := b.prepareAs(PrepareCampaignInput{Campaign: "tonight", Input: in, StartedAt: boxStart().Add(48 * time.Hour)})
	require.NoError(t, err)
	require.NotNil(t, tonight.Gate.MaxRegression)
}
