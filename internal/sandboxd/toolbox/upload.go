//go:build linux

package toolbox

import (
	"errors"
	"fmt"
	"io"
	"mime/multipart"
	"net/http"
	"path"
	"regexp"
	"strings"
)

// Bounds of one upload request. What the files take together is bounded by the sandbox's disk.
const (
	maxUploadFiles = 10_000
	maxPathBytes   = 4096 // PATH_MAX
)

// uploadField is files[i].path or files[i].file.
var uploadField = regexp.MustCompile(`^files\[([0-9]{1,9})\]\.(path|file)$`)

type uploadedPart struct {
	Path  string `json:"path"`
	Bytes int64  `json:"bytes"`
}

type bulkUploadResponse struct {
	Errors []string       `json:"errors,omitempty"`
	Files  []uploadedPart `json:"files"`
}

// bulkUpload serves POST /files/bulk-upload: parts files[i].path, then files[i].file, written one after the other as they
// arrive. A part that fails does not stop those behind it; then the answer is 400 and lists what failed and what was written.
func (s *Server) bulkUpload(w http.ResponseWriter, r *http.Request) error {
	id, err := s.identityOf(r)
	if err != nil {
		return err
	}
	parts, err := r.MultipartReader()
	if err != nil {
		return badRequest("read multipart body: %s", err)
	}
	result := readUploads(parts, id.writeFile)
	if len(result.Errors) > 0 {
		body := newErrorBody(r, badRequest("%s", strings.Join(result.Errors, "; ")))
		writeJSON(w, http.StatusBadRequest, struct {
			errorBody
			bulkUploadResponse
		}{body, result})
		return nil
	}
	writeJSON(w, http.StatusOK, result)
	return nil
}

// readUploads hands each file of a multipart body to write, under the path that came before it. It ends at the first fault of
// the body itself.
func readUploads(parts *multipart.Reader, write func(path string, body io.Reader) (int64, error)) bulkUploadResponse {
	result := bulkUploadResponse{Files: []uploadedPart{}}
	pending := map[string]string{}
	for {
		part, err := parts.NextPart()
		if errors.Is(err, io.EOF) {
			return result
		}
		if err != nil {
			result.Errors = append(result.Errors, fmt.Sprintf("read multipart body: %s", err))
			return result
		}
		if len(result.Files)+len(result.Errors)+len(pending) >= maxUploadFiles {
			result.Errors = append(result.Errors, fmt.Sprintf("more than %d files", maxUploadFiles))
			return result
		}
		result.add(part, pending, write)
	}
}

// add takes one part: it remembers a path, or writes a file.
func (b *bulkUploadResponse) add(part *multipart.Part, pending map[string]string, write func(string, io.Reader) (int64, error)) {
	field := uploadField.FindStringSubmatch(part.FormName())
	if field == nil {
		return
	}
	index, kind := field[1], field[2]
	if kind == "path" {
		text, err := io.ReadAll(io.LimitReader(part, maxPathBytes+1))
		if err != nil || len(text) > maxPathBytes {
			b.Errors = append(b.Errors, fmt.Sprintf("files[%s].path: must be at most %d bytes", index, maxPathBytes))
			return
		}
		pending[index] = string(text)
		return
	}
	target, ok := pending[index]
	if !ok {
		b.Errors = append(b.Errors, fmt.Sprintf("files[%s].file: missing .path metadata", index))
		return
	}
	delete(pending, index)
	n, err := write(target, part)
	if err != nil {
		b.Errors = append(b.Errors, fmt.Sprintf("%s: %s", target, err))
		return
	}
	b.Files = append(b.Files, uploadedPart{target, n})
}

type uploadedFile struct {
	Name string `json:"name"`
	Path string `json:"path"`
	Type string `json:"type"`
}

// upload serves POST /files/upload-v2?path=: a multipart field "file", or the body itself.
func (s *Server) upload(w http.ResponseWriter, r *http.Request) error {
	id, err := s.identityOf(r)
	if err != nil {
		return err
	}
	target := r.URL.Query().Get("path")
	var body io.Reader = r.Body
	if strings.HasPrefix(r.Header.Get("Content-Type"), "multipart/") {
		if body, err = fileField(r); err != nil {
			return err
		}
	}
	if _, err := id.writeFile(target, body); err != nil {
		return err
	}
	writeJSON(w, http.StatusOK, uploadedFile{Name: path.Base(target), Path: target, Type: "file"})
	return nil
}

// fileField finds the field "file" of a multipart request.
func fileField(r *http.Request) (io.Reader, error) {
	parts, err := r.MultipartReader()
	if err != nil {
		return nil, badRequest("read multipart body: %s", err)
	}
	for range maxUploadFiles {
		part, err := parts.NextPart()
		if err != nil {
			return nil, badRequest("field file: %s", err)
		}
		if part.FormName() == "file" {
			return part, nil
		}
	}
	return nil, badRequest("field file is required")
}
