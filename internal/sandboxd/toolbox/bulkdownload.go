//go:build linux

package toolbox

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"mime/multipart"
	"net/http"
	"net/textproto"
	"net/url"
	"os"
	"strconv"
	"strings"
)

type downloadRequest struct {
	Paths []string `json:"paths"`
}

// bulkDownload serves POST /files/bulk-download: a part "file" for each path that can be read, or a part "error" that says
// why not. The boundary is random: Daytona's is constant, so a file that contains it cannot be read through it.
func (s *Server) bulkDownload(w http.ResponseWriter, r *http.Request) error {
	var req downloadRequest
	if err := readJSON(w, r, &req); err != nil {
		return err
	}
	id, err := s.identityOf(r)
	if err != nil {
		return err
	}
	if len(req.Paths) == 0 || len(req.Paths) > maxUploadFiles {
		return badRequest("paths: must be 1 to %d", maxUploadFiles)
	}
	parts := multipart.NewWriter(w)
	w.Header().Set("Content-Type", parts.FormDataContentType())
	for _, path := range req.Paths {
		if err := id.writePart(parts, r, path); err != nil {
			// Half a body is sent: the connection must break, so that the client does not take it for the whole.
			s.cfg.Logger.Warn("bulk download broke off", "path", path, "error", err)
			panic(http.ErrAbortHandler)
		}
	}
	if err := parts.Close(); err != nil {
		panic(http.ErrAbortHandler)
	}
	return nil
}

// writePart writes the part of one path. Its error says that the body is broken, not that the file is.
func (id identity) writePart(parts *multipart.Writer, r *http.Request, path string) error {
	f, info, err := id.openRegular(path)
	if err != nil {
		return writeErrorPart(parts, r, path, err)
	}
	defer f.Close()
	part, err := parts.CreatePart(partHeader("file", path, "application/octet-stream", info.Size()))
	if err != nil {
		return err
	}
	// Exactly the size that was announced: a file may grow or shrink meanwhile.
	n, err := io.CopyN(part, f, info.Size())
	if err != nil {
		return fmt.Errorf("send %d of %d bytes: %w", n, info.Size(), err)
	}
	return nil
}

func writeErrorPart(parts *multipart.Writer, r *http.Request, path string, err error) error {
	api := toAPIError(err)
	if api.code == "BAD_REQUEST" || api.code == "INTERNAL_SERVER_ERROR" {
		api.code = "FILE_READ_FAILED"
	}
	var pathErr *fs.PathError
	if errors.As(err, &pathErr) && (errors.Is(err, os.ErrInvalid) || path == "") {
		api.code = "INVALID_FILE_PATH"
	}
	text, err := json.Marshal(newErrorBody(r, api))
	if err != nil {
		return err
	}
	part, err := parts.CreatePart(partHeader("error", path, "application/json", int64(len(text))))
	if err != nil {
		return err
	}
	_, err = part.Write(text)
	return err
}

// partHeader names a part by the very path that was asked for, by which the client libraries find it. A path that a quoted
// string cannot carry is in filename* alone in full.
func partHeader(name, path, contentType string, size int64) textproto.MIMEHeader {
	quoted := strings.NewReplacer(`\`, `\\`, `"`, `\"`, "\r", "%0D", "\n", "%0A", "\x00", "%00").Replace(path)
	encoded := strings.ReplaceAll(url.QueryEscape(path), "+", "%20")
	return textproto.MIMEHeader{
		"Content-Disposition": {fmt.Sprintf(`form-data; name="%s"; filename="%s"; filename*=utf-8''%s`, name, quoted, encoded)},
		"Content-Type":        {contentType},
		"Content-Length":      {strconv.FormatInt(size, 10)},
	}
}
