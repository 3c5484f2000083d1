//go:build linux

package gvisor

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// The user that jobs run as, as on Daytona.
const (
	userName = "daytona"
	userID   = 1000
	userHome = "/home/daytona"
)

// template is a directory tree that serves as the read-only lower layer of every machine of one snapshot. It holds
// mount points, links and generated files only; making it once keeps a start free of file system work.
type template struct {
	dir   string
	binds []bind            // read-only, in mount order
	env   map[string]string // what the snapshot adds to the environment
}

type bind struct{ source, target string }

// layoutVersion changes when the content of a template does, so that an old one is not reused.
const layoutVersion = "1"

// systemDirs are what a default machine sees of the host. Where /bin and the like are links into /usr, as on every
// current distribution, they are links inside too: a bind would cost a connection to the file server each.
var systemDirs = []string{"usr", "bin", "sbin", "lib", "lib32", "lib64", "libx32"}

// privateDirs of a prepared root are never shown: they are generated, empty, or machine-specific.
var privateDirs = []string{"proc", "sys", "dev", "tmp", "etc", "home", "root", "run", "var", "boot", "mnt", "media", "srv", ".pitwall", "lost+found"}

// etcFiles are all of /etc, but for what copyEtc adds.
var etcFiles = map[string]string{
	"passwd": "root:x:0:0:root:/root:/bin/sh\n" + userName + ":x:1000:1000:,,,:" + userHome + ":/bin/bash\n" +
		"nobody:x:65534:65534:nobody:/nonexistent:/usr/sbin/nologin\n",
	"group":         "root:x:0:\n" + userName + ":x:1000:\nnogroup:x:65534:\n",
	"hosts":         "127.0.0.1 localhost\n::1 localhost\n",
	"nsswitch.conf": "passwd: files\ngroup: files\nhosts: files\n",
	"shells":        "/bin/sh\n/bin/bash\n",
	"os-release":    "ID=pitwall\nNAME=\"Pitwall sandbox\"\n",
}

// buildTemplate makes the template of a snapshot under base, or finds it there.
func buildTemplate(base, agent string, s Snapshot) (template, error) {
	t := template{env: map[string]string{}}
	top, err := topEntries(s)
	if err != nil {
		return t, err
	}
	links := map[string]string{}
	for _, entry := range top {
		if entry.link != "" {
			links[entry.name] = entry.link
		} else {
			t.binds = append(t.binds, bind{entry.source, "/" + entry.name})
		}
	}
	if s.Dir != "" && !s.isRoot() {
		t.binds = append(t.binds, bind{s.Dir, "/opt/snapshot"})
		t.env["VIRTUAL_ENV"] = "/opt/snapshot"
		t.env["PATH"] = "/opt/snapshot/bin:/usr/local/bin:/usr/bin:/bin"
	}
	binary, err := os.ReadFile(agent)
	if err != nil {
		return t, fmt.Errorf("read the toolbox agent: %w", err)
	}
	t.dir = filepath.Join(base, templateDigest(binary, links, t.binds))
	if isDir(t.dir) {
		return t, nil
	}
	return t, t.write(base, binary, links)
}

// templateDigest names a template by everything that goes into it.
func templateDigest(agent []byte, links map[string]string, binds []bind) string {
	sum := sha256.New()
	fmt.Fprintln(sum, layoutVersion, mayAdminister(), links, binds, etcFiles)
	sum.Write(agent)
	return hex.EncodeToString(sum.Sum(nil))[:16]
}

// write makes the tree beside its final place and renames it there, so that a half-made one is never used.
func (t template) write(base string, agent []byte, links map[string]string) error {
	work, err := os.MkdirTemp(base, "new-")
	if err != nil {
		return fmt.Errorf("make template directory: %w", err)
	}
	defer os.RemoveAll(work)
	dirs := map[string]fs.FileMode{
		"proc": 0o755, "sys": 0o755, "dev": 0o755, "etc": 0o755, "root": 0o700, "run": 0o755, "var": 0o755, "home": 0o755,
		"tmp": 0o1777, "var/tmp": 0o1777, "home/daytona": 0o755, ".pitwall": 0o755, ".pitwall/run": 0o700,
	}
	for _, b := range t.binds {
		dirs[strings.TrimPrefix(b.target, "/")] = 0o755
	}
	if err := makeDirs(work, dirs); err != nil {
		return fmt.Errorf("make template: %w", err)
	}
	if err := fillTemplate(work, agent, links); err != nil {
		return fmt.Errorf("fill template: %w", err)
	}
	if err := os.Rename(work, t.dir); err != nil && !errors.Is(err, fs.ErrExist) {
		return fmt.Errorf("place template: %w", err)
	}
	return nil
}

func makeDirs(root string, dirs map[string]fs.FileMode) error {
	if err := os.Chmod(root, 0o755); err != nil {
		return err
	}
	for name, mode := range dirs {
		path := filepath.Join(root, name)
		if err := os.MkdirAll(path, 0o755); err != nil {
			return err
		}
		special := mode & 0o1000
		mode &= 0o777
		if special != 0 {
			mode |= fs.ModeSticky
		}
		if err := os.Chmod(path, mode); err != nil { // past the umask
			return err
		}
	}
	if !mayAdminister() {
		return nil // one mapped user: the agent gives the home directory to its owner inside
	}
	return os.Lchown(filepath.Join(root, "home/daytona"), userID, userID)
}

func fillTemplate(root string, agent []byte, links map[string]string) error {
	for name, target := range links {
		if err := os.Symlink(target, filepath.Join(root, name)); err != nil {
			return err
		}
	}
	if err := writeMode(filepath.Join(root, ".pitwall/toolbox"), agent, 0o755); err != nil {
		return err
	}
	// gVisor puts a tmpfs, which is host memory, on an empty /tmp. With an entry in it /tmp is a part of the root file
	// system, on disk and inside its bound.
	if err := writeMode(filepath.Join(root, "tmp/.keep"), nil, 0o444); err != nil {
		return err
	}
	for name, content := range etcFiles {
		if err := writeMode(filepath.Join(root, "etc", name), []byte(content), 0o644); err != nil {
			return err
		}
	}
	return copyEtc(filepath.Join(root, "etc"))
}

// copyEtc adds the two public parts of the host's /etc that programs in /usr cannot do without: the loader's cache, and
// the links of the alternatives system (awk, java and the like are links into it).
func copyEtc(etc string) error {
	if cache, err := os.ReadFile("/etc/ld.so.cache"); err == nil {
		if err := writeMode(filepath.Join(etc, "ld.so.cache"), cache, 0o644); err != nil {
			return err
		}
	}
	entries, err := os.ReadDir("/etc/alternatives")
	if errors.Is(err, fs.ErrNotExist) {
		return nil // not a Debian-like system
	}
	if err != nil {
		return fmt.Errorf("read the host's alternatives: %w", err)
	}
	if err := os.Mkdir(filepath.Join(etc, "alternatives"), 0o755); err != nil {
		return err
	}
	for _, entry := range entries {
		target, err := os.Readlink(filepath.Join("/etc/alternatives", entry.Name()))
		if err != nil || !strings.HasPrefix(target, "/usr/") {
			continue
		}
		if err := os.Symlink(target, filepath.Join(etc, "alternatives", entry.Name())); err != nil {
			return err
		}
	}
	return nil
}

func writeMode(path string, content []byte, mode fs.FileMode) error {
	if err := os.WriteFile(path, content, mode); err != nil {
		return err
	}
	return os.Chmod(path, mode)
}

type topEntry struct{ name, source, link string }

// topEntries lists what the machine's root shows of its source: the host for the default snapshot and virtual
// environments, else the prepared root.
func topEntries(s Snapshot) ([]topEntry, error) {
	source, names := "/", systemDirs
	if s.isRoot() {
		source, names = s.Dir, nil
		entries, err := os.ReadDir(s.Dir)
		if err != nil {
			return nil, fmt.Errorf("read snapshot %s: %w", s.Name, err)
		}
		for _, entry := range entries {
			if !slices.Contains(privateDirs, entry.Name()) {
				names = append(names, entry.Name())
			}
		}
	}
	var found []topEntry
	for _, name := range names {
		path := filepath.Join(source, name)
		info, err := os.Lstat(path)
		switch {
		case err != nil:
			continue
		case info.IsDir():
			found = append(found, topEntry{name: name, source: path})
		case info.Mode()&fs.ModeSymlink != 0:
			target, err := os.Readlink(path)
			if rel := strings.TrimPrefix(target, "/"); err == nil && strings.HasPrefix(rel, "usr/") && filepath.IsLocal(rel) {
				found = append(found, topEntry{name: name, link: rel})
			}
		}
	}
	return found, nil
}
