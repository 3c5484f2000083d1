package daytona

import (
	"context"
	"errors"
	"fmt"
	"io"
	"mime"
	"mime/multipart"
	"net/http"
	"slices"
)

const (
	// MaxDownloadMany bounds the files of one DownloadMany: as many as the local server takes.
	MaxDownloadMany = 256
	// partOverhead is more than an honest part's boundary, headers and error take, beside the path twice.
	partOverhead = 2 << 10
)

// DownloadMany streams several files in one answer, which the sandbox sends one after the other: for many small ones that
// saves a round trip each. visit is called for each in the order in which they come, with its bytes, before the next one is
// read; what it leaves unread is skipped. bytes is what the files have together: an answer that is longer than they can make
// it breaks off.
//
// An answer is the sandbox's word, and a file that cannot be read, or whose name an answer cannot carry, is not in it; one
// that cannot be read to its end is cut without a sign (Daytona), so the caller compares sizes. Returns ErrBadAnswer if it
// has a file twice, or one that was not asked for: then nothing in it is to be trusted.
func (t *Toolbox) DownloadMany(ctx context.Context, paths []string, bytes int64, visit func(path string, body io.Reader) error) error {
	cl := call{
		op: "download files", method: http.MethodPost, path: "/files/bulk-download", json: map[string][]string{"paths": paths},
		header: http.Header{"Accept": {"multipart/form-data"}, "Accept-Encoding": {"identity"}},
	}
	room := bytes
	for _, path := range paths {
		if err := checkPath(path); err != nil {
			return cl.refuse(fmt.Errorf("%w: %w", ErrInvalidRequest, err))
		}
		room += int64(6*len(path) + partOverhead)
	}
	if len(paths) == 0 || len(paths) > MaxDownloadMany || bytes < 0 {
		return cl.refuse(fmt.Errorf("%w: %d files of %d bytes", ErrInvalidRequest, len(paths), bytes))
	}
	cl, err := t.address(ctx, cl)
	if err != nil {
		return err
	}
	resp, err := t.client.send(ctx, cl)
	if err != nil {
		return err
	}
	defer resp.Body.Close() // unread, an endless answer costs the connection and no more
	_, settings, err := mime.ParseMediaType(resp.Header.Get("Content-Type"))
	if err != nil || settings["boundary"] == "" {
		return cl.fail(resp.StatusCode, fmt.Errorf("%w: no multipart answer", ErrBadAnswer))
	}
	parts := multipart.NewReader(io.LimitReader(resp.Body, room), settings["boundary"])
	return t.visitParts(cl, resp.StatusCode, parts, slices.Clone(paths), visit)
}

func (t *Toolbox) visitParts(cl call, status int, parts *multipart.Reader, wanted []string, visit func(string, io.Reader) error) error {
	for {
		part, err := parts.NextRawPart()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return cl.fail(status, err)
		}
		// Not part.FileName, which leaves the folders out.
		_, settings, err := mime.ParseMediaType(part.Header.Get("Content-Disposition"))
		if err != nil || settings["name"] != "file" {
			continue // why a file is not there, or a name that no header can carry
		}
		at := slices.Index(wanted, settings["filename"])
		if at < 0 {
			return cl.fail(status, fmt.Errorf("%w: a file that was not asked for, or a second time", ErrBadAnswer))
		}
		if err := visit(wanted[at], partReader{part, cl, status}); err != nil {
			return err
		}
		wanted = slices.Delete(wanted, at, at+1)
	}
}

// partReader tells an answer that breaks off from what its reader does with it.
type partReader struct {
	io.Reader
	cl     call
	status int
}

func (r partReader) Read(p []byte) (int, error) {
	n, err := r.Reader.Read(p)
	if err != nil && !errors.Is(err, io.EOF) {
		err = r.cl.fail(r.status, err)
	}
	return n, err
}
