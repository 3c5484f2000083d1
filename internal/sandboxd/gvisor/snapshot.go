package gvisor

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
)

// DefaultSnapshot is the host's own /usr and nothing else.
const DefaultSnapshot = "default"

// Snapshot is a prepared tree that sandboxes see read-only.
type Snapshot struct {
	// Name is what a create request asks for.
	Name string
	// Dir is a prepared root (it has usr/bin), whose usr, opt and the like replace the host's, or a virtual environment
	// (it has bin), which appears as /opt/snapshot, first on PATH. Empty only for DefaultSnapshot.
	Dir string
	// Digest is "sha256:<hex>" over names, modes, links and contents. When set, a tree that differs is refused.
	Digest string
	// Limits are the size of sandboxes made from it. Zero fields take the defaults.
	Limits Limits
}

// ErrUnknownSnapshot is returned for a snapshot that was not configured.
var ErrUnknownSnapshot = errors.New("unknown snapshot")

// Bounds on a snapshot's tree; hashing reads all of it once at start.
const (
	maxSnapshotFiles = 500_000
	maxSnapshotBytes = 16 << 30
)

var validName = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._:/-]{0,127}$`)

// ParseSnapshot reads the command line's NAME=DIR or NAME=DIR@sha256:HEX.
func ParseSnapshot(text string) (Snapshot, error) {
	name, dir, ok := strings.Cut(text, "=")
	if !ok || name == "" || dir == "" {
		return Snapshot{}, fmt.Errorf("snapshot %q is not NAME=DIR or NAME=DIR@sha256:HEX", text)
	}
	dir, sum, pinned := strings.Cut(dir, "@sha256:")
	s := Snapshot{Name: name, Dir: dir}
	if pinned {
		s.Digest = "sha256:" + sum
	}
	return s, nil
}

// resolve checks the snapshot and pins its digest.
func (s Snapshot) resolve() (Snapshot, error) {
	if !validName.MatchString(s.Name) || s.Name == DefaultSnapshot {
		return s, fmt.Errorf("snapshot name %q is not usable", s.Name)
	}
	dir, err := filepath.Abs(s.Dir)
	if err != nil {
		return s, fmt.Errorf("find snapshot %s: %w", s.Name, err)
	}
	if dir, err = filepath.EvalSymlinks(dir); err != nil {
		return s, fmt.Errorf("find snapshot %s: %w", s.Name, err)
	}
	s.Dir = dir
	if !s.isRoot() && !isDir(filepath.Join(dir, "bin")) {
		return s, fmt.Errorf("snapshot %s: %s has neither usr/bin (a prepared root) nor bin (a virtual environment)", s.Name, dir)
	}
	digest, err := treeDigest(dir)
	if err != nil {
		return s, fmt.Errorf("digest snapshot %s: %w", s.Name, err)
	}
	if s.Digest != "" && s.Digest != digest {
		return s, fmt.Errorf("snapshot %s: %s has digest %s, not %s as pinned", s.Name, dir, digest, s.Digest)
	}
	s.Digest = digest
	return s, nil
}

func (s Snapshot) isRoot() bool { return s.Dir != "" && isDir(filepath.Join(s.Dir, "usr", "bin")) }

func isDir(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.IsDir()
}

// treeDigest hashes names, types, permissions, link targets and contents, in lexical order. Nothing is followed.
func treeDigest(dir string) (string, error) {
	sum := sha256.New()
	files, bytes := 0, int64(0)
	err := filepath.WalkDir(dir, func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if files++; files > maxSnapshotFiles || bytes > maxSnapshotBytes {
			return fmt.Errorf("more than %d files or %d bytes", maxSnapshotFiles, int64(maxSnapshotBytes))
		}
		n, err := hashEntry(sum, dir, path, entry)
		bytes += n
		return err
	})
	return "sha256:" + hex.EncodeToString(sum.Sum(nil)), err
}

func hashEntry(sum io.Writer, dir, path string, entry fs.DirEntry) (int64, error) {
	info, err := entry.Info()
	if err != nil {
		return 0, err
	}
	name, err := filepath.Rel(dir, path)
	if err != nil {
		return 0, err
	}
	size := int64(0)
	if info.Mode().IsRegular() {
		size = info.Size()
	}
	fmt.Fprintf(sum, "%q %v %d ", name, info.Mode(), size)
	switch {
	case info.Mode()&fs.ModeSymlink != 0:
		target, err := os.Readlink(path)
		fmt.Fprintf(sum, "%q\n", target)
		return 0, err
	case info.Mode().IsRegular():
		file, err := os.Open(path)
		if err != nil {
			return 0, err
		}
		defer file.Close()
		return io.Copy(sum, io.LimitReader(file, size))
	}
	return 0, nil
}
