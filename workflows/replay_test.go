package workflows_test

import (
	"log/slog"
	"testing"

	"github.com/stretchr/testify/require"
	historypb "go.temporal.io/api/history/v1"
	sdklog "go.temporal.io/sdk/log"
	"go.temporal.io/sdk/worker"
	"go.temporal.io/sdk/workflow"

	"pitwall/internal/spec"
	"pitwall/test/recording"
)

// recordings are histories of real runs: testdata/replay/SET/NAME.json. A set is recorded once, and never again, by
//
//	PITWALL_RECORD=SET go test ./test/e2e -run RecordedHistoriesReplay
//
// Workflows that are open when a worker is replaced must go on under its code: what fails here needs workflow.GetVersion,
// not a new recording.
func recordings(t *testing.T) map[string]map[string]*historypb.History {
	t.Helper()
	sets, err := recording.Load("testdata/replay")
	require.NoError(t, err)
	require.NotEmpty(t, sets["first"])
	return sets
}

func quiet() sdklog.Logger { return sdklog.NewStructuredLogger(slog.New(slog.DiscardHandler)) }

func TestRecordingsReplay(t *testing.T) {
	for set, histories := range recordings(t) {
		for name, history := range histories {
			t.Run(set+"/"+name, func(t *testing.T) {
				t.Parallel()
				require.NoError(t, recording.Replay(history))
			})
		}
	}
}

func TestEveryWorkflowHasARecordingOfEachOfItsEnds(t *testing.T) {
	const (
		completed  = "WorkflowExecutionCompleted"
		failed     = "WorkflowExecutionFailed"
		cancelled  = "WorkflowExecutionCanceled"
		terminated = "WorkflowExecutionTerminated"
		timedOut   = "WorkflowExecutionTimedOut"
		reset      = "reset"
	)
	every := map[string][]string{
		"EvalWorkflow":     {completed, failed, cancelled, terminated, timedOut, reset},
		"SandboxLease":     {completed, reset},
		"ShardWorkflow":    {completed, cancelled},
		"CampaignWorkflow": {completed, cancelled, terminated},
		"ReaperWorkflow":   {completed},
	}
	for set, histories := range recordings(t) {
		ends := map[string][]string{}
		for _, history := range histories {
			kind, end := endOf(history)
			ends[kind] = append(ends[kind], end)
			if recording.ResetRun(history) != "" {
				ends[kind] = append(ends[kind], reset)
			}
		}
		for kind, wanted := range every {
			if set == "first" { // is older than the code that a reset meets, and has no campaign that was terminated
				wanted = without(wanted, reset)
				if kind == "CampaignWorkflow" {
					wanted = without(wanted, terminated)
				}
			}
			require.Subset(t, ends[kind], wanted, "%s in the set %s", kind, set)
		}
	}
}

func endOf(history *historypb.History) (workflowType, end string) {
	events := history.GetEvents()
	return events[0].GetWorkflowExecutionStartedEventAttributes().GetWorkflowType().GetName(), events[len(events)-1].GetEventType().String()
}

func without(all []string, one string) []string {
	var rest []string
	for _, some := range all {
		if some != one {
			rest = append(rest, some)
		}
	}
	return rest
}

// A replay that could not fail would prove nothing.
func TestReplayOfAnotherProgramFails(t *testing.T) {
	history := recordings(t)["first"]["eval-success.json"]
	replayer := worker.NewWorkflowReplayer()
	replayer.RegisterWorkflowWithOptions(func(ctx workflow.Context, _ spec.EvalInput) (spec.EvalResult, error) {
		return spec.EvalResult{}, workflow.Sleep(ctx, 1)
	}, workflow.RegisterOptions{Name: "EvalWorkflow"})
	require.Error(t, recording.ReplayWith(replayer, history))
}
