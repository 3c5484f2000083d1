//go:build linux

package toolbox

import (
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"os"
	"os/user"
	"path/filepath"
	"strconv"
	"syscall"
	"time"
)

// fileInfo is one entry of a listing.
type fileInfo struct {
	Name        string `json:"name"`
	Path        string `json:"path"`
	Size        int64  `json:"size"`
	Mode        string `json:"mode"`        // "-rw-r--r--"
	ModTime     string `json:"modTime"`     // Go's time.String(), which old client libraries expect
	ModifiedAt  string `json:"modifiedAt"`  // RFC 3339
	Permissions string `json:"permissions"` // "0644"
	IsDir       bool   `json:"isDir"`
	Owner       string `json:"owner"`
	Group       string `json:"group"`
}

func (n names) fileInfo(path string, info os.FileInfo) fileInfo {
	f := fileInfo{
		Name: filepath.Base(path), Path: path, Size: info.Size(), Mode: info.Mode().String(), IsDir: info.IsDir(),
		ModTime: info.ModTime().UTC().String(), ModifiedAt: info.ModTime().UTC().Format(time.RFC3339Nano),
		Permissions: fmt.Sprintf("%04o", info.Mode().Perm()),
	}
	if stat, ok := info.Sys().(*syscall.Stat_t); ok {
		f.Owner, f.Group = n.owner(stat.Uid), n.group(stat.Gid)
	}
	return f
}

// names remembers the names of owners and groups for one listing; a number stands for itself where no name is known.
type names struct{ owners, groups map[uint32]string }

func newNames() names { return names{map[uint32]string{}, map[uint32]string{}} }

func (n names) owner(uid uint32) string {
	if _, ok := n.owners[uid]; !ok {
		number := strconv.FormatUint(uint64(uid), 10)
		n.owners[uid] = number
		if u, err := user.LookupId(number); err == nil {
			n.owners[uid] = u.Username
		}
	}
	return n.owners[uid]
}

func (n names) group(gid uint32) string {
	if _, ok := n.groups[gid]; !ok {
		number := strconv.FormatUint(uint64(gid), 10)
		n.groups[gid] = number
		if g, err := user.LookupGroupId(number); err == nil {
			n.groups[gid] = g.Name
		}
	}
	return n.groups[gid]
}

// onPath runs fn on the file that the query parameter names, with the rights of the request's user.
func (s *Server) onPath(r *http.Request, parameter string, fn func(id identity, loc *located) error) error {
	id, err := s.identityOf(r)
	if err != nil {
		return err
	}
	return id.do(func() error {
		loc, err := id.locate(r.URL.Query().Get(parameter), false)
		if err != nil {
			return err
		}
		defer loc.close()
		return wrapLocated(loc, fn(id, loc))
	})
}

// stat follows a link as the last component for the user, never for root.
func (id identity) stat(path string) (os.FileInfo, error) {
	if id.root {
		return os.Lstat(path)
	}
	return os.Stat(path)
}

// info serves GET /files/info?path=.
func (s *Server) info(w http.ResponseWriter, r *http.Request) error {
	var result fileInfo
	err := s.onPath(r, "path", func(id identity, loc *located) error {
		info, err := id.stat(loc.path)
		if err == nil {
			result = newNames().fileInfo(loc.name, info)
		}
		return err
	})
	if err != nil {
		return err
	}
	writeJSON(w, http.StatusOK, result)
	return nil
}

// Bounds of a listing.
const (
	maxListed    = 50_000
	maxListDepth = 64
)

// list serves GET /files?path=&depth=: the entries of a directory, and with a depth above 1 those below.
func (s *Server) list(w http.ResponseWriter, r *http.Request) error {
	depth := 1
	if text := r.URL.Query().Get("depth"); text != "" {
		var err error
		if depth, err = strconv.Atoi(text); err != nil || depth < 1 || depth > maxListDepth {
			return badRequest("depth %q: must be 1 to %d", text, maxListDepth)
		}
	}
	if !r.URL.Query().Has("path") {
		query := r.URL.Query()
		query.Set("path", s.cfg.Home)
		r.URL.RawQuery = query.Encode()
	}
	entries := []fileInfo{}
	err := s.onPath(r, "path", func(_ identity, loc *located) error {
		var err error
		entries, err = listDir(loc, depth)
		return err
	})
	if err != nil {
		return err
	}
	writeJSON(w, http.StatusOK, entries)
	return nil
}

// listDir lists loc to a depth, links as links. Entries that vanish or may not be read meanwhile are left out.
func listDir(loc *located, depth int) ([]fileInfo, error) {
	entries, names := []fileInfo{}, newNames()
	err := walk(loc, func(name string, level int, entry fs.DirEntry) error {
		if level == 0 {
			return nil
		}
		if info, err := entry.Info(); err == nil {
			if len(entries) >= maxListed {
				return badRequest("%s has more than %d entries", loc.name, maxListed)
			}
			entries = append(entries, names.fileInfo(name, info))
		}
		if entry.IsDir() && level >= depth {
			return fs.SkipDir
		}
		return nil
	})
	return entries, err
}

// walk visits loc, which must be a directory, and all below in lexical order, following no link but loc itself, and leaving
// out what may not be read. visit gets names as the request would name them, and the level below loc.
func walk(loc *located, visit func(name string, level int, entry fs.DirEntry) error) error {
	stat := os.Stat
	if loc.dir != nil {
		stat = os.Lstat // root's: see locate
	}
	info, err := stat(loc.path)
	if err != nil {
		return err
	}
	if !info.IsDir() {
		return badRequest("%s is not a directory", loc.name)
	}
	root := loc.path + "/." // so that a link at loc is followed
	return filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
		relative, errRel := filepath.Rel(root, path)
		if errRel != nil {
			return errRel
		}
		if err != nil {
			return skipUnreadable(relative, err)
		}
		return visit(filepath.Join(loc.name, relative), levelOf(relative), entry)
	})
}

// skipUnreadable passes over what is below the root of a walk and cannot be read.
func skipUnreadable(relative string, err error) error {
	if relative == "." || !errors.Is(err, fs.ErrPermission) && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}

// levelOf counts the components of a relative path; "." has none.
func levelOf(relative string) int {
	if relative == "." {
		return 0
	}
	level := 1
	for _, c := range relative {
		if c == filepath.Separator {
			level++
		}
	}
	return level
}
