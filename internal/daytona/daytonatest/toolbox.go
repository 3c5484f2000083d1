package daytonatest

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"mime/multipart"
	"net/http"
	"net/textproto"
	"os"
	"path"
	"strconv"
	"strings"
	"time"

	"pitwall/internal/daytona"
)

func (s *Server) toolboxRoutes(mux *http.ServeMux) {
	mux.HandleFunc("GET /toolbox/{id}/version", s.inside(func(w http.ResponseWriter, _ *http.Request, _ *os.Root) {
		writeJSON(w, http.StatusOK, map[string]string{"version": "0.205.1-test"})
	}))
	mux.HandleFunc("GET /toolbox/{id}/work-dir", s.inside(func(w http.ResponseWriter, _ *http.Request, root *os.Root) {
		writeJSON(w, http.StatusOK, map[string]string{"dir": root.Name()})
	}))
	mux.HandleFunc("POST /toolbox/{id}/process/execute", s.inside(s.execute))
	mux.HandleFunc("POST /toolbox/{id}/files/bulk-upload", s.inside(upload))
	mux.HandleFunc("GET /toolbox/{id}/files/download", s.inside(download))
	mux.HandleFunc("POST /toolbox/{id}/files/bulk-download", s.inside(downloadMany))
	mux.HandleFunc("GET /toolbox/{id}/files", s.inside(listFiles))
	mux.HandleFunc("GET /toolbox/{id}/files/info", s.inside(fileInfo))
	mux.HandleFunc("POST /toolbox/{id}/files/folder", s.inside(makeFolder))
	mux.HandleFunc("DELETE /toolbox/{id}/files", s.inside(deleteFile))
	mux.HandleFunc("POST /toolbox/{id}/git/clone", s.inside(func(w http.ResponseWriter, _ *http.Request, _ *os.Root) {
		w.WriteHeader(http.StatusOK)
	}))
}

// inside opens the sandbox's folder, or answers as Daytona's proxy does for a sandbox that is not up.
func (s *Server) inside(handle func(http.ResponseWriter, *http.Request, *os.Root)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		s.mu.Lock()
		row := s.find(r.PathValue("id"))
		var state, dir string
		if row != nil {
			state, dir = row.state, row.dir
		}
		s.mu.Unlock()
		switch {
		case row == nil:
			writeError(w, r, http.StatusUnauthorized, "authentication failed: Bearer token is invalid")
			return
		case state != daytona.StateStarted:
			writeError(w, r, http.StatusBadRequest,
				"failed to resolve container IP after 3 attempts: no IP. Is the Sandbox started?")
			return
		}
		root, err := os.OpenRoot(dir)
		if err != nil {
			daemonError(w, r, http.StatusInternalServerError, "", err.Error())
			return
		}
		defer root.Close()
		handle(w, r, root)
	}
}

// daemonError answers in the shape of a recent toolbox daemon.
func daemonError(w http.ResponseWriter, r *http.Request, status int, code, message string) {
	writeJSON(w, status, map[string]any{
		"statusCode": status, "message": message, "code": code, "source": "DAYTONA_DAEMON",
		"timestamp": time.Now().UTC().Format(time.RFC3339), "path": r.URL.Path, "method": r.Method,
	})
}

func fileError(w http.ResponseWriter, r *http.Request, err error) {
	switch {
	case errors.Is(err, fs.ErrNotExist):
		daemonError(w, r, http.StatusNotFound, "FILE_NOT_FOUND", err.Error())
	case errors.Is(err, fs.ErrPermission):
		daemonError(w, r, http.StatusForbidden, "FILE_ACCESS_DENIED", err.Error())
	default:
		daemonError(w, r, http.StatusBadRequest, "INVALID_FILE_PATH", err.Error())
	}
}

func (s *Server) execute(w http.ResponseWriter, r *http.Request, root *os.Root) {
	var body struct {
		Command string
		Timeout int
	}
	if err := json.NewDecoder(r.Body).Decode(&body); err != nil {
		daemonError(w, r, http.StatusBadRequest, "INVALID_REQUEST_BODY", err.Error())
		return
	}
	if strings.HasPrefix(body.Command, "sleep ") && body.Timeout > 0 {
		daemonError(w, r, http.StatusRequestTimeout, "PROCESS_EXECUTION_TIMEOUT", "command execution timeout")
		return
	}
	if s.options.Execute == nil {
		daemonError(w, r, http.StatusNotImplemented, "NOT_IMPLEMENTED", "this test runs no commands")
		return
	}
	s.mu.Lock()
	env := map[string]string{}
	if row := s.find(r.PathValue("id")); row != nil {
		env = row.create.Env
	}
	s.mu.Unlock()
	code, output := s.options.Execute(Execution{Command: body.Command, Dir: root.Name(), Env: env})
	writeJSON(w, http.StatusOK, map[string]any{"exitCode": code, "result": output})
}

// upload writes the parts as they come: a path, then its file.
func upload(w http.ResponseWriter, r *http.Request, root *os.Root) {
	reader, err := r.MultipartReader()
	if err != nil {
		daemonError(w, r, http.StatusBadRequest, "BAD_REQUEST", err.Error())
		return
	}
	paths := map[string]string{}
	written, reasons := []map[string]any{}, []string{}
	for {
		part, err := reader.NextRawPart()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			daemonError(w, r, http.StatusBadRequest, "BAD_REQUEST", err.Error())
			return
		}
		index, kind, _ := strings.Cut(strings.TrimPrefix(part.FormName(), "files["), "].")
		if kind == "path" {
			raw, _ := io.ReadAll(part)
			paths[index] = string(raw)
			continue
		}
		if size, err := writePart(root, paths[index], part); err != nil {
			reasons = append(reasons, fmt.Sprintf("%s: %v", paths[index], err))
		} else {
			written = append(written, map[string]any{"path": paths[index], "bytes": size})
		}
	}
	if len(reasons) > 0 {
		writeJSON(w, http.StatusBadRequest, map[string]any{"errors": reasons, "files": written})
		return
	}
	writeJSON(w, http.StatusOK, map[string]any{"files": written})
}

func writePart(root *os.Root, name string, part io.Reader) (int64, error) {
	if name == "" {
		return 0, errors.New("missing .path metadata")
	}
	if err := root.MkdirAll(path.Dir(name), 0o755); err != nil {
		return 0, err
	}
	file, err := root.Create(name)
	if err != nil {
		return 0, err
	}
	size, err := io.Copy(file, part)
	return size, errors.Join(err, file.Close())
}

func download(w http.ResponseWriter, r *http.Request, root *os.Root) {
	file, err := root.Open(r.URL.Query().Get("path"))
	if err != nil {
		fileError(w, r, err)
		return
	}
	defer file.Close()
	w.Header().Set("Content-Type", "application/octet-stream")
	http.ServeContent(w, r, "", time.Time{}, file)
}

// downloadMany answers as Daytona's daemon does: a part a file, and a boundary that any file may contain.
func downloadMany(w http.ResponseWriter, r *http.Request, root *os.Root) {
	var body struct{ Paths []string }
	if err := json.NewDecoder(r.Body).Decode(&body); err != nil {
		daemonError(w, r, http.StatusBadRequest, "INVALID_REQUEST_BODY", err.Error())
		return
	}
	parts := multipart.NewWriter(w)
	_ = parts.SetBoundary("DAYTONA-FILE-BOUNDARY")
	w.Header().Set("Content-Type", parts.FormDataContentType())
	for _, name := range body.Paths {
		kind, content := "file", []byte(nil)
		file, err := root.Open(name)
		if err == nil {
			content, err = io.ReadAll(file)
			_ = file.Close()
		}
		if err != nil {
			kind, content = "error", []byte(`{"statusCode":404,"code":"FILE_NOT_FOUND","message":"no such file"}`)
		}
		header := textproto.MIMEHeader{"Content-Disposition": {fmt.Sprintf("form-data; name=%q; filename=%q", kind, name)}}
		part, err := parts.CreatePart(header)
		if err != nil {
			return
		}
		_, _ = part.Write(content)
	}
	_ = parts.Close()
}

func listFiles(w http.ResponseWriter, r *http.Request, root *os.Root) {
	entries, err := fs.ReadDir(root.FS(), r.URL.Query().Get("path"))
	if err != nil {
		fileError(w, r, err)
		return
	}
	infos := []map[string]any{}
	for _, entry := range entries {
		if info, err := entry.Info(); err == nil {
			infos = append(infos, infoDTO(info))
		}
	}
	writeJSON(w, http.StatusOK, infos)
}

func fileInfo(w http.ResponseWriter, r *http.Request, root *os.Root) {
	info, err := root.Lstat(r.URL.Query().Get("path"))
	if err != nil {
		fileError(w, r, err)
		return
	}
	writeJSON(w, http.StatusOK, infoDTO(info))
}

func infoDTO(info fs.FileInfo) map[string]any {
	return map[string]any{
		"name": info.Name(), "size": info.Size(), "isDir": info.IsDir(), "mode": info.Mode().String(),
		"permissions": fmt.Sprintf("%04o", info.Mode().Perm()), "owner": "daytona", "group": "daytona",
		"modTime": info.ModTime().String(), "modifiedAt": info.ModTime().UTC().Format(time.RFC3339Nano),
	}
}

func makeFolder(w http.ResponseWriter, r *http.Request, root *os.Root) {
	mode, err := strconv.ParseUint(r.URL.Query().Get("mode"), 8, 32)
	if err == nil {
		err = root.MkdirAll(r.URL.Query().Get("path"), fs.FileMode(mode))
	}
	if err != nil {
		fileError(w, r, err)
		return
	}
	w.WriteHeader(http.StatusCreated)
}

func deleteFile(w http.ResponseWriter, r *http.Request, root *os.Root) {
	name := r.URL.Query().Get("path")
	info, err := root.Lstat(name)
	switch {
	case err == nil && info.IsDir() && r.URL.Query().Get("recursive") != "true":
		err = errors.New("cannot delete directory without recursive flag")
	case err == nil:
		err = root.RemoveAll(name)
	}
	if err != nil {
		fileError(w, r, err)
		return
	}
	w.WriteHeader(http.StatusNoContent)
}
