//go:build linux

package e2e

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"slices"
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
// of both. Told in turns, not in seconds: how many sandboxes the large one was given between the small one's first and last.
func TestALargeCampaignDoesNotStarveASmallOne(t *testing.T) {
	large, small, slots, job := 60, 6, 2, 100*time.Millisecond
	if n := scaleTrials(t); n > 60 {
		large, small, slots, job = n/5, 20, 4, time.Second // 2,000 and 20 of 10,000; jobs long enough that slots are scarce, not cores
	}
	s := startOnStub(t, slots, job)
	alone := timed(func() {
		launch(t, s, parityCampaign(t, small, ""), "alone")
		finished(t, s, "alone")
	})
	launch(t, s, parityCampaign(t, large, "max_parallel: 500\n"), "large")
	queued := min(large, 500)
	s.Eventually("the large one waits in line", func(context.Context) bool { return campaignProgress(t, s, "large").Started >= queued })

	beside := timed(func() {
		launch(t, s, parityCampaign(t, small, ""), "small")
		require.Equal(t, small, finished(t, s, "small").NScored)
	})
	require.Less(t, campaignProgress(t, s, "large").Finished, large-2*small, "the large one goes on, so that there is a line to pass")
	launch(t, s, withPriority(t, parityCampaign(t, small, ""), "{key: 1}"), "urgent")
	require.Equal(t, small, finished(t, s, "urgent").NScored)
	all := s.Rows(finished(t, s, "large").ResultsURI)
	require.Len(t, all, large)

	fair := createdAmong(all, s.Rows(finished(t, s, "small").ResultsURI))
	first := createdAmong(all, s.Rows(finished(t, s, "urgent").ResultsURI))
	t.Logf("%d beside %d: %.1f s, alone %.1f s: %.2f times", small, large, beside.Seconds(), alone.Seconds(), beside.Seconds()/alone.Seconds())
	t.Logf("sandboxes of the large campaign between the first and the last of %d: %d; where these go first: %d", small, fair, first)
	require.LessOrEqual(t, fair, small+2*slots, "it took its share, so the small one no more than twice the turns that it takes alone, and what ran")
	require.LessOrEqual(t, first, 2*slots, "what ran already")
}

// A campaign of three times the weight is given three times the slots, as long as both wait.
func TestWeightsShareTheSlots(t *testing.T) {
	const n = 60
	s := startOnStub(t, 2, 100*time.Millisecond)
	launch(t, s, withPriority(t, parityCampaign(t, n, "max_parallel: 100\n"), "{fairness_weight: 3}"), "heavy")
	launch(t, s, withPriority(t, parityCampaign(t, n, "max_parallel: 100\n"), "{fairness_weight: 1}"), "light")
	heavy, light := s.Rows(finished(t, s, "heavy").ResultsURI), s.Rows(finished(t, s, "light").ResultsURI)
	from, to := firstCreated(light), lastCreated(heavy)
	ofHeavy, ofLight := createdWithin(heavy, from, to), createdWithin(light, from, to)
	t.Logf("while both waited the heavy one was given %d sandboxes, the light one %d", ofHeavy, ofLight)
	require.Greater(t, ofHeavy, n/2, "both waited for long enough")
	require.InDelta(t, 3, float64(ofHeavy)/float64(ofLight), 1)
}

// withPriority adds a priority to the evals of a campaign's file.
func withPriority(t *testing.T, file, priority string) string {
	t.Helper()
	text, err := os.ReadFile(file)
	require.NoError(t, err)
	changed := strings.Replace(string(text), "eval:\n", "eval:\n  priority: "+priority+"\n", 1)
	require.NoError(t, os.WriteFile(file, []byte(changed), 0o600))
	return file
}

func timed(what func()) time.Duration {
	began := time.Now()
	what()
	return time.Since(began)
}

// createdAmong counts the sandboxes of one campaign that were created between the first and the last of another's.
func createdAmong(of, during []spec.TrialRow) int {
	return createdWithin(of, firstCreated(during), lastCreated(during))
}

func createdWithin(rows []spec.TrialRow, from, to time.Time) int {
	n := 0
	for _, row := range rows {
		if at := row.Sandbox.CreatedAt; at.After(from) && at.Before(to) {
			n++
		}
	}
	return n
}

func byCreation(a, b spec.TrialRow) int { return a.Sandbox.CreatedAt.Compare(b.Sandbox.CreatedAt) }

func firstCreated(rows []spec.TrialRow) time.Time {
	return slices.MinFunc(rows, byCreation).Sandbox.CreatedAt
}

func lastCreated(rows []spec.TrialRow) time.Time {
	return slices.MaxFunc(rows, byCreation).Sandbox.CreatedAt
}

// scaleTrials is 10000 for the true figure: PITWALL_TEST_SCALE=10000 go test ./test/e2e -run 'Scale|Starve' -timeout 4h -v.
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
