//go:build linux

package e2e

import (
	"context"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/client"

	"pitwall/activities"
	"pitwall/internal/daytona"
	"pitwall/internal/spec"
	"pitwall/internal/telemetry"
	"pitwall/test/harness"
	"pitwall/test/otlpreceiver"
	"pitwall/workflows"
)

// watched is a trial that does everything once: two sandboxes, two steps, an artifact.
func watched() spec.EvalInput {
	return spec.EvalInput{
		SessionID: "session-1", NegotiationID: "negotiation-1", Trial: &spec.Trial{Campaign: "watching", Sample: "s/1", Epoch: 2},
		Job:       spec.Job{Steps: []spec.Step{{Name: "setup", Command: "mkdir out"}, {Name: "main", Command: "echo hi > out/a; exit 3"}}},
		Artifacts: []spec.ArtifactRule{{Path: "out/*", When: spec.WhenAlways}},
		Scorer:    &spec.Scorer{Type: spec.ScorerCommand, Command: "test -f artifacts/home/daytona/out/a"},
	}
}

// One stack, on which everything happens that the journal has a name for.
func TestLivesAreJournaledTracedAndCounted(t *testing.T) {
	t.Parallel() // it mostly waits
	receiver := otlpreceiver.Start(t)
	s := harness.Start(t, harness.Options{Slots: 2, WorkerEnv: []string{
		"OTEL_EXPORTER_OTLP_ENDPOINT=" + receiver.URL, "OTEL_BSP_SCHEDULE_DELAY=200", "PITWALL_REAPER_INTERVAL=24h",
	}})
	result := s.Result(s.Run("watched", watched()))
	require.True(t, result.Score.Passed, "%+v", result)
	refused, err := s.Temporal.ExecuteWorkflow(t.Context(), client.StartWorkflowOptions{ID: "refused", TaskQueue: workflows.TaskQueue}, workflows.EvalWorkflow, spec.EvalInput{Kind: "no such"})
	require.NoError(t, err)
	require.Error(t, refused.Get(t.Context(), nil))
	handOver(t, s)
	summary, code := s.RunCampaign("examples/generic-jsonl/campaign.yaml", "--name", "linked", "--limit", "1", "--epochs", "1")
	require.Zero(t, code, summary)
	reapOrphan(t, s, result.Attempts[0].Sandboxes[0])

	t.Run("journal", func(t *testing.T) { requireJournal(t, s) })
	t.Run("traces", func(t *testing.T) { requireTraces(t, s, receiver) })
	t.Run("metrics", func(t *testing.T) { requireMetrics(t, s) })
}

// handOver stops the worker that follows a job; another one takes the job and the workflow over.
func handOver(t *testing.T, s *harness.Stack) {
	t.Helper()
	run := s.Run("handed-over", harness.Command("touch begun; sleep 3"))
	s.AwaitFile(s.AwaitSandbox("handed-over"), "/home/daytona/begun")
	s.StartWorker()
	s.Workers[0].Stop()
	require.True(t, s.Result(run).Score.Passed)
}

// reapOrphan leaves a sandbox of a closed lease and a lease of a closed eval, and lets the reaper pass.
func reapOrphan(t *testing.T, s *harness.Stack, use spec.SandboxUse) {
	t.Helper()
	owner := activities.Owner{Cluster: s.Cluster, Namespace: s.Namespace}
	labels := owner.Labels(activities.CreateSandboxInput{
		Lease: activities.Execution{ID: use.LeaseID, RunID: use.LeaseRun}, Eval: activities.Execution{ID: "watched"}, SessionID: "session-1",
	})
	_, err := s.Daytona.CreateSandbox(t.Context(), daytona.CreateRequest{Name: "orphan", Labels: labels})
	require.NoError(t, err)
	facts := activities.LeaseFacts{Eval: activities.Execution{ID: "watched"}, SandboxName: "none", Deadline: time.Now().Add(time.Hour)}
	lease, err := s.Temporal.ExecuteWorkflow(t.Context(), client.StartWorkflowOptions{
		ID: s.LeaseID(9), TaskQueue: workflows.TaskQueue, Memo: map[string]any{activities.MemoLeaseFacts: facts},
	}, workflows.SandboxLease, workflows.LeaseInput{LeaseFacts: facts, Horizon: time.Second})
	require.NoError(t, err)
	pass, err := s.Temporal.ExecuteWorkflow(t.Context(), client.StartWorkflowOptions{ID: "pass", TaskQueue: workflows.CleanupQueue}, workflows.ReaperWorkflow, workflows.ReaperInput{})
	require.NoError(t, err)
	require.NoError(t, pass.Get(t.Context(), nil))
	require.NoError(t, lease.Get(t.Context(), nil))
}

func requireJournal(t *testing.T, s *harness.Stack) {
	journal := s.Journal()
	seen := map[telemetry.Event]bool{}
	var life, leases []string
	for _, line := range journal {
		event := telemetry.Event(line["event"].(string))
		seen[event] = true
		require.Contains(t, telemetry.Statuses(), telemetry.Status(line["status"].(string)), line)
		if event == telemetry.ReaperPassed || line["workflow_id"] != "watched" || line["sandbox_id"] == nil {
			continue
		}
		require.Equal(t, "session-1", line["session_id"], line)
	}
	// Those of campaigns are TestACampaignIsSteeredWhileItRuns' and the breaker's own.
	here := slices.DeleteFunc(telemetry.Events(), func(event telemetry.Event) bool {
		return slices.Contains([]telemetry.Event{
			telemetry.CampaignPaused, telemetry.CampaignResumed, telemetry.BreakerOpened, telemetry.BreakerClosed, telemetry.BudgetExhausted,
		}, event)
	})
	require.ElementsMatch(t, here, slices.Collect(maps.Keys(seen)), "what docs/observability.md lists, happened here")

	for _, line := range ofEval(journal, "watched") {
		switch {
		case line["lease_run"] != nil && line["slot"] == nil:
			leases = append(leases, line["event"].(string)) // beside the eval
		case line["event"] == "result_written" && line["reason"] != nil: // a task that Temporal did not take is executed again
		default:
			life = append(life, line["event"].(string))
		}
		for name, id := range map[string]any{
			"session_id": "session-1", "negotiation_id": "negotiation-1", "campaign": "watching", "sample": "s/1", "epoch": 2.0,
		} {
			require.Equal(t, id, line[name], line)
		}
		for _, name := range []string{"run_id", "trace_id", "created_at", "started_at", "finished_at", "duration_ms"} {
			require.Contains(t, line, name)
		}
		if line["event"] != "eval_started" {
			require.EqualValues(t, 1, line["attempt"], line)
		}
	}
	require.Equal(t, []string{
		"eval_started",
		"slot_acquired", "sandbox_created", "inputs_uploaded", "job_launched", "step_finished", "step_finished", "job_finished",
		"artifacts_fetched", "sandbox_removed",
		"slot_acquired", "sandbox_created", "inputs_uploaded", "job_launched", "step_finished", "job_finished", "sandbox_removed",
		"scored", "attempt_ended", "result_written", "eval_finished",
	}, life)
	require.ElementsMatch(t, []string{"lease_started", "lease_started", "lease_ended", "lease_ended"}, leases)
	for _, line := range ofEval(journal, "watched") {
		switch {
		case line["event"] == "step_finished" && line["step"] == "main":
			require.EqualValues(t, 3, line["exit_code"])
			require.Equal(t, "ok", line["status"], "a job that fails is no failure of ours")
		case line["event"] == "eval_finished":
			require.Equal(t, "passed", line["outcome"])
		}
	}
	finished := ofEval(journal, "refused")
	require.Equal(t, "refused", finished[len(finished)-1]["outcome"])
	require.Equal(t, "InvalidInput", finished[len(finished)-1]["error_type"])
}

// ofEval are an eval's own lines, and its lease's, in the order in which they were written; the reaper's are left out.
func ofEval(journal []map[string]any, id string) []map[string]any {
	var lines []map[string]any
	for _, line := range journal {
		if line["workflow_id"] == id && line["epoch"] != nil || line["workflow_id"] == id && id == "refused" {
			lines = append(lines, line)
		}
	}
	return lines
}

func requireTraces(t *testing.T, s *harness.Stack, receiver *otlpreceiver.Receiver) {
	run := func(id string) []otlpreceiver.Span {
		var found []otlpreceiver.Span
		for _, span := range receiver.Spans() {
			if span.Name == "RunWorkflow:EvalWorkflow" && span.Attributes["temporalWorkflowID"] == id {
				found = append(found, span)
			}
		}
		return found
	}
	trial := workflows.EvalID(spec.Trial{Campaign: "linked", Sample: "planets", Epoch: 1})
	for _, id := range []string{"watched", "handed-over"} {
		s.Eventually("the span of "+id+" comes", func(context.Context) bool { return len(run(id)) > 0 })
	}
	s.Workers[1].Stop() // sends what is left
	spans := receiver.Spans()

	root := run("watched")[0]
	require.Empty(t, root.Parent)
	require.Equal(t, "session-1", root.Attributes["pitwall.session_id"])
	require.Equal(t, "pitwall-worker", root.Resource["service.name"])
	require.Equal(t, ofEval(s.Journal(), "watched")[0]["trace_id"], root.TraceID)
	tree := otlpreceiver.Tree(spans, root.TraceID)
	t.Log("\n" + tree)
	require.NotContains(t, tree, "did not come")
	for _, chain := range []string{
		"\n  StartActivity:CreateSandbox\n    RunActivity:CreateSandbox\n      daytona create sandbox\n      SignalWorkflow:created\n        HandleSignal:created\n",
		"\n  StartChildWorkflow:SandboxLease\n    RunWorkflow:SandboxLease\n",
		"\n    RunActivity:RunJob\n      daytona execute command\n",
		"\n    RunActivity:RemoveSandbox\n      daytona delete sandbox\n      daytona get sandbox\n",
		"\n      daytona download file\n", "\n    RunActivity:WriteResult\n",
	} {
		require.Contains(t, tree, chain)
	}

	require.Len(t, run("handed-over"), 1, "one span, whoever ran the workflow")
	taken := otlpreceiver.Tree(spans, run("handed-over")[0].TraceID)
	require.NotContains(t, taken, "did not come")
	require.Equal(t, 2, strings.Count(taken, "RunActivity:RunJob"), taken)
	require.Contains(t, taken, "RunActivity:WriteResult", "what came after the hand-over is of the same trace")

	require.Len(t, run(trial), 1)
	require.Empty(t, run(trial)[0].Parent, "a trial is a trace of its own")
	require.Len(t, run(trial)[0].Links, 1)
	require.Contains(t, otlpreceiver.Tree(spans, run(trial)[0].Links[0]), "StartChildWorkflow:EvalWorkflow", "it links to its shard's")

	for _, span := range spans {
		for name, text := range span.Attributes {
			require.NotContains(t, text, "out/a", "%s of %s: a file's name", name, span.Name)
		}
		require.NotContains(t, span.Name, "/home")
	}
}

func requireMetrics(t *testing.T, s *harness.Stack) {
	s.StartWorker()
	s.Workers[0], s.Workers = s.Workers[len(s.Workers)-1], s.Workers[:1]
	for _, id := range []string{"full/1", "full/2", "full/3", "full/4"} {
		s.Run(id, harness.Command("touch begun; sleep 900"))
	}
	for _, figure := range []string{
		"pitwall_slots_total 2\n", "pitwall_slots_in_use 2\n", "pitwall_sandboxes_live 2\n", "pitwall_evals_waiting 2\n", `pitwall_queue_backlog{queue="slots"} 2` + "\n",
	} {
		s.Eventually("the census shows "+figure, func(ctx context.Context) bool { return strings.Contains(metrics(ctx, s), "\n"+figure) })
	}
	require.NotContains(t, metrics(t.Context(), s), `pitwall_queue_age_seconds{queue="slots"} 0`+"\n")
	for _, id := range []string{"full/4", "full/3", "full/2", "full/1"} {
		require.NoError(t, s.Temporal.CancelWorkflow(t.Context(), id, ""))
	}
	s.Eventually("the cancelled are counted", func(ctx context.Context) bool {
		return strings.Contains(metrics(ctx, s), `pitwall_evals_total{kind="evaluation",outcome="cancelled"} 4`+"\n")
	})
	scraped := metrics(t.Context(), s)
	for _, name := range queried(t) {
		if !strings.HasPrefix(name, "pitwall_") { // for those docs/observability.md stands, whose table is held to the registry
			require.Contains(t, scraped, "\n# TYPE "+name+" ", "deploy/ asks for it")
		}
	}
	require.NotContains(t, scraped, "watched", "no label holds an id")
	require.Contains(t, scraped, "\npitwall_sandbox_seconds_total ")
}

// queried are the metrics that the dashboard and the alerts ask for.
func queried(t *testing.T) []string {
	t.Helper()
	var names []string
	for _, file := range []string{"grafana/pitwall.json", "prometheus/alerts.yml"} {
		text, err := os.ReadFile(filepath.Join("../../deploy", file))
		require.NoError(t, err)
		for _, name := range regexp.MustCompile(`\b(?:temporal|process)_[a-z_]+`).FindAllString(string(text), -1) {
			names = append(names, strings.TrimSuffix(name, "_bucket"))
		}
	}
	require.NotEmpty(t, names)
	return names
}
