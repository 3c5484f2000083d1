package telemetry_test

import (
	"net/http"
	"net/http/httptest"
	"strconv"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"pitwall/internal/telemetry"
)

// scrape is what Prometheus would read.
func scrape(t *testing.T, metrics *telemetry.Metrics) string {
	t.Helper()
	recorder := httptest.NewRecorder()
	metrics.Handler().ServeHTTP(recorder, httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/metrics", nil))
	require.Equal(t, http.StatusOK, recorder.Code)
	return recorder.Body.String()
}

const (
	denied = `pitwall_removals_blocked{reason="denied"} `
	stuck  = `pitwall_removals_blocked{reason="stuck"} `
)

func TestDeniedRemovalIsBlockedUntilItIsAccepted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		metrics := telemetry.NewMetrics(time.Hour)
		for range 4 { // tries of an activity that is retried every 30 s
			metrics.RemovalBegins("one").Denied()
			require.Contains(t, scrape(t, metrics), denied+"1\n")
			time.Sleep(30 * time.Second)
			require.Contains(t, scrape(t, metrics), denied+"1\n")
		}
		try := metrics.RemovalBegins("one")
		require.Contains(t, scrape(t, metrics), denied+"1\n", "a new try alone mends nothing")
		try.Accepted()
		require.Contains(t, scrape(t, metrics), denied+"0\n")
		require.Contains(t, scrape(t, metrics), stuck+"0\n", "the time of the denial does not count")
		try.Proven(200 * time.Millisecond)
		require.Contains(t, scrape(t, metrics), "pitwall_removal_seconds_count 1\n")
		require.Contains(t, scrape(t, metrics), `pitwall_removal_seconds_bucket{le="0.25"} 1`)
	})
}

func TestRemovalWithoutAnEndIsStuckUntilItIsProven(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		metrics := telemetry.NewMetrics(time.Hour)
		try := metrics.RemovalBegins("one")
		try.Accepted()
		time.Sleep(40 * time.Second)
		require.Contains(t, scrape(t, metrics), stuck+"0\n")
		try.GaveUp() // the eval's activity; the lease's goes on
		next := metrics.RemovalBegins("one")
		time.Sleep(30 * time.Second)
		require.Contains(t, scrape(t, metrics), stuck+"1\n")
		require.Contains(t, scrape(t, metrics), denied+"0\n")
		next.Proven(70 * time.Second)
		require.Contains(t, scrape(t, metrics), stuck+"0\n")
	})
}

func TestRemovalThatNobodyTriesAnyMoreIsForgotten(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		metrics := telemetry.NewMetrics(time.Hour)
		metrics.RemovalBegins("one").Denied()
		time.Sleep(2 * time.Minute)
		require.Contains(t, scrape(t, metrics), denied+"0\n")
		require.Contains(t, scrape(t, metrics), stuck+"0\n")
	})
}

func TestReaperMetrics(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		metrics := telemetry.NewMetrics(5 * time.Minute)
		require.NotContains(t, scrape(t, metrics), "\npitwall_sandboxes_left", "nothing is known before a pass")
		metrics.Reaped("orphan")
		metrics.ReaperPassed(3)
		require.Contains(t, scrape(t, metrics), "\npitwall_reaped_total{verdict=\"orphan\"} 1\n")
		require.Contains(t, scrape(t, metrics), "\npitwall_sandboxes_left 3\n")
		passed := "\npitwall_reaper_last_pass_timestamp_seconds " + strconv.FormatFloat(float64(time.Now().Unix()), 'g', -1, 64) + "\n"
		require.Contains(t, scrape(t, metrics), passed)
		time.Sleep(11 * time.Minute)
		require.NotContains(t, scrape(t, metrics), "\npitwall_sandboxes_left", "later passes were another worker's")
		require.Contains(t, scrape(t, metrics), passed, "how old it is remains to be seen")
	})
}

func TestNoMetricsCountNothing(t *testing.T) {
	var none *telemetry.Metrics
	none.Reaped("orphan")
	none.ReaperPassed(1)
	try := none.RemovalBegins("one")
	try.Accepted()
	try.Denied()
	try.GaveUp()
	try.Proven(time.Second)
}
