package results

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
	"os"

	"pitwall/internal/artifact"
	"pitwall/internal/spec"
)

// Header is the first line of a manifest.
type Header struct {
	Campaign      string `json:"campaign"`
	DatasetSHA256 string `json:"dataset_sha256"`
	AnswersSHA256 string `json:"answers_sha256,omitempty"`
	NTrials       int    `json:"n_trials"`
	// Effective is the campaign's input with every default resolved.
	Effective spec.CampaignInput `json:"effective"`
}

// IsPart: it is of a retry or an extension, whose trials are another campaign's.
func (h Header) IsPart() bool { return h.Effective.RetryOf != "" || h.Effective.ExtendOf != "" }

// Reducer is the input's; empty in a part, which has too few of a sample's epochs to make one number of them.
func (h Header) Reducer() string {
	if h.IsPart() {
		return ""
	}
	return h.Effective.Reducer
}

// Gate is the input's, without what a part cannot be held against: the baseline, and what is asked of the reducer.
func (h Header) Gate() spec.Gate {
	gate := h.Effective.Gate
	if h.IsPart() {
		gate.MaxRegression = nil
		if h.Effective.Reducer != "" {
			gate.MinAccuracy = nil
		}
	}
	return gate
}

// Trial is one of the other lines of a manifest.
type Trial struct {
	Sample   string `json:"sample"`
	Epoch    int    `json:"epoch"`
	Category string `json:"category,omitempty"`
	// Canary is what a canary expects, pass or fail; empty for a trial that counts.
	Canary string         `json:"canary,omitempty"`
	Input  spec.EvalInput `json:"input"`
}

const (
	// maxLineBytes bounds one line: an input holds at most 64 KiB inline, and JSON may write a byte as six.
	maxLineBytes = 1 << 20
	// maxManifestBytes bounds a manifest: 100,000 trials with 64 KiB inline each.
	maxManifestBytes = 8 << 30
	// maxPageBytes bounds what one page carries, under Temporal's 2 MiB for one payload.
	maxPageBytes = 1 << 20
)

// ErrManifest: what stands in the store is not a manifest.
var ErrManifest = errors.New("not a manifest")

// ErrWrite: the manifest could not be written, whatever its trials are.
var ErrWrite = errors.New("write the manifest")

// WriteManifest writes a campaign's manifest once and returns it and its header, in which NTrials is counted. It holds one
// trial at a time; the lines wait in a temporary file until their number is known. Returns the first error of trials, ErrWrite, and
// artifact.ErrExists when the campaign has another manifest already.
func WriteManifest(ctx context.Context, store *artifact.Store, header Header, trials iter.Seq2[Trial, error]) (spec.Ref, Header, error) {
	spool, err := os.CreateTemp("", "pitwall-manifest-*")
	if err != nil {
		return spec.Ref{}, Header{}, fmt.Errorf("%w: make a temporary file: %w", ErrWrite, err)
	}
	defer func() { _ = os.Remove(spool.Name()) }() // temporary
	defer spool.Close()
	if header.NTrials, err = spoolTrials(ctx, spool, trials); err != nil {
		return spec.Ref{}, Header{}, err
	}
	if _, err := spool.Seek(0, io.SeekStart); err != nil {
		return spec.Ref{}, Header{}, fmt.Errorf("%w: read the temporary file again: %w", ErrWrite, err)
	}
	first, err := encodeLine(header)
	if err != nil {
		return spec.Ref{}, Header{}, err
	}
	ref, err := store.Put(ctx, artifact.Manifest(header.Campaign), joined(first, spool), maxManifestBytes)
	if err != nil && !errors.Is(err, artifact.ErrExists) && !errors.Is(err, artifact.ErrTooLarge) {
		err = fmt.Errorf("%w: %w", ErrWrite, err)
	}
	return ref, header, err
}

func spoolTrials(ctx context.Context, spool io.Writer, trials iter.Seq2[Trial, error]) (int, error) {
	out := bufio.NewWriterSize(spool, 64<<10)
	n := 0
	for trial, err := range trials {
		if err == nil {
			err = ctx.Err()
		}
		if err != nil {
			return n, err
		}
		line, err := encodeLine(trial)
		if err != nil {
			return n, fmt.Errorf("sample %q, epoch %d: %w", trial.Sample, trial.Epoch, err)
		}
		if _, err := out.Write(line); err != nil {
			return n, fmt.Errorf("%w: write a temporary file: %w", ErrWrite, err)
		}
		n++
	}
	if err := out.Flush(); err != nil {
		return n, fmt.Errorf("%w: write a temporary file: %w", ErrWrite, err)
	}
	return n, nil
}

// ReadHeader reads a campaign's manifest as far as its header. Returns artifact.ErrNotFound.
func ReadHeader(ctx context.Context, store *artifact.Store, campaign string) (Header, error) {
	return ReadHeaderAt(ctx, store, artifact.Manifest(campaign))
}

// ReadHeaderAt reads the header of the manifest at a key. Returns artifact.ErrNotFound, or ErrManifest.
func ReadHeaderAt(ctx context.Context, store *artifact.Store, key string) (Header, error) {
	lines, err := openLines(ctx, store, key, 0)
	if err != nil {
		return Header{}, err
	}
	defer lines.close()
	return lines.header()
}

// ReadManifestPage reads up to max trials of the manifest at key from a byte offset on, which is 0 or what the page before
// returned as next. A page ends early, but never before one trial, where it would pass 1 MiB. next is 0 after the last.
func ReadManifestPage(ctx context.Context, store *artifact.Store, key string, offset int64, max int) (trials []Trial, next int64, err error) {
	if max < 1 {
		return nil, 0, fmt.Errorf("read a page of %s: want at least one trial, not %d", key, max)
	}
	lines, err := openLines(ctx, store, key, offset)
	if err != nil {
		return nil, 0, err
	}
	defer lines.close()
	if offset == 0 {
		if _, err := lines.header(); err != nil {
			return nil, 0, err
		}
	}
	start := lines.offset
	for {
		line, err := lines.next()
		switch {
		case errors.Is(err, io.EOF):
			return trials, 0, nil
		case err != nil:
			return nil, 0, err
		case len(trials) == max, len(trials) > 0 && lines.offset-start > maxPageBytes:
			return trials, lines.before, nil
		}
		trial, err := lines.trial(line)
		if err != nil {
			return nil, 0, err
		}
		trials = append(trials, trial)
	}
}

// Trials reads all of a campaign's manifest, and then those of its extensions, one trial at a time.
func Trials(ctx context.Context, store *artifact.Store, campaign string) iter.Seq2[Trial, error] {
	return func(yield func(Trial, error) bool) {
		parts := []string{campaign}
		if root, _ := artifact.SplitRetry(campaign); root == campaign {
			last, err := LastExtension(ctx, store, campaign)
			if err != nil {
				yield(Trial{}, err)
				return
			}
			for n := 1; n <= last; n++ {
				parts = append(parts, artifact.Extension(campaign, n))
			}
		}
		for _, part := range parts {
			for trial, err := range trialsOf(ctx, store, part) {
				if !yield(trial, err) || err != nil {
					return
				}
			}
		}
	}
}

// trialsOf reads one manifest.
func trialsOf(ctx context.Context, store *artifact.Store, campaign string) iter.Seq2[Trial, error] {
	return func(yield func(Trial, error) bool) {
		lines, err := openLines(ctx, store, artifact.Manifest(campaign), 0)
		if err != nil {
			yield(Trial{}, err)
			return
		}
		defer lines.close()
		if _, err := lines.header(); err != nil {
			yield(Trial{}, err)
			return
		}
		for {
			line, err := lines.next()
			if errors.Is(err, io.EOF) {
				return
			}
			var trial Trial
			if err == nil {
				trial, err = lines.trial(line)
			}
			if !yield(trial, err) || err != nil {
				return
			}
		}
	}
}

func encodeLine(v any) ([]byte, error) {
	line, err := json.Marshal(v)
	if err != nil {
		return nil, fmt.Errorf("encode a line of the manifest: %w", err)
	}
	if len(line) >= maxLineBytes {
		return nil, fmt.Errorf("encode a line of the manifest: %d bytes, more than %d", len(line), maxLineBytes)
	}
	return append(line, '\n'), nil
}
