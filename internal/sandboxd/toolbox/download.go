//go:build linux

package toolbox

import (
	"fmt"
	"mime"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// download serves GET /files/download?path=, with Range.
func (s *Server) download(w http.ResponseWriter, r *http.Request) error {
	id, err := s.identityOf(r)
	if err != nil {
		return err
	}
	name := r.URL.Query().Get("path")
	f, _, err := id.openRegular(name)
	if err != nil {
		return err
	}
	defer f.Close()
	w.Header().Set("Content-Type", "application/octet-stream")
	w.Header().Set("Content-Disposition", mime.FormatMediaType("attachment", map[string]string{"filename": filepath.Base(name)}))
	// No modification time: a file that grows while it is read must never be answered 304 or lose its range to If-Range.
	http.ServeContent(w, r, "", time.Time{}, f)
	return nil
}

// openRegular opens path for reading with id's rights. It refuses what is not a regular file, without waiting for a FIFO's
// other end, and the agent's own files in /proc.
func (id identity) openRegular(path string) (*os.File, os.FileInfo, error) {
	var f *os.File
	err := id.do(func() error {
		loc, err := id.locate(path, false)
		if err != nil {
			return err
		}
		defer loc.close()
		f, err = os.OpenFile(loc.path, os.O_RDONLY|unix.O_NONBLOCK|unix.O_NOCTTY|id.nofollow(), 0)
		return loc.wrap(err)
	})
	if err != nil {
		return nil, nil, err
	}
	info, err := f.Stat()
	if err == nil {
		err = checkRegular(f, info, path)
	}
	if err != nil {
		f.Close()
		return nil, nil, err
	}
	return f, info, nil
}

func checkRegular(f *os.File, info os.FileInfo, path string) error {
	if !info.Mode().IsRegular() {
		return &apiError{http.StatusBadRequest, "INVALID_FILE_PATH", path + " is not a regular file: " + kindOf(info.Mode())}
	}
	// A thread of the agent may read the agent's own files in /proc, its memory among them, whatever user it acts for.
	target, err := os.Readlink(fmt.Sprintf("/proc/self/fd/%d", f.Fd()))
	if own := fmt.Sprintf("/proc/%d/", os.Getpid()); err == nil && strings.HasPrefix(target, own) {
		return &apiError{http.StatusForbidden, "FILE_ACCESS_DENIED", path + " belongs to the sandbox's agent"}
	}
	return nil
}

// kindOf names what stands where a file was expected.
func kindOf(mode os.FileMode) string {
	switch {
	case mode.IsDir():
		return "a directory"
	case mode&os.ModeNamedPipe != 0:
		return "a FIFO"
	case mode&os.ModeDevice != 0:
		return "a device"
	case mode&os.ModeSocket != 0:
		return "a socket"
	case mode&os.ModeSymlink != 0:
		return "a link"
	}
	return "a special file"
}
