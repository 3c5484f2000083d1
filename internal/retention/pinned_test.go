package retention

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"pitwall/internal/artifact"
	"pitwall/internal/results"
	"pitwall/internal/spec"
)

// A pass that has read all pins may last an hour: one that is set meanwhile counts.
func TestAPinThatIsSetDuringAPassCounts(t *testing.T) {
	store, err := artifact.Open(t.Context(), "mem://")
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, store.Close()) })
	header := results.Header{Campaign: "old", Effective: spec.CampaignInput{Name: "old", Retain: spec.Duration(time.Hour)}}
	_, _, err = results.WriteManifest(t.Context(), store, header, func(func(results.Trial, error) bool) {})
	require.NoError(t, err)
	_, err = results.WriteSummary(t.Context(), store, spec.CampaignResult{Campaign: "old", FinishedAt: time.Now().Add(-24 * time.Hour)})
	require.NoError(t, err)
	pass := Pass{Store: store, Now: time.Now(), Limit: maxObjects}
	read, err := readKeepers(t.Context(), store)
	require.NoError(t, err)
	require.NoError(t, WritePin(t.Context(), store, Pin{Campaign: "old", Reason: "the paper"}))
	var report Report
	require.NoError(t, pass.campaigns(t.Context(), &report, read))
	require.Equal(t, 1, report.Kept)
	require.Equal(t, "kept by a pin: the paper", report.kept[0].Reason)
}
