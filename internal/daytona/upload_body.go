package daytona

import (
	"errors"
	"fmt"
	"io"
	"sync"
)

var errUploadOver = errors.New("the upload is over")

// uploadBody is a request body made of framing and the caller's readers. The transport may go on reading a body after it
// answered; Close waits for a read in flight and lets none follow, so that the caller has its readers to itself again.
type uploadBody struct {
	contentType string
	length      int64 // -1: unknown
	parts       []*uploadPart

	mu      sync.Mutex
	source  io.Reader
	closed  bool
	failure error // of a caller's reader
}

// add counts a piece; one of unknown size makes the whole unknown.
func (b *uploadBody) add(size int64) {
	if size < 0 || b.length < 0 {
		b.length = -1
		return
	}
	b.length += size
}

func (b *uploadBody) Read(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.closed {
		return 0, errUploadOver
	}
	n, err := b.source.Read(p)
	if err != nil && !errors.Is(err, io.EOF) {
		b.failure = err
	}
	return n, err
}

func (b *uploadBody) Close() error {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.closed = true
	return nil
}

// explain puts the caller's own reader to blame where it broke the upload: the transport's error hides it.
func (b *uploadBody) explain(err error) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	var failed *Error
	if b.failure != nil && errors.As(err, &failed) && failed.Status == 0 {
		failed.Err = b.failure
	}
	return err
}

// uploadPart is one file's bytes, held to their declared number.
type uploadPart struct {
	path   string
	size   int64
	sent   int64
	source io.Reader
}

func (p *uploadPart) Read(buffer []byte) (int, error) {
	if p.size >= 0 && p.sent == p.size {
		return p.end(buffer)
	}
	if p.size >= 0 && int64(len(buffer)) > p.size-p.sent {
		buffer = buffer[:p.size-p.sent]
	}
	n, err := p.source.Read(buffer)
	p.sent += int64(n)
	switch {
	case err == nil:
		return n, nil
	case !errors.Is(err, io.EOF):
		return n, &ReadError{Path: p.path, Err: err}
	case p.size >= 0 && p.sent < p.size:
		return n, &ReadError{Path: p.path, Err: fmt.Errorf("%w: %d bytes promised, %d found", ErrLength, p.size, p.sent)}
	}
	return n, io.EOF
}

// end makes sure that a file of declared size has no byte more.
func (p *uploadPart) end(buffer []byte) (int, error) {
	if len(buffer) == 0 {
		return 0, nil
	}
	switch n, err := p.source.Read(buffer[:1]); {
	case n > 0:
		return 0, &ReadError{Path: p.path, Err: fmt.Errorf("%w: %d bytes promised, more found", ErrLength, p.size)}
	case err == nil:
		return 0, nil
	case errors.Is(err, io.EOF):
		return 0, io.EOF
	default:
		return 0, &ReadError{Path: p.path, Err: err}
	}
}

// ErrLength: what was to be uploaded has another length than its UploadFile promised.
var ErrLength = errors.New("another length")

// ReadError says that an upload failed on this side: the caller's own reader broke, or had another length than promised.
type ReadError struct {
	Path string
	Err  error
}

func (e *ReadError) Error() string {
	return fmt.Sprintf("read %s to upload it: %s", clean(e.Path), e.Err)
}

// Unwrap returns the reader's error.
func (e *ReadError) Unwrap() error { return e.Err }
