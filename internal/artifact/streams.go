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
	// BytesTotal is what the step wrote; BytesKept, at most that, what the stream's chunks hold from its beginning.
	BytesTotal int64 `json:"bytes_total"`
	BytesKept  int64 `json:"bytes_kept"`
	// SHA256 (hex) of what is kept. Empty: readers cannot check it.
	SHA256 string `json:"sha256,omitempty"`
}

// AppendChunk stores the bytes of a stream that begin at offset, counted in the bytes that are kept. Doing so again, or
// with the same bytes cut at other offsets, changes nothing that a reader sees. Empty data is nothing.
func (s *Store) AppendChunk(ctx context.Context, prefix string, offset int64, data []byte) error {
	if len(data) == 0 {
		return nil
	}
	if offset < 0 || len(data) > maxChunkBytes {
		return fmt.Errorf("store chunk of %s at %d with %d bytes: want an offset ≥ 0 and at most %d bytes",
			prefix, offset, len(data), maxChunkBytes)
	}
	_, err := s.Overwrite(ctx, chunkKey(prefix, offset), bytes.NewReader(data), maxChunkBytes)
	return err
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

// chunk is one object of a stream: the bytes [offset, offset+size).
type chunk struct {
	key          string
	offset, size int64
}

func (c chunk) end() int64 { return c.offset + c.size }

// chunkOf is false for the end marker and for anything that is not a chunk.
func chunkOf(prefix string, e Entry) (chunk, bool) {
	digits := strings.TrimPrefix(e.Key, prefix+"/")
	offset, err := strconv.ParseInt(digits, 10, 64)
	if err != nil || e.Key != chunkKey(prefix, offset) || offset < 0 || e.Bytes <= 0 {
		return chunk{}, false
	}
	return chunk{key: e.Key, offset: offset, size: e.Bytes}, true
}
