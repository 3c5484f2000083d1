package results

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"pitwall/internal/artifact"
)

// lineReader reads a manifest's lines and knows where it is.
type lineReader struct {
	key    string
	from   io.ReadCloser
	r      *bufio.Reader
	before int64 // where the line that next returned last begins
	offset int64 // where the line that next returns next begins
}

func openLines(ctx context.Context, store *artifact.Store, key string, offset int64) (*lineReader, error) {
	if offset < 0 {
		return nil, fmt.Errorf("read %s from byte %d: want an offset ≥ 0", key, offset)
	}
	from, err := store.GetFrom(ctx, key, offset)
	if err != nil {
		return nil, err
	}
	return &lineReader{key: key, from: from, r: bufio.NewReaderSize(from, 64<<10), before: offset, offset: offset}, nil
}

func (l *lineReader) close() { _ = l.from.Close() } // read only

// next is the next line without its newline, until the one after. io.EOF: there is none.
func (l *lineReader) next() ([]byte, error) {
	var line []byte
	l.before = l.offset
	for {
		part, err := l.r.ReadSlice('\n')
		line = append(line, part...)
		l.offset += int64(len(part))
		switch {
		case len(line) > maxLineBytes:
			return nil, fmt.Errorf("read %s: %w: a line of more than %d bytes at byte %d", l.key, ErrManifest, maxLineBytes, l.before)
		case err == nil:
			return bytes.TrimSuffix(line, []byte("\n")), nil
		case errors.Is(err, bufio.ErrBufferFull):
		case errors.Is(err, io.EOF) && len(line) > 0:
			return nil, fmt.Errorf("read %s: %w: its last line is cut off", l.key, ErrManifest)
		default:
			return nil, err
		}
	}
}

func (l *lineReader) header() (Header, error) {
	line, err := l.next()
	if err != nil {
		return Header{}, fmt.Errorf("read the header of %s: %w", l.key, err)
	}
	var header Header
	if err := json.Unmarshal(line, &header); err != nil {
		return Header{}, fmt.Errorf("read the header of %s: %w: %w", l.key, ErrManifest, err)
	}
	if header.Campaign == "" {
		return Header{}, fmt.Errorf("read the header of %s: %w: it names no campaign", l.key, ErrManifest)
	}
	return header, nil
}

func (l *lineReader) trial(line []byte) (Trial, error) {
	var trial Trial
	if err := json.Unmarshal(line, &trial); err != nil {
		return Trial{}, fmt.Errorf("read %s at byte %d: %w: %w", l.key, l.before, ErrManifest, err)
	}
	if trial.Sample == "" {
		return Trial{}, fmt.Errorf("read %s at byte %d: %w: it names no sample", l.key, l.before, ErrManifest)
	}
	return trial, nil
}

// joined reads first, then rest.
func joined(first []byte, rest io.Reader) io.Reader {
	return io.MultiReader(bytes.NewReader(first), rest)
}
