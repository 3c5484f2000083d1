package main

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"
)

// programs of an archive, and their packages. Local sandboxes take gVisor and Temporal besides: `make build` builds those.
var programs = []struct{ name, pkg string }{{"starter", "./starter"}, {"worker", "./worker"}}

const allTargets = "linux/amd64,linux/arm64,darwin/amd64,darwin/arm64,windows/amd64,windows/arm64"

func main() {
	targets := flag.String("targets", allTargets, "comma-separated `OS/ARCH`")
	out := flag.String("out", "dist", "`folder` that is made anew")
	flag.Parse()
	if err := run(strings.Split(*targets, ","), *out); err != nil {
		fmt.Fprintln(os.Stderr, "release:", err)
		os.Exit(1)
	}
}

func run(targets []string, out string) error {
	commit, err := readCommit()
	if err != nil {
		return err
	}
	shared, err := sharedFiles()
	if err != nil {
		return err
	}
	if err := errors.Join(os.RemoveAll(out), os.MkdirAll(out, 0o755)); err != nil {
		return err
	}
	sums := map[string]string{}
	for _, target := range targets {
		made, err := release(target, commit, shared)
		if err != nil {
			return fmt.Errorf("make the archive of %s: %w", target, err)
		}
		for _, file := range made {
			if err := os.WriteFile(filepath.Join(out, file.name), file.data, 0o644); err != nil {
				return err
			}
			sums[file.name] = sum(file.data)
			fmt.Printf("%s  %s (%.1f MB)\n", sums[file.name], file.name, float64(len(file.data))/1e6)
		}
	}
	var list strings.Builder
	names := make([]string, 0, len(sums))
	for name := range sums {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		fmt.Fprintf(&list, "%s  %s\n", sums[name], name)
	}
	return os.WriteFile(filepath.Join(out, "SHA256SUMS"), []byte(list.String()), 0o644)
}

// commit is what the archives are of.
type commit struct {
	version, revision string
	time              time.Time
}

func readCommit() (commit, error) {
	changes, err := output("git", "status", "--porcelain", "--untracked-files=no")
	if err != nil {
		return commit{}, err
	}
	if changes != "" {
		return commit{}, fmt.Errorf("the tree has changes: commit them first, or nobody can make these bytes again:\n%s", changes)
	}
	version, err := output("git", "describe", "--tags", "--always")
	if err != nil {
		return commit{}, err
	}
	text, err := output("git", "show", "-s", "--format=%ct", "HEAD")
	if err != nil {
		return commit{}, err
	}
	seconds, err := strconv.ParseInt(text, 10, 64)
	if err != nil {
		return commit{}, err
	}
	revision, err := output("git", "rev-parse", "HEAD")
	return commit{version: strings.TrimPrefix(version, "v"), revision: revision, time: time.Unix(seconds, 0).UTC()}, err
}

// sharedFiles stand in every archive.
func sharedFiles() ([]file, error) {
	var files []file
	for _, name := range []string{"LICENSE", "NOTICE", "README.md", "CHANGELOG.md"} {
		data, err := os.ReadFile(name)
		if err != nil {
			return nil, err
		}
		files = append(files, file{name: name, data: data})
	}
	notices, err := output("go", "run", "./tools/notices", "--texts")
	return append(files, file{name: "THIRD_PARTY_NOTICES.md", data: []byte(notices + "\n")}), err
}

// release builds a target's programs and returns its archive and its SBOM.
func release(target string, of commit, shared []file) ([]file, error) {
	goos, goarch, found := strings.Cut(target, "/")
	if !found {
		return nil, fmt.Errorf("%q is not OS/ARCH", target)
	}
	work, err := os.MkdirTemp("", "pitwall-release-")
	if err != nil {
		return nil, err
	}
	defer func() { _ = os.RemoveAll(work) }()
	files := slices.Clone(shared)
	var made []built
	for _, program := range programs {
		name := program.name
		if goos == "windows" {
			name += ".exe"
		}
		path := filepath.Join(work, name)
		if err := build(program.pkg, path, goos, goarch); err != nil {
			return nil, err
		}
		data, err := os.ReadFile(path)
		if err != nil {
			return nil, err
		}
		read, err := readBuilt(path)
		if err != nil {
			return nil, err
		}
		if !read.isOf(of) {
			return nil, fmt.Errorf("%s does not record that it was built from %s without changes", program.name, of.revision)
		}
		made = append(made, read)
		files = append(files, file{name: name, data: data, executable: true})
	}
	bom, err := sbom(of, made)
	if err != nil {
		return nil, err
	}
	files = append(files, file{name: "sbom.cdx.json", data: bom})
	name := fmt.Sprintf("pitwall-%s-%s-%s", of.version, goos, goarch)
	archive, err := pack(name, goos == "windows", of.time, files)
	return []file{archive, {name: name + ".cdx.json", data: bom}}, err
}

func build(pkg, path, goos, goarch string) error {
	cmd := exec.Command("go", "build", "-trimpath", "-buildvcs=true", "-ldflags=-s -w -buildid=", "-o", path, pkg)
	// GOAMD64 and its like would make other bytes.
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0", "GOOS="+goos, "GOARCH="+goarch, "GOFLAGS=", "GOAMD64=v1", "GOARM64=v8.0")
	if said, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("build %s: %w\n%s", pkg, err, said)
	}
	return nil
}

func output(name string, args ...string) (string, error) {
	cmd := exec.Command(name, args...)
	var said bytes.Buffer
	cmd.Stderr = &said
	text, err := cmd.Output()
	if err != nil {
		return "", fmt.Errorf("%s %s: %w: %s", name, strings.Join(args, " "), err, bytes.TrimSpace(said.Bytes()))
	}
	return strings.TrimSpace(string(text)), nil
}

func sum(data []byte) string {
	digest := sha256.Sum256(data)
	return hex.EncodeToString(digest[:])
}
