package main

import (
	"bytes"
	"context"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"pitwall/internal/artifact"
	"pitwall/internal/spec"
)

func TestLocalNameNeverLeadsOut(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		"out/report.txt":               "out/report.txt",
		"/home/daytona/out/report.txt": "home/daytona/out/report.txt",
	} {
		require.Equal(t, want, localName(in))
	}
	for _, in := range []string{"../../etc/passwd", "/..", "a/../../b", "", "/", ".", "a//b", "a/", `a\..\b`, "x\x00y", "\x1b[2J"} {
		name := localName(in)
		require.NotContains(t, name, "/", in)
		require.True(t, filepath.IsLocal(name), in)
	}
	rapid.Check(t, func(t *rapid.T) {
		name := localName(rapid.String().Draw(t, "path"))
		require.True(t, filepath.IsLocal(filepath.FromSlash(name)))
		require.Equal(t, visible(name), name)
	})
}

func newStore(t *testing.T) *artifact.Store {
	t.Helper()
	store, err := artifact.Open(t.Context(), "mem://")
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, store.Close()) })
	return store
}

func stored(t *testing.T, store *artifact.Store, path, content string) spec.Artifact {
	t.Helper()
	ref, err := store.PutBlob(t.Context(), strings.NewReader(content), 1<<20)
	require.NoError(t, err)
	return spec.Artifact{Path: path, Status: spec.ArtifactStored, Ref: &ref}
}

func testTerminal() (*terminal, *bytes.Buffer) {
	var out bytes.Buffer
	return &terminal{out: &out, err: &bytes.Buffer{}, output: outputText}, &out
}

func TestFetchWritesOnlyUnderItsFolder(t *testing.T) {
	t.Parallel()
	parent := t.TempDir()
	dir := filepath.Join(parent, "into")
	outside := filepath.Join(parent, "outside")
	require.NoError(t, os.MkdirAll(dir, 0o755))
	require.NoError(t, os.Mkdir(outside, 0o755))
	require.NoError(t, os.Symlink(outside, filepath.Join(dir, "link"))) // put there by an earlier artifact, say
	store := newStore(t)
	term, _ := testTerminal()

	climbing := []spec.Artifact{stored(t, store, "../outside/a", "1"), stored(t, store, "ok/b", "2")}
	require.NoError(t, fetchArtifacts(t.Context(), term, store, climbing, getOptions{dir: dir}))
	require.FileExists(t, filepath.Join(dir, "ok", "b"))
	through := []spec.Artifact{stored(t, store, "link/c", "3")}
	require.Error(t, fetchArtifacts(t.Context(), term, store, through, getOptions{dir: dir, force: true}))

	entries, err := os.ReadDir(outside)
	require.NoError(t, err)
	require.Empty(t, entries)
}

func TestFetchKeepsWhatIsThere(t *testing.T) {
	t.Parallel()
	dir, store := t.TempDir(), newStore(t)
	term, _ := testTerminal()
	file := filepath.Join(dir, "a")
	require.NoError(t, os.WriteFile(file, []byte("mine"), 0o600))
	chosen := []spec.Artifact{stored(t, store, "a", "theirs")}
	var usage *UsageError
	require.ErrorAs(t, fetchArtifacts(t.Context(), term, store, chosen, getOptions{dir: dir}), &usage)
	require.Equal(t, "mine", read(t, file))
	require.NoError(t, fetchArtifacts(t.Context(), term, store, chosen, getOptions{dir: dir, force: true}))
	require.Equal(t, "theirs", read(t, file))
}

func TestFetchLeavesNoHalfFile(t *testing.T) {
	t.Parallel()
	dir, store := t.TempDir(), newStore(t)
	term, _ := testTerminal()
	found := stored(t, store, "a", "content")
	found.Ref.SHA256 = strings.Repeat("0", 64)
	err := fetchArtifacts(t.Context(), term, store, []spec.Artifact{found}, getOptions{dir: dir})
	require.ErrorIs(t, err, artifact.ErrDigest)
	_, err = os.Stat(filepath.Join(dir, "a"))
	require.ErrorIs(t, err, fs.ErrNotExist)
}

func read(t *testing.T, file string) string {
	t.Helper()
	text, err := os.ReadFile(file)
	require.NoError(t, err)
	return string(text)
}

func TestLogsFollowsUntilTheResult(t *testing.T) {
	t.Parallel()
	store := newStore(t)
	prefix := evalPrefix("eval/direct/x")
	stdout := artifact.Stream(artifact.Attempt(prefix, 1, "run"), "greet", "stdout")
	require.NoError(t, store.AppendChunk(t.Context(), stdout, 0, []byte("one\n")))

	var out safeBuffer
	logs := evalLogs{store: store, prefix: prefix}
	done := make(chan error, 1)
	go func() {
		done <- logs.follow(context.WithoutCancel(t.Context()), "eval/direct/x", logOutput{"stdout": &out, "stderr": &out})
	}()
	require.Eventually(t, func() bool { return out.String() == "one\n" }, patience, tick)
	require.NoError(t, store.AppendChunk(t.Context(), stdout, 4, []byte("two\n")))
	require.NoError(t, store.FinishStream(t.Context(), stdout, artifact.StreamInfo{BytesTotal: 8, BytesKept: 8}))
	later := artifact.Stream(artifact.Attempt(prefix, 1, "run"), "later", "stderr")
	require.NoError(t, store.AppendChunk(t.Context(), later, 0, []byte("three\n")))
	require.NoError(t, store.FinishStream(t.Context(), later, artifact.StreamInfo{BytesTotal: 6, BytesKept: 6}))
	require.Eventually(t, func() bool { return strings.Count(out.String(), "\n") == 3 }, patience, tick)
	select {
	case err := <-done:
		t.Fatalf("it ended before the eval had its result: %v", err)
	default:
	}
	_, err := store.PutJSON(t.Context(), artifact.Result(prefix), spec.EvalResult{})
	require.NoError(t, err)
	require.NoError(t, <-done)
}
