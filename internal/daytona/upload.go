package daytona

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime/multipart"
	"net/http"
	"net/textproto"
	"strings"
)

// maxUploadFiles bounds one upload; its framing is held in memory, some 300 bytes a file.
const maxUploadFiles = 10_000

// UploadFile is one file to write. Missing parent folders are made, an existing file is replaced.
type UploadFile struct {
	// Path is absolute, or relative to the work dir. Any bytes but NUL.
	Path string
	// Size is the exact number of bytes; -1: unknown, then everything up to EOF is sent.
	Size int64
	// Body is read once, in order, and not after Upload returned, which waits for a Read in flight even when the context
	// ended; closing it is the caller's.
	Body io.Reader
}

// Upload streams files in one request, in constant memory. It is not atomic: after an error some files may be written, in
// part too. The error names the reason for each file that the toolbox refused. A body that ends early or goes on past its
// Size breaks the upload.
func (t *Toolbox) Upload(ctx context.Context, files []UploadFile) error {
	cl := call{op: "upload files", method: http.MethodPost, path: "/files/bulk-upload"}
	if len(files) == 1 {
		cl.op, cl.subject = "upload file", clean(files[0].Path)
	}
	if len(files) == 0 {
		return nil
	}
	if err := checkUpload(files); err != nil {
		return cl.refuse(fmt.Errorf("%w: %w", ErrInvalidRequest, err))
	}
	body, err := newUploadBody(files)
	if err != nil {
		return cl.refuse(err)
	}
	defer body.Close() // from here on nobody reads the caller's bodies
	cl.body, cl.length = body, body.length
	cl.header = http.Header{"Content-Type": {body.contentType}}
	var answer uploadAnswer
	if err := t.upload(ctx, cl, &answer); err != nil {
		return body.explain(err)
	}
	body.Close() // the transport may be at it still, if the toolbox answered early
	if err := answer.check(body); err != nil {
		return toolboxFail(cl, err)
	}
	return nil
}

func (t *Toolbox) upload(ctx context.Context, cl call, answer *uploadAnswer) error {
	cl, err := t.address(ctx, cl)
	if err != nil {
		return err
	}
	resp, err := t.client.send(ctx, cl) //nolint:bodyclose // discard closes it
	if err != nil {
		return err
	}
	defer discard(resp.Body)
	raw, err := readCapped(resp.Body, maxJSONBytes)
	if err != nil {
		return cl.fail(resp.StatusCode, err)
	}
	_ = json.Unmarshal(raw, answer) // older daemons answer with nothing
	return nil
}

func checkUpload(files []UploadFile) error {
	if len(files) > maxUploadFiles {
		return fmt.Errorf("%d files in one upload, more than %d", len(files), maxUploadFiles)
	}
	seen := map[string]bool{}
	for _, file := range files {
		if err := checkPath(file.Path); err != nil {
			return err
		}
		if seen[file.Path] {
			return fmt.Errorf("file %s is named twice", clean(file.Path))
		}
		seen[file.Path] = true
		if file.Body == nil {
			return fmt.Errorf("file %s has no body", clean(file.Path))
		}
	}
	return nil
}

func checkPath(path string) error {
	switch {
	case path == "":
		return errors.New("an empty path")
	case strings.ContainsRune(path, 0):
		return fmt.Errorf("path %q holds a NUL", clean(path))
	}
	return nil
}

// uploadAnswer is what newer daemons say they wrote.
type uploadAnswer struct {
	Files []struct {
		Path  string `json:"path"`
		Bytes *int64 `json:"bytes"`
	} `json:"files"`
}

// check compares what was written with what was sent.
func (a uploadAnswer) check(body *uploadBody) error {
	written := map[string]*int64{}
	for _, file := range a.Files {
		written[file.Path] = file.Bytes
	}
	for _, part := range body.parts {
		if part.size >= 0 && part.sent != part.size {
			return fmt.Errorf("%w: success after %d of %d bytes of %s", ErrBadAnswer, part.sent, part.size, clean(part.path))
		}
		if got := written[part.path]; got != nil && *got != part.sent {
			return fmt.Errorf("%w: %d bytes of %s written, %d sent", ErrBadAnswer, *got, clean(part.path), part.sent)
		}
	}
	return nil
}

// newUploadBody lays out the multipart body: for each file "files[i].path" and then "files[i].file", for the toolbox
// streams the parts in order and must know the path first. The framing is made beforehand, so the length is known when all
// sizes are, and no goroutine is needed.
func newUploadBody(files []UploadFile) (*uploadBody, error) {
	var frame bytes.Buffer
	form := multipart.NewWriter(&frame)
	body := &uploadBody{contentType: form.FormDataContentType()}
	var sources []io.Reader
	flush := func() {
		sources = append(sources, strings.NewReader(frame.String()))
		body.add(int64(frame.Len()))
		frame.Reset()
	}
	for i, file := range files {
		if err := form.WriteField(fmt.Sprintf("files[%d].path", i), file.Path); err != nil {
			return nil, fmt.Errorf("frame upload: %w", err)
		}
		// The file name makes it a file part; the path above is what counts, so no hostile name goes into a header.
		header := textproto.MIMEHeader{}
		header.Set("Content-Disposition", fmt.Sprintf(`form-data; name="files[%d].file"; filename="file"`, i))
		header.Set("Content-Type", "application/octet-stream")
		if _, err := form.CreatePart(header); err != nil {
			return nil, fmt.Errorf("frame upload: %w", err)
		}
		flush()
		part := &uploadPart{path: file.Path, size: file.Size, source: file.Body}
		body.parts = append(body.parts, part)
		body.add(file.Size)
		sources = append(sources, part)
	}
	if err := form.Close(); err != nil {
		return nil, fmt.Errorf("frame upload: %w", err)
	}
	flush()
	body.source = io.MultiReader(sources...)
	return body, nil
}
