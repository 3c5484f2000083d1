package artifact

import (
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"math"
	"time"
)

// OpenStream reads what is kept of a stream from its beginning. A finished stream is checked: ErrGap when chunks are
// missing, ErrDigest when the bytes are others than its end marker says. One that still grows is read as far as it goes
// when the reader gets there. A stream that nothing was written to is empty.
func (s *Store) OpenStream(ctx context.Context, prefix string) (io.ReadCloser, error) {
	info, finished, err := s.StreamEnd(ctx, prefix)
	if err != nil {
		return nil, err
	}
	limit, digest := int64(math.MaxInt64), ""
	if finished {
		limit, digest = info.BytesKept, info.SHA256
	}
	return verify(s.readChunks(ctx, prefix, 0, limit), prefix, digest), nil
}

// TailStream copies a stream from offset on to w as it grows, looking every poll (default 500ms), until its end marker;
// then it returns that. Returns ErrGap when a finished stream misses chunks, or the context's error.
func (s *Store) TailStream(ctx context.Context, prefix string, offset int64, poll time.Duration, w io.Writer) (StreamInfo, error) {
	if poll <= 0 {
		poll = 500 * time.Millisecond
	}
	for {
		info, finished, err := s.StreamEnd(ctx, prefix) // before the chunks: what it promises is there already
		if err != nil {
			return StreamInfo{}, err
		}
		limit := int64(math.MaxInt64)
		if finished {
			limit = info.BytesKept
		}
		n, err := copyAndClose(w, s.readChunks(ctx, prefix, offset, limit))
		offset += n
		switch {
		case errors.Is(err, ErrGap) && !finished: // a worker that took over is still filling it
		case err != nil:
			return StreamInfo{}, err
		case finished:
			return info, nil
		}
		select {
		case <-ctx.Done():
			return StreamInfo{}, ctx.Err()
		case <-time.After(poll):
		}
	}
}

func copyAndClose(w io.Writer, r io.ReadCloser) (int64, error) {
	n, err := io.Copy(w, r)
	return n, errors.Join(err, r.Close())
}

// chunkReader concatenates the chunks of a stream from pos to limit, one open at a time.
type chunkReader struct {
	ctx    context.Context // a reader's calls have no context of their own
	store  *Store
	prefix string
	pos    int64
	limit  int64 // math.MaxInt64: as far as the chunks go
	next   func() (Entry, error, bool)
	stop   func()
	chunk  io.ReadCloser // nil between chunks
}

func (s *Store) readChunks(ctx context.Context, prefix string, offset, limit int64) *chunkReader {
	next, stop := iter.Pull2(s.List(ctx, prefix+"/"))
	return &chunkReader{ctx: ctx, store: s, prefix: prefix, pos: offset, limit: limit, next: next, stop: stop}
}

func (r *chunkReader) Read(p []byte) (int, error) {
	if len(p) == 0 {
		return 0, nil
	}
	for r.pos < r.limit {
		if r.chunk == nil {
			if err := r.open(); err != nil {
				return 0, err
			}
		}
		n, err := r.chunk.Read(p[:min(int64(len(p)), r.limit-r.pos)])
		r.pos += int64(n)
		if errors.Is(err, io.EOF) {
			err = r.chunk.Close()
			r.chunk = nil
		}
		if n > 0 || err != nil {
			return n, err
		}
	}
	return 0, io.EOF
}

// open goes to the next chunk that has bytes past pos. io.EOF: there is none, and none is owed.
func (r *chunkReader) open() error {
	for {
		entry, err, more := r.next()
		if err != nil {
			return err
		}
		if !more {
			if r.limit != math.MaxInt64 {
				return fmt.Errorf("read %s: %w: it ends at byte %d of %d", r.prefix, ErrGap, r.pos, r.limit)
			}
			return io.EOF
		}
		found, isChunk := chunkOf(r.prefix, entry)
		if !isChunk || found.end() <= r.pos {
			continue
		}
		if found.offset > r.pos {
			return fmt.Errorf("read %s: %w: nothing from byte %d to %d", r.prefix, ErrGap, r.pos, found.offset)
		}
		r.chunk, err = r.store.GetFrom(r.ctx, found.key, r.pos-found.offset)
		return err
	}
}

func (r *chunkReader) Close() error {
	r.stop()
	if r.chunk == nil {
		return nil
	}
	err := r.chunk.Close()
	r.chunk = nil
	return err
}
