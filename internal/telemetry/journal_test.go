package telemetry_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"pitwall/internal/spec"
	"pitwall/internal/telemetry"
)

// journal returns one that writes to out and counts in metrics.
func journal(t *testing.T) (j *telemetry.Journal, out *bytes.Buffer, metrics *telemetry.Metrics) {
	t.Helper()
	out, metrics = &bytes.Buffer{}, telemetry.NewMetrics(time.Hour)
	log, err := telemetry.NewLogger(out, telemetry.FormatJSON, "info")
	require.NoError(t, err)
	return telemetry.NewJournal(log, metrics), out, metrics
}

func TestLineLeavesOutWhatIsNotKnown(t *testing.T) {
	j, out, _ := journal(t)
	code, began := 0, time.Now().Add(-time.Second)
	j.Write(t.Context(), telemetry.Entry{Event: telemetry.StepFinished, Status: telemetry.StatusOK, StartedAt: began, ExitCode: &code, Step: "main"})
	var line map[string]any
	require.NoError(t, json.Unmarshal(out.Bytes(), &line))
	require.Equal(t, "step finished", line["msg"])
	require.Equal(t, "info", line["level"])
	require.Contains(t, line, "exit_code")
	require.Zero(t, line["exit_code"], "0 is an exit code like any other")
	require.GreaterOrEqual(t, line["duration_ms"], 1000.0)
	for _, absent := range []string{"created_at", "sandbox_id", "slot", "error", "trace_id", "attempt"} {
		require.NotContains(t, line, absent)
	}
	j.Write(t.Context(), telemetry.Entry{Event: telemetry.SandboxRemoved, Status: telemetry.StatusFailed, Error: "no"})
	require.Contains(t, out.String(), `"level":"warn"`)
}

func TestEvalIsCountedByItsFinalLineAlone(t *testing.T) {
	j, _, metrics := journal(t)
	written := telemetry.Entry{Event: telemetry.ResultWritten, Status: telemetry.StatusOK, Kind: spec.KindDataPrep, Outcome: "infra_error"}
	j.Write(t.Context(), written)
	written.Final, written.InfraErrors = true, []string{"SandboxLost", "SandboxLost", "Transport"}
	j.Write(t.Context(), written)
	j.Write(t.Context(), telemetry.Entry{Event: telemetry.EvalFinished, Status: telemetry.StatusFailed, Kind: "made up", Outcome: telemetry.OutcomeRefused, Final: true})
	page := scrape(t, metrics)
	require.Contains(t, page, `pitwall_evals_total{kind="data_prep",outcome="infra_error"} 1`+"\n")
	require.Contains(t, page, `pitwall_evals_total{kind="other",outcome="refused"} 1`+"\n")
	require.Contains(t, page, `pitwall_infra_errors_total{type="SandboxLost"} 2`+"\n")
	require.Contains(t, page, `pitwall_events_total{event="result_written",status="ok"} 2`+"\n")
}

func TestRemovalIsCountedFromTheMomentItWasWanted(t *testing.T) {
	j, _, metrics := journal(t)
	wanted := time.Now()
	removed := telemetry.Entry{
		Event: telemetry.SandboxRemoved, Status: telemetry.StatusOK, CreatedAt: wanted, FinishedAt: wanted.Add(4 * time.Second), SandboxSeconds: 12.5,
	}
	j.Write(t.Context(), removed)
	removed.Status = telemetry.StatusFailed
	j.Write(t.Context(), removed)
	page := scrape(t, metrics)
	require.Contains(t, page, "pitwall_removal_delay_seconds_sum 4\n")
	require.Contains(t, page, "pitwall_sandbox_seconds_total 12.5\n")
}

func TestNobodyMakesMoreSeriesThanAreBearable(t *testing.T) {
	j, _, metrics := journal(t)
	for i := range 1000 {
		j.Write(t.Context(), telemetry.Entry{
			Event: telemetry.ResultWritten, Status: telemetry.StatusOK, Final: true,
			Kind: fmt.Sprint("kind", i), Outcome: telemetry.OutcomePassed, InfraErrors: []string{fmt.Sprint("type", i)},
		})
	}
	page := scrape(t, metrics)
	require.Equal(t, 51, strings.Count(page, "\npitwall_infra_errors_total{"))
	require.Contains(t, page, `pitwall_infra_errors_total{type="other"} 950`)
	require.Contains(t, page, `pitwall_evals_total{kind="other",outcome="passed"} 1000`)
}

func TestFiguresOfTheWholeFade(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		metrics := telemetry.NewMetrics(time.Hour)
		require.NotContains(t, scrape(t, metrics), "pitwall_slots_total", "nothing is known before the first look")
		metrics.Slots(8, 3, 5)
		metrics.Queue("jobs", 2, 90*time.Second)
		metrics.Live(3)
		figures := []string{
			"pitwall_slots_total 8", "pitwall_slots_in_use 3", "pitwall_evals_waiting 5", "pitwall_sandboxes_live 3",
			`pitwall_queue_backlog{queue="jobs"} 2`, `pitwall_queue_age_seconds{queue="jobs"} 90`,
		}
		for _, figure := range figures {
			require.Contains(t, scrape(t, metrics), "\n"+figure+"\n")
		}
		time.Sleep(time.Minute)
		for _, figure := range figures {
			require.NotContains(t, scrape(t, metrics), "\n"+figure+"\n", "another worker knows it better by now")
		}
	})
}

func TestOutcomes(t *testing.T) {
	user := &spec.EvalError{Origin: spec.OriginUser}
	for want, result := range map[string]spec.EvalResult{
		"passed":      {Status: spec.StatusCompleted, Score: &spec.Score{Passed: true}},
		"failed":      {Status: spec.StatusCompleted, Score: &spec.Score{}},
		"cancelled":   {Status: spec.StatusCancelled},
		"infra_error": {Status: spec.StatusError, Error: &spec.EvalError{Origin: spec.OriginInfra}},
		"refused":     {Status: spec.StatusError, Error: user},
		"user_error":  {Status: spec.StatusError, Error: user, Attempts: []spec.Attempt{{}}},
	} {
		require.Equal(t, want, telemetry.OutcomeOf(result))
		require.Contains(t, telemetry.Outcomes(), want)
	}
}

func TestIDsAreBounded(t *testing.T) {
	long := telemetry.Correlation{SessionID: strings.Repeat("é", 1000), Epoch: 2}.Bounded()
	require.LessOrEqual(t, len(long.SessionID), 310)
	require.True(t, strings.HasPrefix(long.SessionID, "éé"))
	require.Equal(t, []telemetry.ID{{Name: "session_id", Value: long.SessionID}, {Name: "epoch", Value: "2"}}, long.Known())
}

func TestNoJournalWritesNothing(t *testing.T) {
	var none *telemetry.Journal
	none.Write(t.Context(), telemetry.Entry{Event: telemetry.JobLaunched})
}
