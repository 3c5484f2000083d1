package daytona

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
)

// FileRange says which part of a file a download delivers.
type FileRange struct {
	Offset int64 // of the first byte delivered
	Total  int64 // size of the whole file at that moment; -1: not told
}

// Download opens a file, or the part of it that begins at offset; length < 0 means to the end. The reader delivers exactly
// what the file has there, never more than length, and ends with an error rather than early when the connection breaks. It
// is bound to the context, and the caller closes it. An offset at or past the end is no error: the reader is empty.
//
// Returns ErrNotFound if there is no such file.
func (t *Toolbox) Download(ctx context.Context, path string, offset, length int64) (io.ReadCloser, FileRange, error) {
	cl := call{
		op: "download file", subject: clean(path), method: http.MethodGet, path: "/files/download",
		query: url.Values{"path": {path}},
		// Compression would make ranges those of something else.
		header: http.Header{"Accept": {"application/octet-stream"}, "Accept-Encoding": {"identity"}},
	}
	if err := errors.Join(checkPath(path), checkRange(offset, length)); err != nil {
		return nil, FileRange{}, cl.refuse(fmt.Errorf("%w: %w", ErrInvalidRequest, err))
	}
	if header := rangeHeader(offset, length); header != "" {
		cl.header.Set("Range", header)
	}
	cl, err := t.address(ctx, cl)
	if err != nil {
		return nil, FileRange{}, err
	}
	resp, err := t.client.roundTrip(ctx, cl)
	if err != nil {
		return nil, FileRange{}, err
	}
	return t.client.openRange(cl, resp, offset, length)
}

func checkRange(offset, length int64) error {
	if offset < 0 || length == 0 || length > 0 && offset+length < 0 {
		return fmt.Errorf("a range of %d bytes from %d", length, offset)
	}
	return nil
}

func rangeHeader(offset, length int64) string {
	switch {
	case length > 0:
		return fmt.Sprintf("bytes=%d-%d", offset, offset+length-1)
	case offset > 0:
		return fmt.Sprintf("bytes=%d-", offset)
	}
	return ""
}

// openRange turns the answer into a reader.
func (c *Client) openRange(cl call, resp *http.Response, offset, length int64) (io.ReadCloser, FileRange, error) {
	switch resp.StatusCode {
	case http.StatusPartialContent:
		return cl.openPart(resp, offset, length)
	case http.StatusOK:
		return cl.openWhole(resp, offset, length)
	case http.StatusRequestedRangeNotSatisfiable:
		defer discard(resp.Body)
		part, _ := parseContentRange(resp.Header.Get("Content-Range"))
		return http.NoBody, FileRange{Offset: offset, Total: part.total}, nil
	}
	defer discard(resp.Body)
	if resp.StatusCode/100 == 2 {
		return nil, FileRange{}, cl.fail(resp.StatusCode, ErrBadAnswer)
	}
	return nil, FileRange{}, c.answerError(cl, resp)
}

// openPart reads a range that the server honoured, after making sure that it is the one asked for.
func (cl call) openPart(resp *http.Response, offset, length int64) (io.ReadCloser, FileRange, error) {
	part, err := parseContentRange(resp.Header.Get("Content-Range"))
	if err == nil && (part.first != offset || length > 0 && part.last-part.first >= length) {
		err = fmt.Errorf("bytes %d to %d, asked for %d from %d", part.first, part.last, length, offset)
	}
	if err != nil {
		_ = resp.Body.Close()
		return nil, FileRange{}, cl.fail(resp.StatusCode, fmt.Errorf("%w: %w", ErrBadAnswer, err))
	}
	size := part.last - part.first + 1
	return &rangeReader{cl: cl, body: resp.Body, status: resp.StatusCode, left: size, exact: true},
		FileRange{Offset: offset, Total: part.total}, nil
}

// openWhole reads the part wanted out of a whole file, sent by a server without ranges, or because the file is empty.
func (cl call) openWhole(resp *http.Response, offset, length int64) (io.ReadCloser, FileRange, error) {
	part := FileRange{Offset: offset, Total: resp.ContentLength}
	reader := &rangeReader{cl: cl, body: resp.Body, status: resp.StatusCode, left: length}
	skipped, err := io.CopyN(io.Discard, resp.Body, offset)
	switch {
	case errors.Is(err, io.EOF):
		_ = resp.Body.Close()
		part.Total = skipped
		return http.NoBody, part, nil
	case err != nil:
		_ = resp.Body.Close()
		return nil, FileRange{}, cl.fail(resp.StatusCode, fmt.Errorf("skip to offset: %w", err))
	}
	return reader, part, nil
}

// rangeReader delivers at most left bytes (all when negative), and, when exact, not one less.
type rangeReader struct {
	cl     call
	body   io.ReadCloser
	status int
	left   int64
	exact  bool
}

func (r *rangeReader) Read(p []byte) (int, error) {
	if r.left == 0 {
		return 0, io.EOF
	}
	if r.left > 0 && int64(len(p)) > r.left {
		p = p[:r.left]
	}
	n, err := r.body.Read(p)
	if r.left > 0 {
		r.left -= int64(n)
	}
	switch {
	case err == nil || r.left == 0 && errors.Is(err, io.EOF):
		return n, err
	case errors.Is(err, io.EOF) && !r.exact:
		return n, io.EOF
	case errors.Is(err, io.EOF):
		err = io.ErrUnexpectedEOF
	}
	return n, r.cl.fail(r.status, err)
}

// Close ends the download. It waits for nothing: a rest that was not read costs the connection.
func (r *rangeReader) Close() error { return r.body.Close() }

type contentRange struct{ first, last, total int64 }

// parseContentRange reads "bytes 0-9/100", "bytes 0-9/*" and "bytes */100"; what is not told is -1.
func parseContentRange(header string) (contentRange, error) {
	unknown := contentRange{first: -1, last: -1, total: -1}
	bad := fmt.Errorf("content range %q", clean(header))
	span, total, ok := strings.Cut(strings.TrimPrefix(header, "bytes "), "/")
	if !ok || !strings.HasPrefix(header, "bytes ") {
		return unknown, bad
	}
	parsed := unknown
	if total != "*" {
		size, err := parseSize(total)
		if err != nil {
			return unknown, bad
		}
		parsed.total = size
	}
	if span == "*" {
		return parsed, nil
	}
	first, last, _ := strings.Cut(span, "-")
	var errFirst, errLast error
	parsed.first, errFirst = parseSize(first)
	parsed.last, errLast = parseSize(last)
	if errFirst != nil || errLast != nil || parsed.last < parsed.first || parsed.total >= 0 && parsed.last >= parsed.total {
		return unknown, bad
	}
	return parsed, nil
}

// parseSize reads digits only: ParseInt alone would take a sign.
func parseSize(text string) (int64, error) {
	size, err := strconv.ParseUint(text, 10, 63)
	return int64(size), err
}
