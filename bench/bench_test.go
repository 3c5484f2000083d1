//go:build linux

package main

import (
	"bytes"
	"encoding/json"
	"io"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	enumspb "go.temporal.io/api/enums/v1"
	historypb "go.temporal.io/api/history/v1"
)

// The whole bench with tiny counts: it must run, leave nothing, and print a document of the promised form.
func TestQuickBenchPrintsAWholeReport(t *testing.T) {
	args := []string{"-quick", "-timeout", "10m", "-bin", binDir(t), "-o", filepath.Join(t.TempDir(), "bench.json")}
	opt, err := parse(args, io.Discard)
	require.NoError(t, err)
	var stdout, table bytes.Buffer
	require.NoError(t, run(t.Context(), opt, &stdout, &table), "%s", &table)
	t.Log(table.String())

	decoder := json.NewDecoder(bytes.NewReader(stdout.Bytes()))
	decoder.DisallowUnknownFields()
	var report Report
	require.NoError(t, decoder.Decode(&report))
	require.ErrorIs(t, decoder.Decode(&struct{}{}), io.EOF, "one document")
	written, err := os.ReadFile(opt.out)
	require.NoError(t, err)
	require.Equal(t, stdout.String(), string(written))

	require.Equal(t, Schema, report.Schema)
	require.Zero(t, report.SandboxesLeft)
	require.LessOrEqual(t, report.MaxLive, opt.slots)
	for _, figure := range []Figure{report.Sandbox.FirstCommand, report.Sandbox.SecondCommand, report.Sandbox.Delete} {
		requireMeasured(t, figure.Spread, opt.sandboxes)
		requireMeasured(t, figure.Baseline, opt.sandboxes)
		require.NotEmpty(t, figure.BaselineOf)
	}
	require.Len(t, report.Evals, 2)
	for _, evals := range report.Evals {
		requireCampaign(t, evals, opt.evals)
	}
	if opt.data == "" {
		require.Len(t, report.NotRun, 1)
		require.Nil(t, report.HumanEval)
	} else {
		requireCampaign(t, *report.HumanEval, opt.humanEval)
	}
	require.Len(t, report.Cost, 2)
	for _, cost := range report.Cost {
		require.Equal(t, cost.Events, cost.EvalEvents+cost.LeaseEvents)
		require.Positive(t, cost.TotalActions)
	}
}

func requireMeasured(t *testing.T, s Spread, n int) {
	t.Helper()
	require.Equal(t, n, s.N)
	require.Positive(t, s.P50)
	require.LessOrEqual(t, s.P50, s.P95)
	require.LessOrEqual(t, s.P95, s.Max)
}

func requireCampaign(t *testing.T, evals EvalFigures, n int) {
	t.Helper()
	require.Equal(t, n, evals.N)
	require.Equal(t, n, evals.Pitwall.Passed, "the loop and Pitwall must do the same")
	require.Equal(t, n, evals.Loop.Passed)
	require.Positive(t, evals.Ratio)
	require.NotEmpty(t, evals.Phases)
	for _, phase := range []string{"create", "upload", "run", "remove"} {
		requireMeasured(t, evals.LoopPhases[phase], n)
	}
	for _, hop := range evals.HandOff.Hops {
		require.Equal(t, evals.HandOff.N, hop.N)
	}
}

// binDir is where the programs are; without them the test is not run, or fails where every part must run.
func binDir(t *testing.T) string {
	t.Helper()
	dir := os.Getenv("PITWALL_BIN")
	if dir == "" {
		dir = "../bin"
	}
	dir, err := filepath.Abs(dir)
	require.NoError(t, err)
	for _, name := range []string{"temporal-dev", "runsc", "toolbox", "starter", "worker"} {
		if _, err := os.Stat(filepath.Join(dir, name)); err == nil {
			continue
		}
		if os.Getenv("PITWALL_TEST_STRICT") == "1" {
			t.Fatalf("not run: the bench, because %s is not in %s (make build)", name, dir)
		}
		t.Skipf("not run: the bench, because %s is not in %s (make build)", name, dir)
	}
	return dir
}

func TestFlagsAreBounded(t *testing.T) {
	for _, args := range [][]string{{"-n", "0"}, {"-slots", "61"}, {"-sandboxes", "-1"}, {"extra"}, {"-no-such"}} {
		_, err := parse(args, io.Discard)
		require.Error(t, err, "%v", args)
	}
}

func TestSpreadTakesNearestRanks(t *testing.T) {
	var times []time.Duration
	for i := 20; i >= 1; i-- {
		times = append(times, time.Duration(i)*time.Millisecond)
	}
	require.Equal(t, Spread{N: 20, P50: 10, P95: 19, Max: 20}, spread(times))
	require.Equal(t, Spread{N: 1, P50: 20, P95: 20, Max: 20}, spread(times[:1]))
	require.Equal(t, Spread{}, spread(nil))
}

func TestActionsAreCountedAsTheyAreBilled(t *testing.T) {
	local := func(task int64) *historypb.HistoryEvent {
		return &historypb.HistoryEvent{
			EventType: enumspb.EVENT_TYPE_MARKER_RECORDED,
			Attributes: &historypb.HistoryEvent_MarkerRecordedEventAttributes{MarkerRecordedEventAttributes: &historypb.MarkerRecordedEventAttributes{
				MarkerName: "LocalActivity", WorkflowTaskCompletedEventId: task,
			}},
		}
	}
	started := &historypb.HistoryEvent{
		EventType: enumspb.EVENT_TYPE_ACTIVITY_TASK_STARTED,
		Attributes: &historypb.HistoryEvent_ActivityTaskStartedEventAttributes{
			ActivityTaskStartedEventAttributes: &historypb.ActivityTaskStartedEventAttributes{Attempt: 3},
		},
	}
	cost := Cost{EventTypes: map[string]int{}, Actions: map[string]int{}}
	cost.add([]*historypb.HistoryEvent{
		{EventType: enumspb.EVENT_TYPE_WORKFLOW_EXECUTION_STARTED},
		{EventType: enumspb.EVENT_TYPE_ACTIVITY_TASK_SCHEDULED},
		started, local(4), local(4), local(9),
		{EventType: enumspb.EVENT_TYPE_START_CHILD_WORKFLOW_EXECUTION_INITIATED},
		{EventType: enumspb.EVENT_TYPE_TIMER_STARTED},
		{EventType: enumspb.EVENT_TYPE_WORKFLOW_EXECUTION_SIGNALED},
	})
	require.Equal(t, map[string]int{
		"activities": 1, "activity retries": 2, "markers (local activities)": 2, "child starts, 2 each": 2, "timers": 1, "signals": 1,
	}, cost.Actions)
}
