package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"
	"syscall"

	"pitwall/internal/artifact"
	"pitwall/internal/spec"
)

// fetched is one line of `artifacts get -o json`.
type fetched struct {
	Path   string `json:"path"`
	File   string `json:"file"`
	Bytes  int64  `json:"bytes"`
	SHA256 string `json:"sha256"`
}

// fetchArtifacts writes artifacts under a folder. os.Root refuses whatever would lead out of it: names with .., and
// links that were put there before.
func fetchArtifacts(ctx context.Context, term *terminal, store *artifact.Store, chosen []spec.Artifact, options getOptions) error {
	if err := os.MkdirAll(options.dir, 0o755); err != nil {
		return cannotWrite(options.dir, err)
	}
	root, err := os.OpenRoot(options.dir)
	if err != nil {
		return cannotWrite(options.dir, err)
	}
	defer root.Close()
	var done []fetched
	taken := map[string]bool{}
	for _, found := range chosen {
		name := freeName(taken, localName(found.Path))
		if err := fetch(ctx, store, root, *found.Ref, name, options.force); err != nil {
			return err
		}
		file := filepath.Join(options.dir, filepath.FromSlash(name))
		done = append(done, fetched{Path: found.Path, File: file, Bytes: found.Ref.Bytes, SHA256: found.Ref.SHA256})
		if !term.wantsJSON() {
			term.printf("%s (%d bytes)\n", visible(file), found.Ref.Bytes)
		}
	}
	if term.wantsJSON() {
		return term.printJSON(orEmpty(done))
	}
	return nil
}

// cannotWrite: where artifacts go is the caller's choice.
func cannotWrite(file string, err error) error {
	return &UsageError{Problem: "write to " + visible(file), Err: err, Hint: "choose a folder that can be written, and has room, with --dir"}
}

// localName is where an artifact goes below the folder: its path in the sandbox where that is a plain one, else one
// escaped name.
func localName(sandboxPath string) string {
	name := strings.TrimLeft(sandboxPath, "/")
	local := filepath.FromSlash(name)
	if name == "" || strings.ContainsRune(name, '\\') || !filepath.IsLocal(local) || visible(name) != name || path.Clean(name) != name {
		return artifact.EscapeName(sandboxPath)
	}
	return name
}

// freeName is a name that differs from all before it also where files have no case, as on macOS and Windows.
func freeName(taken map[string]bool, name string) string {
	free := name
	for n := 2; taken[strings.ToLower(free)]; n++ {
		free = fmt.Sprintf("%s~%d", name, n)
	}
	taken[strings.ToLower(free)] = true
	return free
}

func fetch(ctx context.Context, store *artifact.Store, root *os.Root, ref spec.Ref, name string, force bool) error {
	from, err := store.Resolve(ctx, ref.URI, ref.SHA256)
	if err != nil {
		return err
	}
	defer from.Close()
	if dir := path.Dir(name); dir != "." {
		if err := root.MkdirAll(filepath.FromSlash(dir), 0o755); err != nil {
			return cannotWrite(filepath.Join(root.Name(), filepath.FromSlash(dir)), err)
		}
	}
	local := filepath.FromSlash(name)
	if force {
		if err := root.Remove(local); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return cannotWrite(filepath.Join(root.Name(), local), err)
		}
	}
	to, err := root.OpenFile(local, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
	if errors.Is(err, fs.ErrExist) {
		return &UsageError{Problem: fmt.Sprintf("%s exists", visible(name)), Hint: "replace it with --force, or choose another folder with --dir"}
	}
	if err != nil {
		return cannotWrite(filepath.Join(root.Name(), local), err)
	}
	_, err = io.Copy(to, from)
	if closeErr := to.Close(); err == nil {
		err = closeErr
	}
	if err != nil {
		_ = root.Remove(local) // half of a file is worse than none
		if errors.Is(err, syscall.ENOSPC) {
			return cannotWrite(filepath.Join(root.Name(), local), err)
		}
		return fmt.Errorf("write %s: %w", visible(name), err)
	}
	return nil
}
