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
	// maxArtifacts bounds how many files of one attempt are listed, maxNameBytes how much their names take: a payload of
	// Temporal's holds 2 MiB. The first file beyond is listed as refused, and says so for the rest.
	maxArtifacts = 1000
	maxNameBytes = 512 << 10
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
	// Secrets of the job by name, which are taken out of what is stored. Scan: others are looked for, too.
	Secrets []string `json:"secrets,omitempty"`
	Scan    bool     `json:"scan,omitempty"`
}

// DownloadArtifactsResult lists every file that a rule named, and why a missing one is missing.
type DownloadArtifactsResult struct {
	Artifacts []spec.Artifact `json:"artifacts"`
}

// DownloadArtifacts stores what the rules name. The job's processes are dead by then, so nothing changes underneath;
// links and anything else that is not a regular file are refused. A missing file is part of the result, never an error.
// Names and contents are stored without secrets. Returns SecretMissing, SandboxLost, StoreFailed or Transport.
func (j *Jobs) DownloadArtifacts(ctx context.Context, in DownloadArtifactsInput) (DownloadArtifactsResult, error) {
	defer startPulse(ctx, "downloading artifacts").end()
	if _, err := j.Secrets.Resolve(in.Secrets); err != nil {
		return DownloadArtifactsResult{}, terminal(ErrTypeSecretMissing, err)
	}
	fetch := artifactFetch{
		jobs: j, in: in, toolbox: j.toolbox(in.Sandbox), stored: map[string]bool{},
		filter: newArtifactFilter(j.Redactor, j.Scanner, in.Scan),
	}
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
	filter  *artifactFilter
	// stored says of each file that was looked at whether it is kept.
	stored map[string]bool
	result []spec.Artifact
	// bytes that are stored, and bytes of the names in result.
	bytes, nameBytes int64
}

func (f *artifactFetch) rule(ctx context.Context, rule spec.ArtifactRule) error {
	if rule.When != spec.WhenAlways && !f.in.Succeeded {
		f.add(rule.Path, spec.ArtifactSkipped, "the job did not succeed, and the rule is for success", nil)
		return nil
	}
	found, kept := 0, 0
	err := walkGlob(ctx, f.toolbox, absolute(absolute(homeDir, f.in.Cwd), rule.Path), func(path string, info daytona.FileInfo) error {
		found++
		err := f.file(ctx, rule, path, info)
		if f.stored[path] {
			kept++
		}
		return err
	})
	if errors.Is(err, errWalkTooMuch) {
		f.add(rule.Path, spec.ArtifactRefused, err.Error(), nil)
		return nil
	}
	if err != nil {
		return err
	}
	switch {
	case found == 0:
		f.add(rule.Path, spec.ArtifactMissing, "no such file", nil)
	case kept == 0 && rule.Required:
		f.add(rule.Path, spec.ArtifactRefused, "none of its files could be kept", nil)
	}
	return nil
}

func (f *artifactFetch) file(ctx context.Context, rule spec.ArtifactRule, path string, info daytona.FileInfo) error {
	if _, seen := f.stored[path]; seen {
		return nil
	}
	f.stored[path] = false
	name := f.filter.name(path)
	if len(f.result) >= maxArtifacts || f.nameBytes >= maxNameBytes {
		f.add(name, spec.ArtifactRefused, fmt.Sprintf("it and what comes after it: an attempt keeps %d files, their names %d bytes", maxArtifacts, maxNameBytes), nil)
		return errWalkEnough
	}
	switch {
	case !info.Regular():
		f.add(name, spec.ArtifactRefused, "not a regular file: "+info.Mode[:min(len(info.Mode), 1)], nil)
		return nil
	case info.Size > rule.MaxBytes:
		f.add(name, spec.ArtifactTooLarge, fmt.Sprintf("%d bytes, more than the rule's %d", info.Size, rule.MaxBytes), nil)
		return nil
	case f.bytes+info.Size > maxArtifactTotal:
		f.add(name, spec.ArtifactTooLarge, fmt.Sprintf("the attempt's artifacts are more than %d bytes together", int64(maxArtifactTotal)), nil)
		return nil
	}
	return f.fetch(ctx, path, name, rule.MaxBytes)
}

// fetch stores a file of the sandbox under a name without secrets.
func (f *artifactFetch) fetch(ctx context.Context, path, name string, limit int64) error {
	body, _, err := f.toolbox.Download(ctx, path, 0, limit+1)
	if err != nil {
		var failed *daytona.Error
		if errors.As(err, &failed) && failed.Status >= 400 && failed.Status < 500 && !errors.Is(err, daytona.ErrSandboxSuspect) {
			f.add(name, spec.ArtifactRefused, f.jobs.Redactor.String(bounded(failed.Message, 200)), nil)
			return nil
		}
		return err
	}
	defer body.Close()
	filtered := f.filter.open(body, limit)
	// Overwrite, because a retry of this activity may come after the job's last word and must not clash with itself.
	ref, err := f.jobs.Store.Overwrite(ctx, artifact.File(f.in.Prefix, name), filtered, maxGrowth*limit)
	if errors.Is(err, artifact.ErrTooLarge) {
		f.add(name, spec.ArtifactTooLarge, fmt.Sprintf("more than the rule's %d bytes", limit), nil)
		return nil
	}
	if err != nil {
		return fmt.Errorf("%w: store artifact %q: %w", errStore, name, err)
	}
	f.bytes += ref.Bytes
	f.stored[path] = true
	f.add(name, spec.ArtifactStored, "", &ref)
	kept := &f.result[len(f.result)-1]
	kept.Redacted, kept.Scanned = filtered.close(ref.Bytes)
	return nil
}

func (f *artifactFetch) add(path, status, reason string, ref *spec.Ref) {
	path = printable(path)
	f.nameBytes += int64(len(path))
	f.result = append(f.result, spec.Artifact{Path: path, Status: status, Reason: reason, Ref: ref})
}
