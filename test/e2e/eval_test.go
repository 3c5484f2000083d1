//go:build linux

package e2e

import (
	"context"
	"io"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/temporal"

	"pitwall/internal/spec"
	"pitwall/test/harness"
	"pitwall/workflows"
)

func TestEvalIsScoredAndItsSandboxProvenGone(t *testing.T) {
	s := harness.Start(t, harness.Options{})
	in := spec.EvalInput{
		Inputs: spec.Inputs{Files: []spec.File{{Path: "data/in.txt", Content: "seven"}}},
		Job: spec.Job{Steps: []spec.Step{
			{Name: "setup", Command: "mkdir out"},
			{Name: "main", Code: "print(open('data/in.txt').read()); open('out/a.json','w').write('{\"score\": 1}')"},
		}},
		Artifacts: []spec.ArtifactRule{{Path: "out/*.json", Required: true}},
		Scorer:    &spec.Scorer{Type: spec.ScorerJSONFile, Path: "out/a.json"},
	}
	result := s.Result(s.Run("one", in))
	require.Equal(t, spec.StatusCompleted, result.Status, "%+v", result.Error)
	require.True(t, result.Score.Passed, result.Score.Explanation)
	require.Equal(t, "seven\n", result.Job.Steps[1].Stdout.Tail)
	require.Equal(t, spec.CleanupProven, result.Cleanup)
	use := result.Attempts[0].Sandboxes[0]
	require.Equal(t, use.ID, use.Removal.SandboxID)
	require.NotEmpty(t, use.Removal.ConfirmedBy)
	require.Positive(t, use.Removal.SandboxSeconds)
	require.Equal(t, "python", result.Effective.Sandbox.Language, "defaults are echoed")
	require.Empty(t, s.Live())
	s.AwaitNoLease()
}

func TestInputThatIsNotWhatItsSpecSaysIsTheUsersError(t *testing.T) {
	s := harness.Start(t, harness.Options{})
	ref, err := s.Store.PutBlob(t.Context(), strings.NewReader("twelve bytes"), 12)
	require.NoError(t, err)
	files := map[string]spec.File{
		"another length": {Path: "in", URI: ref.URI, Bytes: 13},
		"another digest": {Path: "in", URI: ref.URI, SHA256: strings.Repeat("0", 64)},
		"nothing there":  {Path: "in", URI: "store:blobs/00/" + strings.Repeat("0", 64)},
	}
	for name, file := range files {
		t.Run(name, func(t *testing.T) {
			in := harness.Command("cat in")
			in.Inputs.Files = []spec.File{file}
			result := s.Result(s.Run("input/"+strings.ReplaceAll(name, " ", "-"), in))
			require.Equal(t, spec.StatusError, result.Status)
			require.Equal(t, spec.OriginUser, result.Error.Origin, result.Error.Message)
			require.Len(t, result.Attempts, 1)
			require.Nil(t, result.Score)
		})
	}
	require.Empty(t, s.Live())
}

func TestOutputIsBytes(t *testing.T) {
	s := harness.Start(t, harness.Options{})
	result := s.Result(s.Run("bytes", harness.Command(
		`printf '\000\377\376 no newline'; head -c 3000000 /dev/zero | tr '\000' x >&2`)))
	require.True(t, result.Score.Passed)
	stdout := result.Job.Steps[0].Stdout
	require.Equal(t, "\x00\xff\xfe no newline", read(t, s, stdout))
	require.Equal(t, int64(3_000_000), result.Job.Steps[0].Stderr.BytesTotal)
	require.Equal(t, strings.Repeat("x", 3_000_000), read(t, s, result.Job.Steps[0].Stderr))
}

func read(t *testing.T, s *harness.Stack, stream spec.Stream) string {
	t.Helper()
	stored, err := s.Store.OpenStream(t.Context(), stream.Prefix)
	require.NoError(t, err)
	defer stored.Close()
	data, err := io.ReadAll(stored)
	require.NoError(t, err)
	return string(data)
}

func TestJobFailuresAreResultsAndNotErrors(t *testing.T) {
	s := harness.Start(t, harness.Options{})
	cases := map[string]struct {
		in    spec.EvalInput
		check func(t *testing.T, step spec.StepResult)
	}{
		"exit code":   {harness.Command("exit 7"), func(t *testing.T, step spec.StepResult) { require.Equal(t, 7, *step.ExitCode) }},
		"no such":     {harness.Command("no-such-command"), func(t *testing.T, step spec.StepResult) { require.Equal(t, 127, *step.ExitCode) }},
		"killed":      {harness.Command("kill -SEGV $$"), func(t *testing.T, step spec.StepResult) { require.Equal(t, 128+11, *step.ExitCode) }},
		"out of time": {limited("echo begun; sleep 60", 2*time.Second), func(t *testing.T, step spec.StepResult) { require.True(t, step.TimedOut) }},
		"no network":  {harness.Command("python3 -c 'import socket; socket.create_connection((\"1.1.1.1\", 53), 3)'"), func(t *testing.T, step spec.StepResult) { require.NotEqual(t, 0, *step.ExitCode) }},
	}
	runs := map[string]client.WorkflowRun{}
	for name, tc := range cases {
		runs[name] = s.Run("fails/"+name, tc.in)
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			result := s.Result(runs[name])
			require.Equal(t, spec.StatusCompleted, result.Status, "%+v", result.Error)
			require.False(t, result.Score.Passed)
			require.Len(t, result.Attempts, 1, "a failing job is not run again")
			tc.check(t, result.Job.Steps[0])
		})
	}
	require.Empty(t, s.Live())
}

func limited(command string, limit time.Duration) spec.EvalInput {
	in := harness.Command(command)
	in.Job.Steps[0].TimeLimit = spec.Duration(limit)
	return in
}

// longJob leaves a trace of each start, and writes for some seconds.
const longJob = `echo start >>/home/daytona/starts; i=0; while [ $i -lt 80 ]; do echo line $i; i=$((i+1)); sleep 0.1; done; cat /home/daytona/starts`

func TestKilledWorkerReattaches(t *testing.T) {
	t.Parallel() // it mostly waits
	s := harness.Start(t, harness.Options{})
	run := s.Run("reattach", harness.Command(longJob))
	s.AwaitFile(s.AwaitSandbox("reattach"), "/home/daytona/starts")
	s.Workers[0].Kill()
	s.StartWorker()
	result := s.Result(run)
	require.True(t, result.Score.Passed, "%+v", result.Job)
	require.Len(t, result.Attempts, 1)
	var want strings.Builder
	for i := range 80 {
		want.WriteString("line " + strconv.Itoa(i) + "\n")
	}
	want.WriteString("start\n") // once
	require.Equal(t, want.String(), read(t, s, result.Job.Steps[0].Stdout))
	require.Empty(t, s.Live())
}

// A heartbeat that Temporal does not answer ends the activity's context just as a cancel does, and must not end the job.
func TestTemporalAwayDoesNotHurtTheJob(t *testing.T) {
	t.Parallel() // it mostly waits
	s := harness.Start(t, harness.Options{})
	run := s.Run("away", harness.Command(longJob))
	s.AwaitFile(s.AwaitSandbox("away"), "/home/daytona/starts")
	s.TemporalServer.Kill()
	time.Sleep(5 * time.Second) // two heartbeats and their bound of 2 s
	s.StartTemporal()
	result := s.Result(run)
	require.Equal(t, spec.StatusCompleted, result.Status, "%+v", result.Error)
	require.True(t, result.Score.Passed, "%+v", result.Job)
	require.True(t, strings.HasSuffix(read(t, s, result.Job.Steps[0].Stdout), "line 79\nstart\n"))
	require.Empty(t, s.Live())
}

func TestEvalThatIsRunAgainUnderItsIDDoesNotSeeTheOldOutput(t *testing.T) {
	s := harness.Start(t, harness.Options{})
	s.Result(s.Run("again", harness.Command("echo the first one was longer")))
	second := s.Result(s.Run("again", harness.Command("echo second")))
	require.Equal(t, "second\n", read(t, s, second.Job.Steps[0].Stdout))
}

func TestStoppedWorkerHandsItsJobOver(t *testing.T) {
	t.Parallel() // it mostly waits
	s := harness.Start(t, harness.Options{Workers: 2})
	run := s.Run("handover", harness.Command(longJob))
	s.AwaitFile(s.AwaitSandbox("handover"), "/home/daytona/starts")
	s.Workers[0].Stop()
	result := s.Result(run)
	require.True(t, result.Score.Passed, "%+v", result.Job)
	require.True(t, strings.HasSuffix(read(t, s, result.Job.Steps[0].Stdout), "line 79\nstart\n"))
}

func TestTerminatedEvalLeavesNoSandbox(t *testing.T) {
	s := harness.Start(t, harness.Options{})
	run := s.Run("terminated", harness.Command("sleep 600"))
	sandbox := s.AwaitSandbox("terminated")
	require.NoError(t, s.Temporal.TerminateWorkflow(t.Context(), run.GetID(), run.GetRunID(), "test"))
	t.Logf("gone %s after the terminate", s.AwaitGone(sandbox.ID))
	s.AwaitNoLease()
}

func TestCancelledEvalKeepsItsEvidence(t *testing.T) {
	s := harness.Start(t, harness.Options{})
	run := s.Run("cancelled", harness.Command("echo evidence; touch begun; sleep 600"))
	sandbox := s.AwaitSandbox("cancelled")
	s.AwaitFile(sandbox, "/home/daytona/begun")
	require.NoError(t, s.Temporal.CancelWorkflow(t.Context(), run.GetID(), run.GetRunID()))
	t.Logf("gone %s after the cancel", s.AwaitGone(sandbox.ID))
	var result spec.EvalResult
	var cancelled *temporal.CanceledError
	require.ErrorAs(t, run.Get(t.Context(), nil), &cancelled)
	require.NoError(t, cancelled.Details(&result))
	require.Equal(t, spec.StatusCancelled, result.Status)
	require.Nil(t, result.Score)
	require.Equal(t, "evidence\n", result.Job.Steps[0].Stdout.Tail)
	require.NotNil(t, result.Attempts[0].Sandboxes[0].Removal)
	s.AwaitNoLease()
}

func TestSlotsBoundTheLiveSandboxes(t *testing.T) {
	s := harness.Start(t, harness.Options{Slots: 2})
	var runs []client.WorkflowRun
	for i := range 8 {
		runs = append(runs, s.Run("slots/"+strconv.Itoa(i), harness.Command("sleep 0.5")))
	}
	most := 0
	done := make(chan struct{})
	go func() {
		defer close(done)
		for _, run := range runs {
			_ = run.Get(context.Background(), nil)
		}
	}()
	for watching := true; watching; {
		select {
		case <-done:
			watching = false
		case <-time.After(30 * time.Millisecond):
			most = max(most, len(s.Live()))
		}
	}
	for _, run := range runs {
		require.True(t, s.Result(run).Score.Passed)
	}
	require.LessOrEqual(t, most, 2)
	require.Positive(t, most)
	require.Empty(t, s.Live())
}

func TestLostSandboxIsReplacedAndNothingIsScoredTwice(t *testing.T) {
	t.Parallel() // it mostly waits
	s := harness.Start(t, harness.Options{})
	run := s.Run("lost", harness.Command("touch begun; sleep 5; echo done"))
	first := s.AwaitSandbox("lost")
	s.AwaitFile(first, "/home/daytona/begun")
	require.NoError(t, s.Daytona.DeleteSandbox(t.Context(), first.ID))
	result := s.Result(run)
	require.Equal(t, spec.StatusCompleted, result.Status)
	require.Len(t, result.Attempts, 2)
	require.Equal(t, spec.OriginInfra, result.Attempts[0].Error.Origin)
	require.True(t, result.Score.Passed)
	require.Empty(t, s.Live())
}

func TestBadInputIsRefusedBeforeAnythingIsCreated(t *testing.T) {
	s := harness.Start(t, harness.Options{})
	run := s.Run("bad", spec.EvalInput{Job: spec.Job{Steps: []spec.Step{{}}}, MaxAttempts: 99})
	err := run.Get(t.Context(), nil)
	var app *temporal.ApplicationError
	require.ErrorAs(t, err, &app)
	require.Equal(t, "InvalidInput", app.Type())
	require.Contains(t, app.Message(), "max_attempts")
	require.Contains(t, app.Message(), "steps")

	unknown, err := s.Temporal.ExecuteWorkflow(t.Context(), client.StartWorkflowOptions{ID: "unknown", TaskQueue: workflows.TaskQueue},
		"EvalWorkflow", map[string]any{"jbo": 1})
	require.NoError(t, err)
	require.ErrorContains(t, unknown.Get(t.Context(), nil), "jbo")
	require.Empty(t, s.Live())
}

func TestReaperRemovesWhatNobodyHoldsAndNothingElse(t *testing.T) {
	s := harness.Start(t, harness.Options{})
	held := s.Run("held", harness.Command("sleep 600"))
	living := s.AwaitSandbox("held")
	orphan := s.MakeSandbox("orphan", map[string]string{
		"managed-by": "pitwall", "pitwall-cluster": s.Cluster, "pitwall-namespace": s.Namespace,
		"pitwall-lease": living.Labels["pitwall-lease"] + "/closed", "pitwall-lease-run": s.ClosedLeaseRun(living.Labels["pitwall-lease"]),
	})
	foreign := s.MakeSandbox("foreign", map[string]string{
		"managed-by": "pitwall", "pitwall-cluster": "another", "pitwall-namespace": s.Namespace, "pitwall-lease": "x", "pitwall-lease-run": "y",
	})
	reaper, err := s.Temporal.ExecuteWorkflow(t.Context(), client.StartWorkflowOptions{ID: "reap", TaskQueue: workflows.CleanupQueue}, workflows.ReaperWorkflow, workflows.ReaperInput{})
	require.NoError(t, err)
	var report workflows.ReaperResult
	require.NoError(t, reaper.Get(t.Context(), &report))
	s.AwaitGone(orphan)
	_, err = s.Daytona.GetSandbox(t.Context(), living.ID)
	require.NoError(t, err, "a held sandbox was touched")
	_, err = s.Daytona.GetSandbox(t.Context(), foreign)
	require.NoError(t, err, "a foreign sandbox was touched")
	require.NoError(t, s.Temporal.TerminateWorkflow(t.Context(), held.GetID(), held.GetRunID(), "done"))
	s.AwaitGone(living.ID)
}

func TestKilledSandboxServerLosesNothingThatIsAlive(t *testing.T) {
	t.Parallel() // it mostly waits
	s := harness.Start(t, harness.Options{})
	run := s.Run("adopted", harness.Command(longJob))
	s.AwaitFile(s.AwaitSandbox("adopted"), "/home/daytona/starts")
	s.Sandboxd.Kill()
	s.StartSandboxd()
	result := s.Result(run)
	require.True(t, result.Score.Passed, "%+v %+v", result.Error, result.Job)
	require.Len(t, result.Attempts, 1)
	require.Empty(t, s.Live())
}

func TestPausedWorkerIsAZombieThatTouchesNothing(t *testing.T) {
	t.Parallel() // it mostly waits
	s := harness.Start(t, harness.Options{Workers: 1})
	run := s.Run("paused", harness.Command(longJob))
	s.AwaitFile(s.AwaitSandbox("paused"), "/home/daytona/starts")
	s.Workers[0].Signal(syscall.SIGSTOP)
	s.StartWorker()
	result := s.Result(run)
	s.Workers[0].Signal(syscall.SIGCONT)
	require.True(t, result.Score.Passed)
	require.Len(t, result.Attempts, 1)
	require.Empty(t, s.Live())
}
