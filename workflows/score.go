package workflows

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"path"

	"go.temporal.io/sdk/workflow"

	"pitwall/activities"
	"pitwall/internal/artifact"
	"pitwall/internal/scorer"
	"pitwall/internal/spec"
)

// score judges a finished job. What the judge could not do is an error of its own, never a score.
func (e *eval) score(ctx workflow.Context, out *attemptOutcome, ran *session) {
	e.progress.Phase = "scoring"
	began := workflow.Now(ctx)
	judge := *e.plan.Input.Scorer
	switch judge.Type {
	case spec.ScorerExitCode:
		score := scorer.ExitCode(judge, *out.record.Job)
		out.score = &score
	case spec.ScorerCommand:
		if err := ran.awaitRemoval(ctx); err != nil {
			out.cancelled = true
			return
		}
		e.scoreByCommand(ctx, judge, out)
	default:
		var scoring *activities.Scoring
		in := activities.ScoreJobInput{Scorer: judge, Job: *out.record.Job, Artifacts: out.artifacts}
		e.take(ctx, out, workflow.ExecuteActivity(withStore(ctx, "score"), scoring.ScoreJob, in))
	}
	if out.score != nil {
		*out.score = scorer.Demand(*out.score, e.plan.Input.Artifacts, out.artifacts)
		note(ctx, scoredEntry(*out.score, began, workflow.Now(ctx)))
	}
}

func (e *eval) take(ctx workflow.Context, out *attemptOutcome, scored workflow.Future) {
	var score spec.Score
	if err := scored.Get(ctx, &score); err != nil {
		out.err, out.cancelled = activities.Describe(err), ctx.Err() != nil
		return
	}
	out.score = &score
}

// scoreByCommand judges in a fresh sandbox, on a new lease: the job's is proven gone, so no eval ever holds two slots.
// A fault of infrastructure here repeats the judge alone; the job's evidence stands.
func (e *eval) scoreByCommand(ctx workflow.Context, judge spec.Scorer, out *attemptOutcome) {
	inputs := spec.Inputs{Files: append(evidenceFiles(out), judge.Files...)}
	job := spec.Job{
		Cwd: scorerDir, MaxOutputBytes: e.plan.Input.Job.MaxOutputBytes,
		Steps: []spec.Step{{Name: "score", Command: judge.Command, TimeLimit: judge.TimeLimit}},
	}
	for i := range inputs.Files {
		if !path.IsAbs(inputs.Files[i].Path) {
			inputs.Files[i].Path = path.Join(scorerDir, inputs.Files[i].Path)
		}
	}
	var capacity patience
	for n := 1; ; n++ {
		s := e.newSession("scorer", e.plan.ScorerClocks, inputs, job, nil)
		s.evidence = func(leaseRun string) string { return artifact.Judge(out.record.EvidencePrefix, leaseRun) }
		s.run(ctx)
		out.err = nil
		out.include(e, s)
		if s.err == nil {
			var scoring *activities.Scoring
			e.take(ctx, out, workflow.ExecuteActivity(withStore(ctx, "read the verdict"), scoring.ScoreCommand,
				activities.ScoreCommandInput{Scorer: judge, Judged: *s.job}))
			return
		}
		wait := backoffAfter(n, infraBackoff)
		if forCapacity, again := capacity.after(out.err, s.full); again {
			n, wait = n-1, forCapacity
		}
		if wasReset(s.err) {
			n-- // whoever reset the eval wants it to run
		}
		if out.cancelled || !retriable(out.err) || n >= e.plan.Input.MaxAttempts {
			return
		}
		if pause(ctx, wait, pauseForRetry) != nil {
			out.cancelled = true
			return
		}
	}
}

// scorerDir is the job directory of a command scorer; its evidence stands below it.
const scorerDir = "/home/daytona/scorer"

// evidenceFiles are what a command scorer judges: streams/<step>.<stream> and artifacts/<path without its first slash>. A job that
// names its files as no other sandbox could hold them does not keep its judge from them.
func evidenceFiles(out *attemptOutcome) []spec.File {
	var files []spec.File
	for _, step := range out.record.Job.Steps {
		if step.Stdout.Prefix != "" {
			files = append(files, spec.File{Path: "streams/" + step.Name + ".stdout", URI: activities.StreamURI(step.Stdout.Prefix)})
		}
		if step.Stderr.Prefix != "" {
			files = append(files, spec.File{Path: "streams/" + step.Name + ".stderr", URI: activities.StreamURI(step.Stderr.Prefix)})
		}
	}
	names := evidenceNames{files: map[string]bool{}, folders: map[string]bool{}}
	for _, found := range out.artifacts {
		if found.Status == spec.ArtifactStored && found.Ref != nil {
			files = append(files, spec.File{Path: path.Join("artifacts", names.give(found.Path)), URI: found.Ref.URI, SHA256: found.Ref.SHA256})
		}
	}
	return files
}

// What Linux takes: 255 bytes a name, 4096 a path, of which the sandbox's own part and a number are some.
const (
	maxEvidenceName = 240
	maxEvidencePath = 3500
)

// evidenceNames are the paths that a judge's sandbox has its artifacts under.
type evidenceNames struct{ files, folders map[string]bool }

// give is an artifact's path, where it is short enough and stands in no other's way; else a shorter one, of a digest.
func (e evidenceNames) give(given string) string {
	name := path.Clean("/" + given)
	if !e.takes(name) {
		sum := sha256.Sum256([]byte(name))
		digest := hex.EncodeToString(sum[:8])
		name = "/renamed/" + digest
		for n := 2; !e.takes(name); n++ { // another folder each time: a file of the job's may be called as one
			name = fmt.Sprintf("/renamed~%d/%s", n, digest)
		}
	}
	e.files[name] = true
	for folder := path.Dir(name); folder != "/"; folder = path.Dir(folder) {
		e.folders[folder] = true
	}
	return name
}

func (e evidenceNames) takes(name string) bool {
	if name == "/" || len(name) > maxEvidencePath || e.files[name] || e.folders[name] {
		return false
	}
	for ; name != "/"; name = path.Dir(name) {
		if len(path.Base(name)) > maxEvidenceName || e.files[name] {
			return false
		}
	}
	return true
}
