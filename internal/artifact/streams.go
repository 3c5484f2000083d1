package artifact

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
)

// maxChunkBytes bounds one chunk, because a reader may hold one in memory.
const maxChunkBytes = 16 << 20

// StreamInfo is a stream's end marker.
type StreamInfo struct {
	// BytesTotal is what the step wrote; BytesKept what the stream's chunks hold of it, from its beginning and redacted.
	BytesTotal int64 `json:"bytes_total"`
	BytesKept  int64 `json:"bytes_kept"`
	// SHA256 (hex) of what is kept. Empty: readers cannot check it.
	SHA256 string `json:"sha256,omitempty"`
}

// AppendChunk stores the bytes of a stream that begin at offset, counted in the bytes that are kept. Doing so again, or
// with the same bytes cut at other offsets, changes nothing that a reader sees. Empty data is nothing.
func (s *Store) AppendChunk(ctx context.Context, prefix string, offset int64, data []byte) error {
	return s.AppendRedacted(ctx, prefix, offset, offset+int64(len(data)), data)
}

// AppendRedacted is AppendChunk for bytes of which some were replaced: source is how much of the step's own output the
// stream stands for when it ends with them.
func (s *Store) AppendRedacted(ctx context.Context, prefix string, offset, source int64, data []byte) error {
	if len(data) == 0 {
		return nil
	}
	if offset < 0 || source < 0 || len(data) > maxChunkBytes {
		return fmt.Errorf("store chunk of %s at %d with %d bytes: want an offset ≥ 0 and at most %d bytes",
			prefix, offset, len(data), maxChunkBytes)
	}
	key := chunkKey(prefix, offset)
	if source != offset+int64(len(data)) {
		key = fmt.Sprintf("%s-%020d", key, source)
	}
	_, err := s.Overwrite(ctx, key, bytes.NewReader(data), maxChunkBytes)
	return err
}

// StreamPosition says how much of a stream is kept without a gap, and how much of the step's own output that stands for.
func (s *Store) StreamPosition(ctx context.Context, prefix string) (kept, source int64, err error) {
	for entry, err := range s.List(ctx, prefix+"/") {
		if err != nil {
			return 0, 0, err
		}
		found, isChunk := chunkOf(prefix, entry)
		if !isChunk || found.end() <= kept {
			continue
		}
		if found.offset > kept {
			break
		}
		kept, source = found.end(), found.source
	}
	return kept, source, nil
}

// FinishStream marks the end of a stream, after which readers that follow it stop. The last call counts.
func (s *Store) FinishStream(ctx context.Context, prefix string, info StreamInfo) error {
	_, err := s.OverwriteJSON(ctx, endKey(prefix), info)
	return err
}

// StreamEnd reads a stream's end marker; finished is false when there is none yet.
func (s *Store) StreamEnd(ctx context.Context, prefix string) (info StreamInfo, finished bool, err error) {
	err = s.ReadJSON(ctx, endKey(prefix), &info)
	if errors.Is(err, ErrNotFound) {
		return StreamInfo{}, false, nil
	}
	return info, err == nil, err
}

func chunkKey(prefix string, offset int64) string { return fmt.Sprintf("%s/%020d", prefix, offset) }

func endKey(prefix string) string { return prefix + "/end" }

// chunk is one object of a stream: the bytes [offset, offset+size). The key of one that was redacted ends with its source.
type chunk struct {
	key          string
	offset, size int64
	source       int64
}

func (c chunk) end() int64 { return c.offset + c.size }

// chunkOf is false for the end marker and for anything that is not a chunk.
func chunkOf(prefix string, e Entry) (chunk, bool) {
	digits, after, redacted := strings.Cut(strings.TrimPrefix(e.Key, prefix+"/"), "-")
	offset, err := strconv.ParseInt(digits, 10, 64)
	if err != nil || offset < 0 || e.Bytes <= 0 {
		return chunk{}, false
	}
	found := chunk{key: e.Key, offset: offset, size: e.Bytes, source: offset + e.Bytes}
	want := chunkKey(prefix, offset)
	if redacted {
		found.source, err = strconv.ParseInt(after, 10, 64)
		want = fmt.Sprintf("%s-%020d", want, found.source)
	}
	return found, err == nil && found.source >= 0 && e.Key == want
}
