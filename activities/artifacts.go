package activities

import (
	"context"
	"fmt"

	"pitwall/internal/artifact"
	"pitwall/internal/spec"
)

// DownloadArtifactsInput is the input of DownloadArtifacts.
type DownloadArtifactsInput struct {
	Sandbox CreatedSandbox `json:"sandbox"`
	// Cwd is where relative rules begin.
	Cwd   string              `json:"cwd"`
	Rules []spec.ArtifactRule `json:"rules"`
	// Succeeded: the job exited 0, so rules for success apply.
	Succeeded bool `json:"succeeded"`
	// Limits of the attempt; zero ones, of evals that are older than the field, are the defaults.
	Limits spec.ArtifactLimits `json:"limits,omitzero"`
	Prefix string              `json:"prefix"`
	// Secrets of the job by name, which are taken out of what is stored. Scan: others are looked for, too.
	Secrets []string `json:"secrets,omitempty"`
	Scan    bool     `json:"scan,omitempty"`
}

// DownloadArtifactsResult lists the files that the rules named, and why a missing one is missing.
type DownloadArtifactsResult struct {
	// Artifacts are the first of the manifest's lines, and all that are of a rule itself.
	Artifacts []spec.Artifact `json:"artifacts"`
	// Manifest has them all.
	Manifest *spec.ArtifactManifest `json:"manifest,omitempty"`
}

// DownloadArtifacts stores what the rules name, and a manifest of it. The job's processes are dead by then, so nothing
// changes underneath; links and anything else that is not a regular file are refused. A missing file is part of the result,
// never an error. Names and contents are stored without secrets. Returns SecretMissing, SandboxLost, StoreFailed or
// Transport.
//
//	rules ──walk──> candidates ──fetch, many small ones at once──> blobs by digest ──> manifest.json
func (j *Jobs) DownloadArtifacts(ctx context.Context, in DownloadArtifactsInput) (DownloadArtifactsResult, error) {
	defer startPulse(ctx, "downloading artifacts").end()
	if _, err := j.Secrets.Resolve(in.Secrets); err != nil {
		return DownloadArtifactsResult{}, terminal(ErrTypeSecretMissing, err)
	}
	toolbox, filter := j.toolbox(in.Sandbox), newArtifactFilter(j.Redactor, j.Scanner, in.Scan)
	limits := artifactLimits(in.Limits)
	found, err := collectArtifacts(ctx, toolbox, filter, in, limits.MaxFiles)
	if err == nil {
		fetch := artifactFetch{store: j.Store, redactor: j.Redactor, toolbox: toolbox, filter: filter, prefix: in.Prefix, left: limits.MaxBytes, many: true}
		err = fetch.all(ctx, found.files())
	}
	if err != nil {
		return DownloadArtifactsResult{}, j.streamError(ctx, in.Sandbox, err)
	}
	lines := found.lines()
	manifest, err := j.writeManifest(ctx, in.Prefix, lines)
	if err != nil {
		return DownloadArtifactsResult{}, j.streamError(ctx, in.Sandbox, err)
	}
	return DownloadArtifactsResult{Artifacts: found.inline(lines), Manifest: manifest}, nil
}

func artifactLimits(given spec.ArtifactLimits) spec.ArtifactLimits {
	if given.MaxFiles == 0 {
		given.MaxFiles = spec.DefaultArtifactFiles
	}
	if given.MaxBytes == 0 {
		given.MaxBytes = spec.DefaultArtifactTotal
	}
	return given
}

// artifactManifest is the content of manifest.json.
type artifactManifest struct {
	Artifacts []spec.Artifact `json:"artifacts"`
}

// writeManifest may be done again by a retry of the activity, with the same lines: the sandbox no longer changes.
func (j *Jobs) writeManifest(ctx context.Context, prefix string, lines []spec.Artifact) (*spec.ArtifactManifest, error) {
	manifest := spec.ArtifactManifest{Listed: len(lines)}
	for _, line := range lines {
		if line.Ref != nil {
			manifest.Stored++
			manifest.StoredBytes += line.Ref.Bytes
		}
	}
	var err error
	if manifest.Ref, err = j.Store.OverwriteJSON(ctx, artifact.FileManifest(prefix), artifactManifest{lines}); err != nil {
		return nil, fmt.Errorf("%w: write the manifest of the artifacts: %w", errStore, err)
	}
	return &manifest, nil
}
