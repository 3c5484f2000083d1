package activities

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"pitwall/internal/artifact"
	"pitwall/internal/daytona"
	"pitwall/internal/spec"
	"pitwall/internal/supervisor"
)

// chunkBytes bounds what is held in memory of one stream.
const chunkBytes = 1 << 20

// chunkTimeout bounds the reading of one chunk: a sandbox that trickles must not hold its worker.
const chunkTimeout = time.Minute

// errStore marks an error that is the store's, not the sandbox's.
var errStore = errors.New("artifact store")

// streamError blames the store for its own faults, and looks at the sandbox for the others.
func (j *Jobs) streamError(ctx context.Context, sandbox CreatedSandbox, err error) error {
	switch {
	case isStoreFault(err): // no retry frees a disk; the eval's next attempt comes later
		return terminal(ErrTypeStore, err)
	case errors.Is(err, errStore):
		return retryable(ErrTypeStore, err, 0)
	}
	return j.sandboxError(ctx, sandbox, err)
}

// streamCopies copies a job's streams from its sandbox to the store as they grow.
type streamCopies struct {
	store   *artifact.Store
	toolbox *daytona.Toolbox
	in      RunJobInput
	copies  map[string]*streamCopy
}

func newStreamCopies(store *artifact.Store, toolbox *daytona.Toolbox, in RunJobInput) *streamCopies {
	return &streamCopies{store: store, toolbox: toolbox, in: in, copies: map[string]*streamCopy{}}
}

// of returns the copy of one stream, begun where an earlier attempt of RunJob left off.
func (s *streamCopies) of(ctx context.Context, step int, stream string) (*streamCopy, error) {
	path := supervisor.StreamPath(controlDir, step, stream)
	if known, ok := s.copies[path]; ok {
		return known, nil
	}
	created := &streamCopy{
		store: s.store, toolbox: s.toolbox, path: path, limit: s.in.MaxOutputBytes,
		prefix: artifact.Stream(s.in.Prefix, s.in.Steps[step-1].Name, stream),
	}
	if err := created.resume(ctx); err != nil {
		return nil, err
	}
	s.copies[path] = created
	return created, nil
}

// copyNew copies what the report says is new.
func (s *streamCopies) copyNew(ctx context.Context, report supervisor.Report) error {
	for _, step := range report.Steps {
		for stream, size := range map[string]int64{"stdout": step.StdoutBytes, "stderr": step.StderrBytes} {
			if size == 0 {
				continue
			}
			copied, err := s.of(ctx, step.Number, stream)
			if err != nil {
				return err
			}
			if err := copied.upTo(ctx, size); err != nil {
				return err
			}
		}
	}
	return nil
}

// finish copies the rest and seals each stream. It returns stdout and stderr for each step of the report.
func (s *streamCopies) finish(ctx context.Context, report supervisor.Report) ([][2]spec.Stream, error) {
	if err := s.copyNew(ctx, report); err != nil {
		return nil, err
	}
	sealed := make([][2]spec.Stream, len(report.Steps))
	for i, step := range report.Steps {
		for k, stream := range []string{"stdout", "stderr"} {
			size := []int64{step.StdoutBytes, step.StderrBytes}[k]
			if size == 0 {
				continue
			}
			copied, err := s.of(ctx, step.Number, stream)
			if err != nil {
				return nil, err
			}
			if sealed[i][k], err = copied.seal(ctx, size); err != nil {
				return nil, err
			}
		}
	}
	return sealed, nil
}

func (s *streamCopies) total() int64 {
	var total int64
	for _, copied := range s.copies {
		total += copied.offset
	}
	return total
}

// streamCopy is one stream on its way to the store. What is past limit is counted and not copied.
type streamCopy struct {
	store   *artifact.Store
	toolbox *daytona.Toolbox
	path    string
	prefix  string
	limit   int64
	// offset is how much of the stream the store holds, from its beginning.
	offset int64
}

// resume finds out how much an earlier attempt stored.
func (c *streamCopy) resume(ctx context.Context) error {
	stored, err := c.store.OpenStream(ctx, c.prefix)
	if err != nil {
		return fmt.Errorf("%w: %w", errStore, err)
	}
	defer stored.Close()
	c.offset, err = io.Copy(io.Discard, stored)
	if err != nil && !errors.Is(err, artifact.ErrGap) && !errors.Is(err, artifact.ErrDigest) {
		return fmt.Errorf("%w: %w", errStore, err)
	}
	return nil
}

// upTo copies until the store holds size bytes, or limit.
func (c *streamCopy) upTo(ctx context.Context, size int64) error {
	for end := min(size, c.limit); c.offset < end; {
		n, err := c.chunk(ctx, min(end-c.offset, chunkBytes))
		if err != nil {
			return err
		}
		if n == 0 {
			return nil // shorter than reported: the job truncated its own stream
		}
	}
	return nil
}

func (c *streamCopy) chunk(ctx context.Context, length int64) (int, error) {
	ctx, cancel := context.WithTimeout(ctx, chunkTimeout)
	defer cancel()
	body, _, err := c.toolbox.Download(ctx, c.path, c.offset, length)
	if err != nil {
		return 0, fmt.Errorf("read %s: %w", c.path, err)
	}
	data, err := io.ReadAll(io.LimitReader(body, length))
	if closeErr := body.Close(); err == nil {
		err = closeErr
	}
	if err != nil {
		return 0, fmt.Errorf("read %s: %w", c.path, err)
	}
	if err := c.store.AppendChunk(ctx, c.prefix, c.offset, data); err != nil {
		return 0, fmt.Errorf("%w: %w", errStore, err)
	}
	c.offset += int64(len(data))
	return len(data), nil
}

// seal reads back what the store holds, marks the stream's end, and describes it. A gap, which two attempts of RunJob
// alive at once can leave, is filled from the sandbox.
func (c *streamCopy) seal(ctx context.Context, total int64) (spec.Stream, error) {
	stream, err := c.readBack(ctx)
	if errors.Is(err, artifact.ErrGap) || err == nil && stream.BytesKept < c.offset {
		c.offset = 0
		if err := c.upTo(ctx, total); err != nil {
			return spec.Stream{}, err
		}
		stream, err = c.readBack(ctx)
	}
	if err != nil {
		return spec.Stream{}, fmt.Errorf("%w: %w", errStore, err)
	}
	stream.BytesTotal, stream.Truncated, stream.Prefix = total, total > stream.BytesKept, c.prefix
	end := artifact.StreamInfo{BytesTotal: total, BytesKept: stream.BytesKept, SHA256: stream.SHA256}
	if err := c.store.FinishStream(ctx, c.prefix, end); err != nil {
		return spec.Stream{}, fmt.Errorf("%w: %w", errStore, err)
	}
	return stream, nil
}

func (c *streamCopy) readBack(ctx context.Context) (spec.Stream, error) {
	stored, err := c.store.OpenStream(ctx, c.prefix)
	if err != nil {
		return spec.Stream{}, err
	}
	defer stored.Close()
	digest, tail := sha256.New(), &tailWriter{}
	kept, err := io.Copy(io.MultiWriter(digest, tail), stored)
	if err != nil {
		return spec.Stream{}, err
	}
	return spec.Stream{BytesKept: kept, SHA256: hex.EncodeToString(digest.Sum(nil)), Tail: tail.text()}, nil
}

// tailWriter keeps the last spec.TailBytes that were written to it.
type tailWriter struct{ kept []byte }

func (t *tailWriter) Write(p []byte) (int, error) {
	t.kept = append(t.kept, p[max(0, len(p)-spec.TailBytes):]...)
	t.kept = t.kept[max(0, len(t.kept)-spec.TailBytes):]
	return len(p), nil
}

// text is for people: what is not UTF-8 becomes U+FFFD.
func (t *tailWriter) text() string { return strings.ToValidUTF8(string(t.kept), "\uFFFD") }
