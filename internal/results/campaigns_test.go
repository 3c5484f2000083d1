package results_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"pitwall/internal/artifact"
	"pitwall/internal/results"
	"pitwall/internal/spec"
	"pitwall/internal/stats"
)

func share(of float64) *float64 { return &of }

// The gate of a summary is the one that its verdict was held against: a night whose baseline was gone at its end is no first one.
func TestGateIsTheOneThatTheVerdictWasHeldAgainst(t *testing.T) {
	asked := spec.Gate{MinAccuracy: share(0.9), MaxRegression: share(0.02)}
	campaign := results.Campaign{Header: results.Header{Campaign: "night", Effective: spec.CampaignInput{Series: "nightly", Gate: asked}}}
	require.Equal(t, asked, campaign.Gate(), "it runs")
	campaign.Summary = &spec.CampaignResult{Gate: &asked}
	require.Equal(t, asked, campaign.Gate(), "its baseline was gone")
	first := spec.Gate{MinAccuracy: share(0.9)}
	campaign.Summary.Gate = &first
	require.Equal(t, first, campaign.Gate())
	campaign.Summary.Gate = nil
	require.Equal(t, first, campaign.Gate(), "a summary that does not say")
	campaign.Campaign, campaign.Summary.Gate = artifact.Rescore("night", 1), &asked
	require.Equal(t, first, campaign.Gate(), "judged again")
}

// A few epochs of a few samples are held against nothing that is asked of all of them.
func TestPartsAreJudgedByTheirTrialsAlone(t *testing.T) {
	in := spec.CampaignInput{Reducer: "pass^4", Gate: spec.Gate{MinAccuracy: share(0.9), MinCoverage: share(0.5), MaxRegression: share(0.02)}}
	whole := results.Header{Effective: in}
	require.Equal(t, "pass^4", whole.Reducer())
	require.Equal(t, in.Gate, whole.Gate())
	for _, part := range []spec.CampaignInput{{RetryOf: "c"}, {ExtendOf: "c"}} {
		part.Reducer, part.Gate = in.Reducer, in.Gate
		require.Empty(t, results.Header{Effective: part}.Reducer())
		require.Equal(t, spec.Gate{MinCoverage: share(0.5)}, results.Header{Effective: part}.Gate())
		part.Reducer = ""
		require.Equal(t, spec.Gate{MinAccuracy: share(0.9), MinCoverage: share(0.5)}, results.Header{Effective: part}.Gate())
	}
}

func TestWhatWasCutShortIsInconclusive(t *testing.T) {
	metrics := spec.Metrics{NTotal: 100, NScored: 99, NPassed: 99, NCancelled: 1, Coverage: 0.99, Accuracy: share(1)}
	verdict, reasons := results.Conclude(spec.StatusCompleted, "", metrics, spec.Gate{}, nil)
	require.Equal(t, spec.VerdictPass, verdict, reasons)
	for reason, how := range map[string][2]string{
		"budget exhausted": {spec.StatusCompleted, "budget exhausted"},
		"cancelled":        {spec.StatusCancelled, ""},
	} {
		verdict, reasons := results.Conclude(how[0], how[1], metrics, spec.Gate{}, nil)
		require.Equal(t, spec.VerdictInconclusive, verdict)
		require.Len(t, reasons, 1)
		require.Contains(t, reasons[0], reason)
	}
}

// Rescore calls a trial that never began what it is, and no infrastructure error.
func TestRescoreOfWhatWasCutShort(t *testing.T) {
	everyStore(t, func(t *testing.T, store *artifact.Store) {
		for name, end := range map[string]spec.CampaignResult{
			"spent":     {Status: spec.StatusCompleted, Ended: "budget exhausted"},
			"cancelled": {Status: spec.StatusCancelled},
			"broken":    {Status: spec.StatusCompleted},
		} {
			manifest(t, store, name, "a", "b")
			finish(t, store, name, "a", 0, "passed")
			collector := stats.NewCollector(stats.Choice{})
			campaign := results.Campaign{Header: results.Header{Campaign: name}, Summary: &end}
			_, _, err := results.Rescore(t.Context(), store, campaign, &spec.Scorer{Type: spec.ScorerExitCode}, collector.Add)
			require.NoError(t, err)
			got := collector.Metrics()
			want := map[string][3]int{"spent": {1, 0, 0}, "cancelled": {0, 1, 0}, "broken": {0, 0, 1}}[name]
			require.Equal(t, want, [3]int{got.NNotStarted, got.NCancelled, got.NInfraError}, name)
		}
	})
}
