//go:build linux

package toolbox

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"
)

// located is a file that a request names, as the request's user may reach it.
type located struct {
	// name is the absolute path that the request meant; errors and answers carry it.
	name string
	// path is what to open.
	path string
	dir  *os.File
}

// locate finds path for id. For the user that is the path itself, since all that is done with it has the user's own rights.
// Root's rights must not be lent through a link that the user planted, so there every component but the last is opened in
// turn without following links, and the file is named through the descriptor of its directory; the last component is the
// caller's to open with nofollow. makeDirs creates missing directories. The caller closes the result.
func (id identity) locate(path string, makeDirs bool) (*located, error) {
	if path == "" {
		return nil, badRequest("path is required")
	}
	if strings.ContainsRune(path, 0) {
		return nil, badRequest("path %q has a NUL byte", path)
	}
	name := workDir(id, path)
	if !id.root {
		loc := &located{name: name, path: name}
		if makeDirs {
			return loc, os.MkdirAll(filepath.Dir(name), 0o755)
		}
		return loc, nil
	}
	name = filepath.Clean(name)
	dir, err := openDirNoLinks(filepath.Dir(name), makeDirs)
	if err != nil {
		return nil, err
	}
	return &located{name: name, path: fmt.Sprintf("/proc/self/fd/%d/%s", dir.Fd(), filepath.Base(name)), dir: dir}, nil
}

func (l *located) close() {
	if l.dir != nil {
		l.dir.Close()
	}
}

// wrap gives a file error the name that the request used.
func (l *located) wrap(err error) error {
	var pathErr *os.PathError
	if errors.As(err, &pathErr) {
		return &os.PathError{Op: pathErr.Op, Path: l.name, Err: pathErr.Err}
	}
	return err
}

// nofollow is the open flag by which root refuses a link as the last component.
func (id identity) nofollow() int {
	if id.root {
		return unix.O_NOFOLLOW
	}
	return 0
}

// openDirNoLinks opens an absolute, clean path as a directory, refusing links on the way.
func openDirNoLinks(path string, makeDirs bool) (*os.File, error) {
	const flags = unix.O_PATH | unix.O_DIRECTORY | unix.O_NOFOLLOW | unix.O_CLOEXEC
	fd, err := unix.Open("/", flags, 0)
	if err != nil {
		return nil, &os.PathError{Op: "open", Path: "/", Err: err}
	}
	for component := range strings.SplitSeq(strings.Trim(path, "/"), "/") {
		if component == "" {
			continue
		}
		next, err := unix.Openat(fd, component, flags, 0)
		if makeDirs && errors.Is(err, unix.ENOENT) {
			if err = unix.Mkdirat(fd, component, 0o755); err == nil || errors.Is(err, unix.EEXIST) {
				next, err = unix.Openat(fd, component, flags, 0)
			}
		}
		unix.Close(fd)
		if err != nil {
			return nil, &os.PathError{Op: "open", Path: path, Err: err}
		}
		fd = next
	}
	return os.NewFile(uintptr(fd), path), nil
}
