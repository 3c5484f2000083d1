package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"iter"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"pitwall/internal/artifact"
	"pitwall/internal/spec"
)

func artifactsCommand(term *terminal) *cobra.Command {
	return group("artifacts", "List and fetch the files and streams that an eval kept",
		artifactsListCommand(term), artifactsGetCommand(term))
}

func artifactsListCommand(term *terminal) *cobra.Command {
	return &cobra.Command{
		Use:   "list EVAL",
		Short: "List an eval's artifacts, and the streams of its job's steps as streams/STEP/stdout and streams/STEP/stderr",
		Args:  exactly("EVAL"),
		RunE: func(cmd *cobra.Command, args []string) error {
			return withEvidence(cmd.Context(), term, args[0], func(_ *artifact.Store, kept []spec.Artifact) error {
				return listArtifacts(term, kept)
			})
		},
	}
}

// streamArtifacts are what is kept of the job's streams. A path in a sandbox begins with "/", so theirs is none.
func streamArtifacts(result spec.EvalResult) []spec.Artifact {
	if result.Job == nil {
		return nil
	}
	var all []spec.Artifact
	for _, step := range result.Job.Steps {
		for name, stream := range streamsOf(step) {
			if stream.BytesTotal == 0 {
				continue
			}
			found := spec.Artifact{Path: "streams/" + step.Name + "/" + name, Status: spec.ArtifactStored}
			found.Ref = &spec.Ref{URI: artifact.StreamURI(stream.Prefix), Bytes: stream.BytesKept, SHA256: stream.SHA256}
			if stream.Truncated {
				found.Reason = fmt.Sprintf("truncated: the step wrote %d bytes", stream.BytesTotal)
			}
			all = append(all, found)
		}
	}
	return all
}

func streamsOf(step spec.StepResult) iter.Seq2[string, spec.Stream] {
	return func(yield func(string, spec.Stream) bool) {
		_ = yield("stdout", step.Stdout) && yield("stderr", step.Stderr)
	}
}

func listArtifacts(term *terminal, artifacts []spec.Artifact) error {
	if term.wantsJSON() {
		return term.printJSON(orEmpty(artifacts))
	}
	table := newTable(term, "PATH", "STATUS", "BYTES", "SHA256", "URI")
	for _, found := range artifacts {
		ref := spec.Ref{}
		if found.Ref != nil {
			ref = *found.Ref
		}
		table.row(found.Path, statusOf(found), ref.Bytes, ref.SHA256, ref.URI)
	}
	table.print()
	return nil
}

func statusOf(found spec.Artifact) string {
	if found.Reason == "" {
		return found.Status
	}
	return found.Status + " (" + found.Reason + ")"
}

// getOptions are the flags of `artifacts get`.
type getOptions struct {
	dir    string
	force  bool
	stdout bool
	raw    bool
}

func artifactsGetCommand(term *terminal) *cobra.Command {
	var options getOptions
	cmd := &cobra.Command{
		Use:   "get EVAL [PATH...]",
		Short: "Fetch an eval's artifacts into a folder",
		Long: `Fetch an eval's artifacts and streams, all or those that "artifacts list" names, into a folder, checked by digest.
Whatever their names are, nothing is written outside that folder, and what is there is kept unless --force is given.`,
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) == 0 {
				return exactly("EVAL")(cmd, args)
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			return withEvidence(cmd.Context(), term, args[0], func(store *artifact.Store, kept []spec.Artifact) error {
				chosen, err := chooseArtifacts(kept, args[1:])
				if err != nil {
					return err
				}
				if options.stdout {
					return sendArtifact(cmd.Context(), term, store, chosen, options.raw)
				}
				return fetchArtifacts(cmd.Context(), term, store, chosen, options)
			})
		},
	}
	flags := cmd.Flags()
	flags.StringVarP(&options.dir, "dir", "d", ".", "`folder` to write to; made when missing")
	flags.BoolVar(&options.force, "force", false, "replace files that exist")
	flags.BoolVar(&options.stdout, "stdout", false, "send one artifact to stdout instead")
	flags.BoolVar(&options.raw, "raw", false, "with --stdout: send the bytes as they are, also to a terminal")
	return cmd
}

// withEvidence opens the store and reads what an eval kept: its streams, and its artifacts.
func withEvidence(ctx context.Context, term *terminal, evalID string, use func(*artifact.Store, []spec.Artifact) error) error {
	target, err := loadDeployment(term)
	if err != nil {
		return err
	}
	store, err := openStore(ctx, target)
	if err != nil {
		return err
	}
	defer store.Close()
	result, err := readResult(ctx, store, evalID)
	if err != nil {
		return err
	}
	artifacts, err := allArtifacts(ctx, store, result)
	if err != nil {
		return err
	}
	return use(store, append(streamArtifacts(result), artifacts...))
}

// maxManifestBytes is the bound of a record in the store.
const maxManifestBytes = 16 << 20

// allArtifacts reads the manifest where the result carries only the first of its lines.
func allArtifacts(ctx context.Context, store *artifact.Store, result spec.EvalResult) ([]spec.Artifact, error) {
	manifest := result.ArtifactManifest
	if manifest == nil || manifest.Listed <= len(result.Artifacts) {
		return result.Artifacts, nil
	}
	from, err := store.Resolve(ctx, manifest.URI, manifest.SHA256)
	if err != nil {
		return nil, err
	}
	defer from.Close()
	data, err := io.ReadAll(io.LimitReader(from, maxManifestBytes+1))
	if err != nil {
		return nil, err
	}
	var all struct {
		Artifacts []spec.Artifact `json:"artifacts"`
	}
	if err := json.Unmarshal(data, &all); err != nil {
		return nil, fmt.Errorf("read %s: %w", manifest.URI, err)
	}
	return all.Artifacts, nil
}

// chooseArtifacts picks the stored ones by path, or all of them.
func chooseArtifacts(artifacts []spec.Artifact, paths []string) ([]spec.Artifact, error) {
	var stored []spec.Artifact
	var known []string
	for _, found := range artifacts {
		if found.Ref != nil {
			stored = append(stored, found)
			known = append(known, found.Path)
		}
	}
	if len(stored) == 0 {
		return nil, &UsageError{Problem: "the eval kept no artifacts", Hint: "see why with: starter artifacts list EVAL"}
	}
	if len(paths) == 0 {
		return stored, nil
	}
	var chosen []spec.Artifact
	for _, path := range paths {
		at := slices.Index(known, path)
		if at < 0 {
			return nil, &UsageError{Problem: fmt.Sprintf("no artifact %s", path), Hint: "the artifacts are: " + strings.Join(known[:min(len(known), maxKnown)], ", ")}
		}
		chosen = append(chosen, stored[at])
	}
	return chosen, nil
}

func sendArtifact(ctx context.Context, term *terminal, store *artifact.Store, chosen []spec.Artifact, raw bool) error {
	if len(chosen) != 1 {
		return &UsageError{Problem: fmt.Sprintf("--stdout sends one artifact, and %d are chosen", len(chosen)), Hint: "name one"}
	}
	from, err := store.Resolve(ctx, chosen[0].Ref.URI, chosen[0].Ref.SHA256)
	if err != nil {
		return err
	}
	defer from.Close()
	out := guarded(term.out, raw)
	_, err = io.Copy(out, from)
	if guard, ok := out.(*visibleWriter); ok && err == nil {
		err = guard.Close()
	}
	return err
}
