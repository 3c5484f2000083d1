package scorer

import (
	"context"
	"fmt"
	"io"
	"path"
	"strings"

	"pitwall/internal/spec"
)

// Store is what a stored attempt is read from: an *artifact.Store.
type Store interface {
	OpenStream(ctx context.Context, prefix string) (io.ReadCloser, error)
	Resolve(ctx context.Context, uri, sha256 string) (io.ReadCloser, error)
}

// FromStore is the source of an attempt whose streams and artifacts are in a store. Files are found by the path that a
// rule or a listing gave them; a relative path also by its place under the sandbox's home.
func FromStore(store Store, artifacts []spec.Artifact) Source {
	return stored{store: store, artifacts: artifacts}
}

type stored struct {
	store     Store
	artifacts []spec.Artifact
}

func (s stored) OpenStream(ctx context.Context, stream spec.Stream) (io.ReadCloser, error) {
	if stream.Prefix == "" {
		return io.NopCloser(strings.NewReader("")), nil
	}
	return s.store.OpenStream(ctx, stream.Prefix)
}

func (s stored) OpenFile(ctx context.Context, name string) (io.ReadCloser, error) {
	found, listed := s.find(name)
	switch {
	case !listed || found.Status == spec.ArtifactMissing:
		return nil, fmt.Errorf("%w: the job did not write it", ErrNoFile)
	case found.Status != spec.ArtifactStored || found.Ref == nil:
		return nil, fmt.Errorf("%w: %s %s", ErrNoFile, found.Status, found.Reason)
	}
	return s.store.Resolve(ctx, found.Ref.URI, found.Ref.SHA256)
}

// home is where relative paths of a sandbox begin.
const home = "/home/daytona"

func (s stored) find(name string) (found spec.Artifact, listed bool) {
	name = absolute(spec.Printable(name)) // as artifacts are listed
	for _, candidate := range s.artifacts {
		if absolute(candidate.Path) == name {
			// A missing or skipped entry of one rule does not hide what another rule fetched.
			if !listed || candidate.Status == spec.ArtifactStored {
				found, listed = candidate, true
			}
		}
	}
	return found, listed
}

func absolute(name string) string {
	if path.IsAbs(name) {
		return path.Clean(name)
	}
	return path.Join(home, name)
}

// Asked says whether an attempt was to fetch a file, whatever came of it: only then its absence is the job's doing.
func Asked(artifacts []spec.Artifact, name string) bool {
	_, listed := stored{artifacts: artifacts}.find(name)
	return listed
}

// Demand is a score after the artifacts' rules: a required artifact that is missing is a failure of the job.
func Demand(score spec.Score, rules []spec.ArtifactRule, artifacts []spec.Artifact) spec.Score {
	for _, rule := range rules {
		if !rule.Required {
			continue
		}
		for _, found := range artifacts {
			if found.Path == spec.Printable(rule.Path) && found.Status != spec.ArtifactStored && found.Status != spec.ArtifactSkipped {
				return spec.Score{Explanation: "required artifact " + rule.Path + ": " + found.Status}
			}
		}
	}
	return score
}
