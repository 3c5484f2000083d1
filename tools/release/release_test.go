package main

import (
	"archive/tar"
	"archive/zip"
	"bytes"
	"compress/gzip"
	"encoding/json"
	"io"
	"os"
	"runtime"
	"runtime/debug"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

var of = commit{version: "1.2.3", time: time.Date(2026, 11, 26, 18, 0, 0, 0, time.UTC)}

func TestArchivesDependOnContentAlone(t *testing.T) {
	files := []file{{name: "worker", data: []byte("program"), executable: true}, {name: "LICENSE", data: []byte("text")}}
	turned := slices.Clone(files)
	slices.Reverse(turned)
	for _, asZip := range []bool{false, true} {
		first, err := pack("pitwall-1.2.3", asZip, of.time, files)
		require.NoError(t, err)
		second, err := pack("pitwall-1.2.3", asZip, of.time, turned)
		require.NoError(t, err)
		require.Equal(t, first, second)
		later, err := pack("pitwall-1.2.3", asZip, of.time.Add(time.Hour), files)
		require.NoError(t, err)
		require.NotEqual(t, first, later, "the commit's time stands in it")
	}
}

func TestArchivesHoldTheirFiles(t *testing.T) {
	files := []file{{name: "worker", data: []byte("program"), executable: true}, {name: "LICENSE", data: []byte("text")}}
	packed, err := pack("pitwall-1.2.3", false, of.time, files)
	require.NoError(t, err)
	require.Equal(t, "pitwall-1.2.3.tar.gz", packed.name)
	plain, err := gzip.NewReader(bytes.NewReader(packed.data))
	require.NoError(t, err)
	archive := tar.NewReader(plain)
	for _, want := range []struct {
		name, text string
		mode       int64
	}{{"pitwall-1.2.3/LICENSE", "text", 0o644}, {"pitwall-1.2.3/worker", "program", 0o755}} {
		header, err := archive.Next()
		require.NoError(t, err)
		require.Equal(t, want.name, header.Name)
		require.Equal(t, want.mode, header.Mode)
		text, err := io.ReadAll(archive)
		require.NoError(t, err)
		require.Equal(t, want.text, string(text))
	}

	packed, err = pack("pitwall-1.2.3", true, of.time, files)
	require.NoError(t, err)
	zipped, err := zip.NewReader(bytes.NewReader(packed.data), int64(len(packed.data)))
	require.NoError(t, err)
	require.Len(t, zipped.File, 2)
	require.Equal(t, "pitwall-1.2.3/worker", zipped.File[1].Name)
}

// Every module of every program is named once, as what replaces it, and every reference leads somewhere.
func TestSBOM(t *testing.T) {
	shared := &debug.Module{Path: "example.org/shared", Version: "v1.0.0", Sum: "h1:abc="}
	replaced := &debug.Module{Path: "example.org/old", Version: "v1.0.0", Replace: &debug.Module{Path: "example.org/new", Version: "v2.0.0+incompatible"}}
	text, err := sbom(of, []built{
		{"starter", "aa", &debug.BuildInfo{GoVersion: "go1.26.8", Deps: []*debug.Module{shared, replaced}}},
		{"worker", "bb", &debug.BuildInfo{GoVersion: "go1.26.8", Deps: []*debug.Module{shared}}},
	})
	require.NoError(t, err)
	var document bom
	require.NoError(t, json.Unmarshal(text, &document))
	refs := map[string]bool{document.Metadata.Component.Ref: true}
	for _, c := range document.Components {
		require.False(t, refs[c.Ref], "%s is there twice", c.Ref)
		refs[c.Ref] = true
	}
	require.Len(t, refs, 6)
	require.True(t, refs["pkg:golang/std@1.26.8"])
	require.True(t, refs["pkg:golang/example.org/new@v2.0.0%2Bincompatible"])
	for _, d := range document.Dependencies {
		require.True(t, refs[d.Ref], d.Ref)
		for _, ref := range d.DependsOn {
			require.True(t, refs[ref], ref)
		}
	}
}

// What this test's own program records can be read.
func TestReadBuilt(t *testing.T) {
	self, err := os.Executable()
	require.NoError(t, err)
	read, err := readBuilt(self)
	require.NoError(t, err)
	require.Equal(t, runtime.Version(), read.info.GoVersion)
	require.Len(t, read.sha256, 64)
	_, err = readBuilt("main.go")
	require.ErrorContains(t, err, "read the modules of main.go")
}
