package activities

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/temporal"

	"pitwall/internal/artifact"
	"pitwall/internal/daytona/daytonatest"
	"pitwall/internal/scorer"
	"pitwall/internal/spec"
)

func commandJob() spec.Job {
	return spec.Job{Steps: []spec.Step{{Name: "run", Command: "true", TimeLimit: spec.Duration(time.Minute)}}}
}

// uploadsFromRoot is fromRoot, also for the names of files that are uploaded.
func uploadsFromRoot(next http.Handler) http.Handler {
	next = fromRoot(next)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.HasSuffix(r.URL.Path, "/files/bulk-upload") {
			raw, _ := io.ReadAll(r.Body)
			raw = bytes.ReplaceAll(raw, []byte("\r\n\r\n/"), []byte("\r\n\r\n"))
			r.Body, r.ContentLength = io.NopCloser(bytes.NewReader(raw)), int64(len(raw))
		}
		next.ServeHTTP(w, r)
	})
}

// newUploadBox is a box whose sandbox takes uploads and clones from its root on, and removes a folder when it is told to.
func newUploadBox(t *testing.T) box {
	t.Helper()
	var root string
	b := newBoxOf(t, daytonatest.Options{
		Execute: func(e daytonatest.Execution) (int, string) {
			if _, folder, found := strings.Cut(e.Command, "|| rm -rf -- "); found {
				folder = filepath.Join(e.Dir, strings.Trim(folder, "'"))
				if _, err := os.Stat(filepath.Join(folder, ".git")); err == nil {
					_ = os.RemoveAll(folder)
				}
			}
			return 0, e.Dir
		},
		Around: func(next http.Handler) http.Handler { return clones(uploadsFromRoot(next), &root) },
	})
	root = b.root
	return b
}

// clones answers as the toolbox does with git: a folder that holds something is refused.
func clones(next http.Handler, root *string) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !strings.HasSuffix(r.URL.Path, "/git/clone") {
			next.ServeHTTP(w, r)
			return
		}
		var body struct{ Path string }
		_ = json.NewDecoder(r.Body).Decode(&body)
		dir := filepath.Join(*root, body.Path)
		if held, _ := os.ReadDir(dir); len(held) > 0 {
			daytonatest.Answer(http.StatusBadRequest, "fatal: destination path '"+body.Path+"' already exists and is not an empty directory.")(w, r, nil)
			return
		}
		_ = os.MkdirAll(filepath.Join(dir, ".git"), 0o755)
	})
}

// A path that the sandbox cannot have is the user's error, and final.
func TestAnInputThatTheSandboxRefusesIsTheUsersError(t *testing.T) {
	b := newUploadBox(t)
	_, err := activityEnv(t, b.jobs).ExecuteActivity(b.jobs.UploadInputs, UploadInputsInput{
		Sandbox: b.sandbox, Job: commandJob(),
		Inputs: spec.Inputs{Files: []spec.File{{Path: "data", Content: "x"}, {Path: "data/a.txt", Content: "y"}}},
	})
	var app *temporal.ApplicationError
	require.ErrorAs(t, err, &app)
	require.True(t, app.NonRetryable())
	require.Equal(t, spec.OriginUser, Describe(err).Origin)
}

func TestACodeStepBesideAFileOfItsNameIsNoFault(t *testing.T) {
	b := newUploadBox(t)
	job := spec.Job{Steps: []spec.Step{{Name: "run", Code: "print(1)", Language: "python", TimeLimit: spec.Duration(time.Minute)}}}
	in := spec.Inputs{Files: []spec.File{{Path: ".run.py", Content: "x"}}}
	eval := spec.EvalInput{Job: job, Inputs: in}.WithDefaults(spec.Defaults{})
	require.NoError(t, eval.Validate())
	_, err := activityEnv(t, b.jobs).ExecuteActivity(b.jobs.UploadInputs, UploadInputsInput{Sandbox: b.sandbox, Job: job, Inputs: in})
	var app *temporal.ApplicationError
	require.ErrorAs(t, err, &app)
	require.True(t, app.NonRetryable())
}

// A clone can be made again after its worker died.
func TestUploadInputsWithGitCanBeRepeated(t *testing.T) {
	b := newUploadBox(t)
	in := UploadInputsInput{Sandbox: b.sandbox, Job: commandJob(), Inputs: spec.Inputs{Git: &spec.GitSource{URL: "https://example.org/r.git", Commit: strings.Repeat("a", 40), Path: "repo"}}}
	_, err := activityEnv(t, b.jobs).ExecuteActivity(b.jobs.UploadInputs, in)
	require.NoError(t, err)
	b.write("home/daytona/repo/half.txt", "of the first try")
	_, err = activityEnv(t, b.jobs).ExecuteActivity(b.jobs.UploadInputs, in) // its worker died before it could answer
	require.NoError(t, err)
	require.DirExists(t, filepath.Join(b.root, "home/daytona/repo/.git"))
	require.NoFileExists(t, filepath.Join(b.root, "home/daytona/repo/half.txt"))
}

func TestFilesMayLieInTheClone(t *testing.T) {
	b := newUploadBox(t)
	in := UploadInputsInput{Sandbox: b.sandbox, Job: commandJob(), Inputs: spec.Inputs{
		Files: []spec.File{{Path: "repo/tests/hidden_test.py", Content: "x"}},
		Git:   &spec.GitSource{URL: "https://example.org/r.git", Commit: strings.Repeat("a", 40), Path: "repo"},
	}}
	_, err := activityEnv(t, b.jobs).ExecuteActivity(b.jobs.UploadInputs, in)
	require.NoError(t, err)
	require.FileExists(t, filepath.Join(b.root, "home/daytona/repo/tests/hidden_test.py"))
}

func TestACancelBeforeTheFirstReportHasAPlausibleDuration(t *testing.T) {
	asked, cancelled := make(chan struct{}), make(chan struct{})
	b := newBoxOf(t, daytonatest.Options{Execute: func(e daytonatest.Execution) (int, string) {
		switch {
		case strings.HasSuffix(e.Command, "stop"):
			return 0, "pitwall 1 lost\nstep 1 running\nsize 1.out 0\n"
		case e.Command != "where": // the launch, whose answer comes after the cancel
			close(asked)
			<-cancelled
		}
		return 0, "pitwall 1 running\nstep 1 running\nsize 1.out 0\n"
	}})
	run := func(ctx context.Context, in RunJobInput) (spec.JobResult, error) {
		ctx, cancel := context.WithCancelCause(ctx)
		go func() {
			<-asked
			cancel(temporal.NewCanceledError())
			close(cancelled)
		}()
		return b.jobs.RunJob(ctx, in)
	}
	_, err := activityEnv(t, run).ExecuteActivity(run, RunJobInput{
		Sandbox: b.sandbox, Steps: []StepPlan{{Name: "run", TimeLimit: time.Minute}}, Prefix: "evals/a/attempt-1", MaxOutputBytes: 1 << 20,
	})
	var ended *temporal.CanceledError
	require.ErrorAs(t, err, &ended)
	var result spec.JobResult
	require.NoError(t, ended.Details(&result))
	require.Less(t, result.DurationMS, int64(60_000))
}

func TestAVerdictIsNotReadFromTheMiddleOfWhatAScorerPrinted(t *testing.T) {
	store, err := artifact.Open(t.Context(), "mem://")
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, store.Close()) })
	// The scorer shows the job's output, and prints its verdict at the end: {"value": 0.1}. Of its stdout only the beginning is kept.
	kept := "what the job printed\n{\"value\": 1000}\n"
	prefix := artifact.Stream("evals/a/attempt-1.x/scorer.y", "score", "stdout")
	require.NoError(t, store.AppendChunk(t.Context(), prefix, 0, []byte(kept)))
	zero := 0
	scoring := &Scoring{Store: store}
	value, err := activityEnv(t, scoring).ExecuteActivity(scoring.ScoreCommand, ScoreCommandInput{
		Scorer: spec.Scorer{Type: spec.ScorerCommand, Command: "judge"},
		Judged: spec.JobResult{Steps: []spec.StepResult{{Name: "score", ExitCode: &zero, Stdout: spec.Stream{
			Prefix: prefix, BytesKept: int64(len(kept)), BytesTotal: int64(len(kept)) + 20, Truncated: true,
		}}}},
	})
	require.NoError(t, err)
	var score spec.Score
	require.NoError(t, value.Get(&score))
	require.False(t, score.Passed)
	require.Zero(t, score.Value)
	require.Contains(t, score.Explanation, "its last line is lost")
}

func TestAScoreFileWithAPercentSign(t *testing.T) {
	b := newBox(t)
	b.write("home/daytona/100%.json", `{"score": 1}`)
	name := "/home/daytona/100%.json"
	in := spec.EvalInput{Job: commandJob(), Scorer: &spec.Scorer{Type: spec.ScorerJSONFile, Path: name}}.WithDefaults(spec.Defaults{})
	require.NoError(t, in.Validate())
	value, err := activityEnv(t, b.jobs).ExecuteActivity(b.jobs.DownloadArtifacts, DownloadArtifactsInput{
		Sandbox: b.sandbox, Cwd: homeDir, Rules: []spec.ArtifactRule{{Path: name, When: spec.WhenAlways, MaxBytes: 1 << 20}}, Succeeded: true, Prefix: "evals/a/attempt-1",
	})
	require.NoError(t, err)
	var found DownloadArtifactsResult
	require.NoError(t, value.Get(&found))
	zero := 0
	score, err := (&Scoring{Store: b.jobs.Store}).ScoreJob(t.Context(), ScoreJobInput{
		Scorer: *in.Scorer, Artifacts: found.Artifacts, Job: spec.JobResult{Steps: []spec.StepResult{{Name: "run", ExitCode: &zero}}},
	})
	require.NoError(t, err)
	require.True(t, score.Passed, score.Explanation)
}

func TestARequiredArtifactWithAPercentSign(t *testing.T) {
	b := newBox(t)
	rules := []spec.ArtifactRule{{Path: "100%.txt", When: spec.WhenAlways, MaxBytes: 1 << 20, Required: true}}
	value, err := activityEnv(t, b.jobs).ExecuteActivity(b.jobs.DownloadArtifacts, DownloadArtifactsInput{
		Sandbox: b.sandbox, Cwd: homeDir, Rules: rules, Succeeded: true, Prefix: "evals/a/attempt-1",
	})
	require.NoError(t, err)
	var found DownloadArtifactsResult
	require.NoError(t, value.Get(&found))
	require.False(t, scorer.Demand(spec.Score{Value: 1, Passed: true}, rules, found.Artifacts).Passed)
}
