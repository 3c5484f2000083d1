//go:build linux

package e2e

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	enumspb "go.temporal.io/api/enums/v1"

	"pitwall/internal/daytona/daytonatest"
	"pitwall/internal/spec"
	"pitwall/test/harness"
	"pitwall/workflows"
)

// startOnStub brings up a stack whose Daytona answers at once and runs nothing: a job takes as long as is said, and exits with
// its sandbox's variable CODE.
func startOnStub(t *testing.T, slots int, job time.Duration) *harness.Stack {
	t.Helper()
	stub := daytonatest.Start(t, daytonatest.Options{Around: takingUploads, Execute: func(run daytonatest.Execution) (int, string) {
		time.Sleep(job) // what is measured is who gets the slots meanwhile
		return 0, "pitwall 1 done\nstep 1 " + run.Env["CODE"] + " 0 1 -\n"
	}})
	return harness.Start(t, harness.Options{
		Slots: slots, FrontDaytona: func(string) string { return strings.TrimSuffix(stub.URL, "/api") },
		WorkerEnv: []string{"DAYTONA_API_KEY=" + daytonatest.Key, "PITWALL_LOG_LEVEL=error"},
	})
}

// takingUploads takes the supervisor's files, and forgets them: the stub has no /var/tmp of its own, and runs nothing.
func takingUploads(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !strings.HasSuffix(r.URL.Path, "/files/bulk-upload") {
			next.ServeHTTP(w, r)
			return
		}
		_, _ = io.Copy(io.Discard, r.Body)
		w.Header().Set("Content-Type", "application/json")
		_, _ = io.WriteString(w, `{"files": []}`)
	})
}

// parityCampaign writes a campaign of n trials of which every third fails.
func parityCampaign(t *testing.T, n int, more string) string {
	t.Helper()
	dir := t.TempDir()
	var samples strings.Builder
	for i := range n {
		fmt.Fprintf(&samples, "{\"id\": \"s%d\", \"code\": \"%d\"}\n", i, plainAnswer(i))
	}
	require.NoError(t, os.WriteFile(filepath.Join(dir, "samples.jsonl"), []byte(samples.String()), 0o600))
	file := filepath.Join(dir, "campaign.yaml")
	text := "dataset: {uri: samples.jsonl}\n" + more + "eval:\n  sandbox: {env: {CODE: \"{{.code}}\"}}\n  job: {steps: [{command: \"true\"}]}\n"
	require.NoError(t, os.WriteFile(file, []byte(text), 0o600))
	return file
}

// plainAnswer is the exit code of trial i.
func plainAnswer(i int) int {
	if i%3 == 0 {
		return 1
	}
	return 0
}

func launch(t *testing.T, s *harness.Stack, file, name string) {
	t.Helper()
	_, stderr, code := s.StarterWith([]string{"DAYTONA_API_KEY=" + daytonatest.Key}, "campaign", "start", file, "--name", name)
	require.Equal(t, 0, code, stderr)
}

func finished(t *testing.T, s *harness.Stack, name string) spec.CampaignResult {
	t.Helper()
	var result spec.CampaignResult
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Hour)
	defer cancel()
	require.NoError(t, s.Temporal.GetWorkflow(ctx, workflows.CampaignID(name), "").Get(ctx, &result))
	return result
}

// A small campaign gets its share of the slots although a large one was queued first, and one of a higher priority goes ahead
// of both. Told in trials, not in seconds: what the large one finished while the small one ran.
func TestALargeCampaignDoesNotStarveASmallOne(t *testing.T) {
	const large, small = 60, 6
	s := startOnStub(t, 2, 100*time.Millisecond)
	launch(t, s, parityCampaign(t, large, "max_parallel: 100\n"), "large")
	s.Eventually("the large one waits in line", func(context.Context) bool { return campaignProgress(t, s, "large").Started == large })

	before := campaignProgress(t, s, "large").Finished
	launch(t, s, parityCampaign(t, small, ""), "small")
	require.Equal(t, small, finished(t, s, "small").NScored)
	meanwhile := campaignProgress(t, s, "large").Finished - before
	require.LessOrEqual(t, meanwhile, 3*small, "the small one had to wait for at most its share, and what runs")

	file := parityCampaign(t, small, "")
	text, err := os.ReadFile(file)
	require.NoError(t, err)
	urgent := strings.Replace(string(text), "eval:\n", "eval:\n  priority: {key: 1}\n", 1)
	require.NoError(t, os.WriteFile(file, []byte(urgent), 0o600))
	before = campaignProgress(t, s, "large").Finished
	require.Less(t, before, large-2*small, "the large one goes on, so that there is a line to pass")
	launch(t, s, file, "urgent")
	require.Equal(t, small, finished(t, s, "urgent").NScored)
	require.LessOrEqual(t, campaignProgress(t, s, "large").Finished-before, small, "ahead of the line")
	require.Equal(t, large, finished(t, s, "large").NScored)
}

// scaleTrials is 10000 for the true figure: PITWALL_TEST_SCALE=10000 go test ./test/e2e -run Scale -timeout 2h -v.
func scaleTrials(t *testing.T) int {
	text := os.Getenv("PITWALL_TEST_SCALE")
	if text == "" {
		return 60
	}
	n, err := strconv.Atoi(text)
	require.NoError(t, err)
	return n
}

// As many trials as are asked for give the same answer as a plain loop, in histories of a bounded size, and in a worker of a
// bounded size.
func TestCampaignsScale(t *testing.T) {
	n := scaleTrials(t)
	s := startOnStub(t, 20, 0)
	first := s.Workers[0].PeakMemory()
	began := time.Now()
	launch(t, s, parityCampaign(t, n, "max_parallel: 40\n"), "scale")
	result := finished(t, s, "scale")
	took := time.Since(began)
	passed := 0
	for i := range n {
		if plainAnswer(i) == 0 {
			passed++
		}
	}
	require.Equal(t, []int{n, n, passed}, []int{result.NTotal, result.NScored, result.NPassed})
	grown := s.Workers[0].PeakMemory() - first
	require.Less(t, grown, int64(400<<20), "the worker's memory does not follow the number of trials")

	names := []string{workflows.CampaignID("scale")}
	for shard := range (n + 499) / 500 {
		names = append(names, workflows.ShardID("scale", shard))
	}
	for _, name := range names {
		events, size := 0, 0
		history := s.Temporal.GetWorkflowHistory(t.Context(), name, "", false, enumspb.HISTORY_EVENT_FILTER_TYPE_ALL_EVENT)
		for history.HasNext() {
			event, err := history.Next()
			require.NoError(t, err)
			events++
			size += event.Size()
		}
		// 500 trials a shard at most; a part of one may use a part of the bounds, and some events of its own.
		share := float64(min(n, 500)) / 500
		require.Less(t, float64(events), 10_000*share+200, name)
		require.Less(t, float64(size), (10<<20)*share+100_000, name)
		t.Logf("%s: %d events, %d KiB", name, events, size>>10)
	}
	t.Logf("%d trials in %s: %.1f a second; the worker's peak is %d MiB, %d MiB more than at its start", n, took.Round(time.Second),
		float64(n)/took.Seconds(), s.Workers[0].PeakMemory()>>20, grown>>20)
}
