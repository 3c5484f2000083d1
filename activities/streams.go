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
	"unicode/utf8"

	"pitwall/internal/artifact"
	"pitwall/internal/daytona"
	"pitwall/internal/redact"
	"pitwall/internal/spec"
	"pitwall/internal/supervisor"
)

// chunkBytes bounds what is read at once of one stream; redacted it has at most 10 times as many bytes. It exceeds
// redact.MaxHold, so that each chunk decides something.
const chunkBytes = 1 << 20

// contextBytes of what precedes a chunk are read with it, for the redactor's rules.
const contextBytes = 4

// chunkTimeout bounds the reading of one chunk: a sandbox that trickles must not hold its worker.
const chunkTimeout = time.Minute

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

// streamCopies copies a job's streams from its sandbox to the store as they grow, without secrets.
type streamCopies struct {
	store    *artifact.Store
	toolbox  *daytona.Toolbox
	redactor *redact.Redactor
	in       RunJobInput
	copies   map[string]*streamCopy
}

func newStreamCopies(jobs *Jobs, toolbox *daytona.Toolbox, in RunJobInput) *streamCopies {
	return &streamCopies{store: jobs.Store, toolbox: toolbox, redactor: jobs.Redactor, in: in, copies: map[string]*streamCopy{}}
}

// of returns the copy of one stream, begun where an earlier attempt of RunJob left off.
func (s *streamCopies) of(ctx context.Context, step int, stream string) (*streamCopy, error) {
	path := supervisor.StreamPath(controlDir, step, stream)
	if known, ok := s.copies[path]; ok {
		return known, nil
	}
	created := &streamCopy{
		store: s.store, toolbox: s.toolbox, redactor: s.redactor, path: path, limit: s.in.MaxOutputBytes,
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
			if err := copied.upTo(ctx, size, false); err != nil {
				return err
			}
		}
	}
	return nil
}

// finish copies the rest and seals each stream. It returns stdout and stderr for each step of the report.
func (s *streamCopies) finish(ctx context.Context, report supervisor.Report) ([][2]spec.Stream, error) {
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
		total += copied.source
	}
	return total
}

// streamCopy is one stream on its way to the store. What is past limit, of the stream or of what is kept of it, is counted
// and not copied.
type streamCopy struct {
	store    *artifact.Store
	toolbox  *daytona.Toolbox
	redactor *redact.Redactor
	path     string
	prefix   string
	limit    int64
	// kept is how much the store holds, from the stream's beginning, and source how much of the stream that stands for. They
	// differ where a secret was replaced.
	kept, source int64
}

// resume finds out how much an earlier attempt stored.
func (c *streamCopy) resume(ctx context.Context) error {
	var err error
	if c.kept, c.source, err = c.store.StreamPosition(ctx, c.prefix); err != nil {
		return fmt.Errorf("%w: %w", errStore, err)
	}
	return nil
}

// upTo copies the first size bytes of the stream, or limit. While the stream goes on, or where limit cuts it, what may be
// the first half of a secret stays out.
func (c *streamCopy) upTo(ctx context.Context, size int64, ended bool) error {
	for end := min(size, c.limit); c.source < end && c.kept < c.limit; {
		n, err := c.chunk(ctx, min(end-c.source, chunkBytes), ended && end == size)
		if err != nil {
			return err
		}
		if n == 0 {
			return nil // not decided yet; or shorter than reported: the job truncated its own stream
		}
	}
	return nil
}

// chunk stores the next length bytes of the stream, as far as they are decided, and returns how many these are. all says
// that the stream ends where length does.
func (c *streamCopy) chunk(ctx context.Context, length int64, all bool) (int, error) {
	before, text, err := c.read(ctx, length)
	if err != nil {
		return 0, fmt.Errorf("read %s: %w", c.path, err)
	}
	all = all && int64(len(text)) == length && length < chunkBytes
	clean, n := c.redactor.Cut(before, text, all)
	if n == 0 {
		return 0, nil
	}
	source := c.source + int64(n)
	if room := c.limit - c.kept; int64(len(clean)) > room {
		clean, source = clean[:room], source-1 // short of the end, so that the stream shows as truncated
	}
	if err := c.store.AppendRedacted(ctx, c.prefix, c.kept, source, clean); err != nil {
		return 0, fmt.Errorf("%w: %w", errStore, err)
	}
	c.kept, c.source = c.kept+int64(len(clean)), source
	return n, nil
}

// read reads the next length bytes of the stream, with a little of what precedes them.
func (c *streamCopy) read(ctx context.Context, length int64) (before, text []byte, err error) {
	ctx, cancel := context.WithTimeout(ctx, chunkTimeout)
	defer cancel()
	lead := min(c.source, contextBytes)
	body, _, err := c.toolbox.Download(ctx, c.path, c.source-lead, lead+length)
	if err != nil {
		return nil, nil, err
	}
	data, err := io.ReadAll(io.LimitReader(body, lead+length))
	if closeErr := body.Close(); err == nil {
		err = closeErr
	}
	lead = min(lead, int64(len(data)))
	return data[:lead], data[lead:], err
}

// seal reads back what the store holds, marks the stream's end, and describes it. A gap, which two attempts of RunJob
// alive at once can leave, is filled from the sandbox.
func (c *streamCopy) seal(ctx context.Context, total int64) (spec.Stream, error) {
	if err := c.upTo(ctx, total, true); err != nil {
		return spec.Stream{}, err
	}
	stream, err := c.readBack(ctx)
	if errors.Is(err, artifact.ErrGap) || err == nil && stream.BytesKept < c.kept {
		c.kept, c.source = 0, 0
		if err := c.upTo(ctx, total, true); err != nil {
			return spec.Stream{}, err
		}
		stream, err = c.readBack(ctx)
	}
	if err != nil {
		return spec.Stream{}, fmt.Errorf("%w: %w", errStore, err)
	}
	stream.BytesTotal, stream.Truncated, stream.Prefix = total, c.source < total, c.prefix
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
	stream := spec.Stream{BytesKept: kept, SHA256: hex.EncodeToString(digest.Sum(nil))}
	stream.Tail, stream.TailCut = tail.text()
	return stream, nil
}

// tailWriter keeps the last spec.TailBytes that were written to it, and the start of a character that they may cut.
type tailWriter struct {
	kept  []byte
	total int64
}

const tailRoom = spec.TailBytes + utf8.UTFMax

func (t *tailWriter) Write(p []byte) (int, error) {
	t.kept = append(t.kept, p[max(0, len(p)-tailRoom):]...)
	t.kept = t.kept[max(0, len(t.kept)-tailRoom):]
	t.total += int64(len(p))
	return len(p), nil
}

// text is for people: what is not UTF-8 becomes U+FFFD. cut: it is not all that was written.
func (t *tailWriter) text() (tail string, cut bool) {
	whole := strings.ToValidUTF8(string(t.kept), "\uFFFD")
	tail = spec.LastBytes(whole, spec.TailBytes)
	return tail, t.total > int64(len(t.kept)) || len(tail) < len(whole)
}
