//go:build linux

package toolbox

import (
	"bufio"
	"bytes"
	"io"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"
)

// Bounds of a search.
const (
	maxMatches      = 10_000
	maxMatchLine    = 64 << 10
	maxSearchedFile = 64 << 20
	// textProbe is how much of a file must be free of NUL bytes for it to be text, as with Daytona.
	textProbe = 512
	// maxReplaceBytes bounds a file that replace works on, which is held in memory.
	maxReplaceBytes = 8 << 20
)

type match struct {
	File    string `json:"file"`
	Line    int    `json:"line"`
	Content string `json:"content"`
}

// find serves GET /files/find?path=&pattern=: lines that contain pattern, in text files, a path being a file or a directory.
func (s *Server) find(w http.ResponseWriter, r *http.Request) error {
	pattern := r.URL.Query().Get("pattern")
	if pattern == "" {
		return badRequest("pattern is required")
	}
	matches := []match{}
	err := s.onPath(r, "path", func(id identity, loc *located) error {
		info, err := id.stat(loc.path)
		if err != nil {
			return err
		}
		if !info.IsDir() {
			matches = grep(loc.path, loc.name, pattern, matches)
			return nil
		}
		return walk(loc, func(name string, _ int, entry fs.DirEntry) error {
			if err := r.Context().Err(); err != nil || len(matches) >= maxMatches {
				return fs.SkipAll
			}
			if entry.IsDir() && name == "/proc" {
				return fs.SkipDir
			}
			if entry.Type().IsRegular() {
				matches = grep(filepath.Join(loc.path, strings.TrimPrefix(name, loc.name)), name, pattern, matches)
			}
			return nil
		})
	})
	if err != nil {
		return err
	}
	writeJSON(w, http.StatusOK, matches)
	return nil
}

// grep appends the matches of one file; a file that cannot be read or is not text has none.
func grep(path, name, pattern string, matches []match) []match {
	f, err := os.OpenFile(path, os.O_RDONLY|unix.O_NONBLOCK|unix.O_NOFOLLOW, 0)
	if err != nil {
		return matches
	}
	defer f.Close()
	if info, err := f.Stat(); err != nil || !info.Mode().IsRegular() {
		return matches
	}
	reader := bufio.NewReaderSize(io.LimitReader(f, maxSearchedFile), maxMatchLine)
	if probe, _ := reader.Peek(textProbe); bytes.IndexByte(probe, 0) >= 0 {
		return matches
	}
	lines := bufio.NewScanner(reader)
	lines.Buffer(nil, maxMatchLine)
	for number := 1; lines.Scan() && len(matches) < maxMatches; number++ {
		if strings.Contains(lines.Text(), pattern) {
			matches = append(matches, match{name, number, strings.ToValidUTF8(lines.Text(), "\uFFFD")})
		}
	}
	return matches
}

// search serves GET /files/search?path=&pattern=: paths whose last component matches the glob.
func (s *Server) search(w http.ResponseWriter, r *http.Request) error {
	pattern := r.URL.Query().Get("pattern")
	if _, err := filepath.Match(pattern, ""); err != nil || pattern == "" {
		return badRequest("pattern %q: must be a glob such as *.go", pattern)
	}
	files := []string{}
	err := s.onPath(r, "path", func(_ identity, loc *located) error {
		return walk(loc, func(name string, _ int, entry fs.DirEntry) error {
			if err := r.Context().Err(); err != nil || len(files) >= maxMatches {
				return fs.SkipAll
			}
			if entry.IsDir() && name == "/proc" {
				return fs.SkipDir
			}
			if ok, _ := filepath.Match(pattern, filepath.Base(name)); ok {
				files = append(files, name)
			}
			return nil
		})
	})
	if err != nil {
		return err
	}
	writeJSON(w, http.StatusOK, map[string][]string{"files": files})
	return nil
}

type replaceRequest struct {
	Files    []string `json:"files"`
	Pattern  string   `json:"pattern"`
	NewValue string   `json:"newValue"`
}

type replaceResult struct {
	File    string `json:"file"`
	Success bool   `json:"success"`
	Error   string `json:"error,omitempty"`
}

// replace serves POST /files/replace: each file's every pattern, taken literally, becomes newValue. It keeps the file's
// permissions.
func (s *Server) replace(w http.ResponseWriter, r *http.Request) error {
	var req replaceRequest
	if err := readJSON(w, r, &req); err != nil {
		return err
	}
	id, err := s.identityOf(r)
	if err != nil {
		return err
	}
	if req.Pattern == "" {
		return badRequest("pattern is required")
	}
	if len(req.Files) > maxUploadFiles {
		return badRequest("more than %d files", maxUploadFiles)
	}
	results := []replaceResult{}
	for _, file := range req.Files {
		result := replaceResult{File: file, Success: true}
		if err := id.replaceIn(file, req.Pattern, req.NewValue); err != nil {
			result.Success, result.Error = false, err.Error()
		}
		results = append(results, result)
	}
	writeJSON(w, http.StatusOK, results)
	return nil
}

func (id identity) replaceIn(path, pattern, newValue string) error {
	f, info, err := id.openRegular(path)
	if err != nil {
		return err
	}
	defer f.Close()
	if info.Size() > maxReplaceBytes {
		return badRequest("%s is larger than %d bytes", path, maxReplaceBytes)
	}
	text, err := io.ReadAll(io.LimitReader(f, maxReplaceBytes))
	if err != nil {
		return err
	}
	_, err = id.writeFile(path, bytes.NewReader(bytes.ReplaceAll(text, []byte(pattern), []byte(newValue))))
	return err
}
