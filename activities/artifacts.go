package activities

import (
	"context"
	"errors"
	"fmt"

	"pitwall/internal/artifact"
	"pitwall/internal/daytona"
	"pitwall/internal/spec"
)

const (
	// maxArtifacts bounds how many files of one attempt are fetched; the rest are listed as refused.
	maxArtifacts = 1000
	// maxArtifactTotal bounds their bytes together.
	maxArtifactTotal = 1 << 30
)

// DownloadArtifactsInput is the input of DownloadArtifacts.
type DownloadArtifactsInput struct {
	Sandbox CreatedSandbox `json:"sandbox"`
	// Cwd is where relative rules begin.
	Cwd   string              `json:"cwd"`
	Rules []spec.ArtifactRule `json:"rules"`
	// Succeeded: the job exited 0, so rules for success apply.
	Succeeded bool   `json:"succeeded"`
	Prefix    string `json:"prefix"`
}

// DownloadArtifactsResult lists every file that a rule named, and why a missing one is missing.
type DownloadArtifactsResult struct {
	Artifacts []spec.Artifact `json:"artifacts"`
}

// DownloadArtifacts stores what the rules name. The job's processes are dead by then, so nothing changes underneath;
// links and anything else that is not a regular file are refused. A missing file is part of the result, never an error.
func (j *Jobs) DownloadArtifacts(ctx context.Context, in DownloadArtifactsInput) (DownloadArtifactsResult, error) {
	defer startPulse(ctx, "downloading artifacts").end()
	fetch := artifactFetch{jobs: j, in: in, toolbox: j.toolbox(in.Sandbox), seen: map[string]bool{}}
	for _, rule := range in.Rules {
		if err := fetch.rule(ctx, rule); err != nil {
			return DownloadArtifactsResult{}, j.streamError(ctx, in.Sandbox, err)
		}
	}
	return DownloadArtifactsResult{Artifacts: fetch.result}, nil
}

// artifactFetch is one run of DownloadArtifacts.
type artifactFetch struct {
	jobs    *Jobs
	in      DownloadArtifactsInput
	toolbox *daytona.Toolbox
	seen    map[string]bool
	result  []spec.Artifact
	stored  int64
}

func (f *artifactFetch) rule(ctx context.Context, rule spec.ArtifactRule) error {
	if rule.When != spec.WhenAlways && !f.in.Succeeded {
		f.add(rule.Path, spec.ArtifactSkipped, "the job did not succeed, and the rule is for success", nil)
		return nil
	}
	found := 0
	err := walkGlob(ctx, f.toolbox, absolute(absolute(homeDir, f.in.Cwd), rule.Path), func(path string, info daytona.FileInfo) error {
		found++
		return f.file(ctx, rule, path, info)
	})
	if err != nil {
		return err
	}
	if found == 0 {
		f.add(rule.Path, spec.ArtifactMissing, "no such file", nil)
	}
	return nil
}

func (f *artifactFetch) file(ctx context.Context, rule spec.ArtifactRule, path string, info daytona.FileInfo) error {
	switch {
	case f.seen[path]:
		return nil
	case len(f.result) >= maxArtifacts:
		return errWalkEnough
	}
	f.seen[path] = true
	switch {
	case !info.Regular():
		f.add(path, spec.ArtifactRefused, "not a regular file: "+info.Mode[:min(len(info.Mode), 1)], nil)
		return nil
	case info.Size > rule.MaxBytes:
		f.add(path, spec.ArtifactTooLarge, fmt.Sprintf("%d bytes, more than the rule's %d", info.Size, rule.MaxBytes), nil)
		return nil
	case f.stored+info.Size > maxArtifactTotal:
		f.add(path, spec.ArtifactTooLarge, fmt.Sprintf("the attempt's artifacts are more than %d bytes together", int64(maxArtifactTotal)), nil)
		return nil
	}
	return f.fetch(ctx, path, rule.MaxBytes)
}

func (f *artifactFetch) fetch(ctx context.Context, path string, limit int64) error {
	body, _, err := f.toolbox.Download(ctx, path, 0, limit+1)
	if err != nil {
		var failed *daytona.Error
		if errors.As(err, &failed) && failed.Status >= 400 && failed.Status < 500 && !errors.Is(err, daytona.ErrSandboxSuspect) {
			f.add(path, spec.ArtifactRefused, bounded(failed.Message, 200), nil)
			return nil
		}
		return err
	}
	defer body.Close()
	// Overwrite, because a retry of this activity may come after the job's last word and must not clash with itself.
	ref, err := f.jobs.Store.Overwrite(ctx, artifact.File(f.in.Prefix, path), body, limit)
	if errors.Is(err, artifact.ErrTooLarge) {
		f.add(path, spec.ArtifactTooLarge, fmt.Sprintf("more than the rule's %d bytes", limit), nil)
		return nil
	}
	if err != nil {
		return fmt.Errorf("%w: store artifact %q: %w", errStore, path, err)
	}
	f.stored += ref.Bytes
	f.add(path, spec.ArtifactStored, "", &ref)
	return nil
}

func (f *artifactFetch) add(path, status, reason string, ref *spec.Ref) {
	f.result = append(f.result, spec.Artifact{Path: printable(path), Status: status, Reason: reason, Ref: ref})
}
