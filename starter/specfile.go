package main

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"pitwall/internal/spec"
)

// specFile is a file that a command line names: an eval's or a campaign's.
type specFile struct {
	// name as it was given; "-" is stdin.
	name string
	data []byte
}

// readSpec reads a spec file, at most as much as an input may have.
func readSpec(term *terminal, name string) (specFile, error) {
	if name == "-" {
		data, err := io.ReadAll(io.LimitReader(term.in, spec.MaxSpecBytes+1))
		if err != nil {
			return specFile{}, fmt.Errorf("read the input from stdin: %w", err)
		}
		return specFile{name: name, data: data}, nil
	}
	file, err := openLocal(name)
	if err != nil {
		return specFile{}, err
	}
	defer file.Close()
	data, err := io.ReadAll(io.LimitReader(file, spec.MaxSpecBytes+1))
	if err != nil {
		return specFile{}, fmt.Errorf("read %s: %w", name, err)
	}
	return specFile{name: name, data: data}, nil
}

// openLocal opens a regular file that the command line or a spec names.
func openLocal(name string) (*os.File, error) {
	info, err := os.Stat(name) // before Open, which waits for a writer if it is a pipe
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, &UsageError{Problem: fmt.Sprintf("no file %s", name), Hint: "check the path; relative paths begin at the current folder, those inside a spec at its own"}
	case errors.Is(err, fs.ErrPermission):
		return nil, &UsageError{Problem: fmt.Sprintf("no permission to read %s", name), Hint: "let this user read it"}
	case err != nil:
		return nil, &UsageError{Problem: "read " + name, Err: err}
	case !info.Mode().IsRegular():
		return nil, &UsageError{Problem: fmt.Sprintf("%s is not a regular file", name), Hint: "name a file"}
	}
	file, err := os.Open(name)
	if errors.Is(err, fs.ErrPermission) {
		return nil, &UsageError{Problem: fmt.Sprintf("no permission to read %s", name), Hint: "let this user read it"}
	}
	return file, err
}

// base is the spec's name without folders and extension, as a campaign's name may be.
func (f specFile) base() string {
	if f.name == "-" {
		return "stdin"
	}
	name := strings.TrimSuffix(filepath.Base(f.name), filepath.Ext(f.name))
	if name == "campaign" { // the presets: examples/humaneval/campaign.yaml
		if absolute, err := filepath.Abs(f.name); err == nil {
			name = filepath.Base(filepath.Dir(absolute))
		}
	}
	return safeName(name)
}

// safeName keeps what a campaign's name may hold.
func safeName(name string) string {
	const most = 40 // leaves room for a time stamp within a name's 64
	kept := strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || r == '_' || r == '-' {
			return r
		}
		return '-'
	}, name)
	kept = strings.Trim(kept, "-")
	if kept == "" {
		return "campaign"
	}
	return kept[:min(most, len(kept))]
}

// resolve makes a path that stands in the spec absolute: it is relative to the spec's own folder.
func (f specFile) resolve(path string) (string, error) {
	if filepath.IsAbs(path) {
		return path, nil
	}
	dir := "."
	if f.name != "-" {
		dir = filepath.Dir(f.name)
	}
	return filepath.Abs(filepath.Join(dir, path))
}

// isLocalPath tells a plain path, which the starter uploads, from a URI, which the worker resolves.
func isLocalPath(uri string) bool {
	for _, scheme := range []string{"store:", "file:", "s3:", "mem:"} {
		if strings.HasPrefix(uri, scheme) {
			return false
		}
	}
	return uri != ""
}

// named puts the spec's name in front of what is wrong with it.
func (f specFile) named(err error) error {
	if _, wrong := problemsOf(err); !wrong {
		return err
	}
	return &UsageError{Problem: f.name, Err: err}
}
