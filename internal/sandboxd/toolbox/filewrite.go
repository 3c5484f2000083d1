//go:build linux

package toolbox

import (
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
)

// maxName is what a file system allows a name; the temporary name must fit too.
const maxName = 255

// writeFile streams body into path with id's rights: into a temporary file beside it, renamed at the end, so that whoever
// reads the path sees the old content or the new, whole. A link at the path is replaced, never followed. It returns the bytes
// written.
func (id identity) writeFile(path string, body io.Reader) (written int64, err error) {
	var loc *located
	var temp *os.File
	err = id.do(func() error {
		if loc, err = id.locate(path, true); err != nil {
			return err
		}
		temp, err = createTemp(loc)
		return err
	})
	if loc != nil {
		defer loc.close()
	}
	if err != nil {
		return 0, wrapLocated(loc, err)
	}
	written, err = io.CopyBuffer(struct{ io.Writer }{temp}, body, make([]byte, 64<<10))
	err = errors.Join(err, temp.Close())
	return written, wrapLocated(loc, id.do(func() error {
		if err == nil {
			err = os.Rename(temp.Name(), loc.path)
		}
		if err != nil {
			_ = os.Remove(temp.Name())
		}
		return err
	}))
}

// createTemp makes the file that becomes loc, with the permissions of the file that it replaces.
func createTemp(loc *located) (*os.File, error) {
	mode := os.FileMode(0o644)
	if info, err := os.Lstat(loc.path); err == nil {
		if info.IsDir() {
			return nil, badRequest("%s is a directory", loc.name)
		}
		if info.Mode().IsRegular() {
			mode = info.Mode().Perm()
		}
	}
	dir, base := filepath.Split(loc.path)
	suffix := ".upload-" + rand.Text()[:10]
	name := "." + base[:min(len(base), maxName-1-len(suffix))] + suffix
	temp, err := os.OpenFile(dir+name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, mode)
	if err != nil {
		return nil, err
	}
	if err := temp.Chmod(mode); err != nil {
		return nil, errors.Join(err, temp.Close(), os.Remove(temp.Name()))
	}
	return temp, nil
}

func wrapLocated(loc *located, err error) error {
	if loc == nil || err == nil {
		return err
	}
	var link *os.LinkError
	if errors.As(err, &link) {
		return fmt.Errorf("rename to %s: %w", loc.name, link.Err)
	}
	return loc.wrap(err)
}
