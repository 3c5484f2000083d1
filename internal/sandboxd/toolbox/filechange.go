//go:build linux

package toolbox

import (
	"net/http"
	"os"
	"os/user"
	"strconv"

	"golang.org/x/sys/unix"
)

// mkdir serves POST /files/folder?path=&mode=: it makes parents too, and an existing directory is no error.
func (s *Server) mkdir(w http.ResponseWriter, r *http.Request) error {
	mode, err := parseMode(r.URL.Query().Get("mode"), 0o755)
	if err != nil {
		return err
	}
	id, err := s.identityOf(r)
	if err != nil {
		return err
	}
	err = id.do(func() error {
		loc, err := id.locate(r.URL.Query().Get("path"), true)
		if err != nil {
			return err
		}
		defer loc.close()
		return wrapLocated(loc, makeDir(loc.path, mode))
	})
	if err != nil {
		return err
	}
	w.WriteHeader(http.StatusCreated)
	return nil
}

// makeDir makes one directory, with mode whatever the umask.
func makeDir(path string, mode os.FileMode) error {
	err := os.Mkdir(path, mode)
	if os.IsExist(err) {
		info, errStat := os.Stat(path)
		if errStat == nil && info.IsDir() {
			return nil
		}
		return badRequest("a file is there already")
	}
	if err != nil {
		return err
	}
	return os.Chmod(path, mode)
}

// remove serves DELETE /files?path=&recursive=. A link is removed, not what it leads to.
func (s *Server) remove(w http.ResponseWriter, r *http.Request) error {
	recursive := r.URL.Query().Get("recursive") == "true"
	err := s.onPath(r, "path", func(_ identity, loc *located) error {
		info, err := os.Lstat(loc.path)
		if err != nil {
			return err
		}
		if !info.IsDir() {
			return os.Remove(loc.path)
		}
		if !recursive {
			return badRequest("%s is a directory: removing it needs recursive=true", loc.name)
		}
		return os.RemoveAll(loc.path)
	})
	if err != nil {
		return err
	}
	w.WriteHeader(http.StatusNoContent)
	return nil
}

// move serves POST /files/move?source=&destination=. It never replaces anything.
func (s *Server) move(w http.ResponseWriter, r *http.Request) error {
	err := s.onPath(r, "source", func(id identity, from *located) error {
		to, err := id.locate(r.URL.Query().Get("destination"), false)
		if err != nil {
			return err
		}
		defer to.close()
		if _, err := os.Lstat(to.path); err == nil {
			return conflict("%s exists already", to.name)
		}
		return wrapLocated(to, os.Rename(from.path, to.path))
	})
	if err != nil {
		return err
	}
	w.WriteHeader(http.StatusOK)
	return nil
}

// permissions serves POST /files/permissions?path=&mode=&owner=&group=.
func (s *Server) permissions(w http.ResponseWriter, r *http.Request) error {
	query := r.URL.Query()
	uid, err := lookupUser(query.Get("owner"))
	if err != nil {
		return err
	}
	gid, err := lookupGroup(query.Get("group"))
	if err != nil {
		return err
	}
	mode, err := parseMode(query.Get("mode"), 0)
	if err != nil {
		return err
	}
	err = s.onPath(r, "path", func(id identity, loc *located) error {
		// The owner comes first, as a change of owner takes set-uid bits away.
		if uid >= 0 || gid >= 0 {
			if err := os.Lchown(loc.path, uid, gid); err != nil {
				return err
			}
		}
		if !query.Has("mode") {
			return nil
		}
		return id.chmod(loc.path, mode)
	})
	if err != nil {
		return err
	}
	w.WriteHeader(http.StatusOK)
	return nil
}

// chmod changes a file's mode; for root through a descriptor, so that a link put there meanwhile is not followed.
func (id identity) chmod(path string, mode os.FileMode) error {
	if !id.root {
		return os.Chmod(path, mode)
	}
	f, err := os.OpenFile(path, os.O_RDONLY|unix.O_NOFOLLOW|unix.O_NONBLOCK, 0)
	if err != nil {
		return err
	}
	defer f.Close()
	return f.Chmod(mode)
}

// parseMode reads octal permissions, at most 0777.
func parseMode(text string, absent os.FileMode) (os.FileMode, error) {
	if text == "" {
		return absent, nil
	}
	mode, err := strconv.ParseUint(text, 8, 32)
	if err != nil || mode > 0o777 {
		return 0, badRequest("mode %q: must be octal, at most 0777", text)
	}
	return os.FileMode(mode), nil
}

// lookupUser returns the uid of a name or number, -1 for "".
func lookupUser(name string) (int, error) {
	if name == "" {
		return -1, nil
	}
	if uid, err := strconv.ParseUint(name, 10, 31); err == nil {
		return int(uid), nil
	}
	u, err := user.Lookup(name)
	if err != nil {
		return -1, badRequest("owner %q: %s", name, err)
	}
	return strconv.Atoi(u.Uid)
}

func lookupGroup(name string) (int, error) {
	if name == "" {
		return -1, nil
	}
	if gid, err := strconv.ParseUint(name, 10, 31); err == nil {
		return int(gid), nil
	}
	g, err := user.LookupGroup(name)
	if err != nil {
		return -1, badRequest("group %q: %s", name, err)
	}
	return strconv.Atoi(g.Gid)
}
