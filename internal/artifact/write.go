package artifact

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"

	"gocloud.dev/blob"

	"pitwall/internal/spec"
)

// Put streams at most limit bytes to a key that is written once: it is all there or not at all, and is on disk when Put
// returns. The same content again is fine. Returns ErrExists when the key holds other content, ErrTooLarge, ErrFull.
func (s *Store) Put(ctx context.Context, key string, r io.Reader, limit int64) (spec.Ref, error) {
	ref, err := s.write(ctx, key, r, limit, true)
	if !errors.Is(err, ErrExists) {
		return ref, err
	}
	held, digestErr := s.digest(ctx, key)
	if digestErr != nil {
		return spec.Ref{}, digestErr
	}
	if held != ref.SHA256 {
		return spec.Ref{}, err
	}
	return ref, nil
}

// PutJSON puts v, which is Pitwall's own and small (at most 16 MiB), as JSON with a final newline.
func (s *Store) PutJSON(ctx context.Context, key string, v any) (spec.Ref, error) {
	data, err := encodeJSON(key, v)
	if err != nil {
		return spec.Ref{}, err
	}
	return s.Put(ctx, key, bytes.NewReader(data), maxRecordBytes)
}

// PutBlob puts content under the key of its SHA-256. It reads content twice.
func (s *Store) PutBlob(ctx context.Context, content io.ReadSeeker, limit int64) (spec.Ref, error) {
	hash := sha256.New()
	n, err := io.Copy(hash, io.LimitReader(content, limit+1))
	if err != nil {
		return spec.Ref{}, fmt.Errorf("read content to store: %w", err)
	}
	if n > limit {
		return spec.Ref{}, fmt.Errorf("store content: %w: more than %d bytes", ErrTooLarge, limit)
	}
	if _, err := content.Seek(0, io.SeekStart); err != nil {
		return spec.Ref{}, fmt.Errorf("read content to store again: %w", err)
	}
	return s.Put(ctx, Blob(hex.EncodeToString(hash.Sum(nil))), content, limit)
}

// Overwrite is Put for what is derived or repeated: it replaces the content of the key as a whole.
func (s *Store) Overwrite(ctx context.Context, key string, r io.Reader, limit int64) (spec.Ref, error) {
	return s.write(ctx, key, r, limit, false)
}

// OverwriteJSON is PutJSON for what is derived.
func (s *Store) OverwriteJSON(ctx context.Context, key string, v any) (spec.Ref, error) {
	data, err := encodeJSON(key, v)
	if err != nil {
		return spec.Ref{}, err
	}
	return s.Overwrite(ctx, key, bytes.NewReader(data), maxRecordBytes)
}

// maxRecordBytes bounds what PutJSON and ReadJSON take for a record.
const maxRecordBytes = 16 << 20

func encodeJSON(key string, v any) ([]byte, error) {
	data, err := json.Marshal(v)
	if err != nil {
		return nil, fmt.Errorf("encode %s: %w", key, err)
	}
	return append(data, '\n'), nil
}

// write also returns the ref with ErrExists, for the caller to compare.
func (s *Store) write(ctx context.Context, key string, r io.Reader, limit int64, once bool) (spec.Ref, error) {
	if err := checkKey(key); err != nil {
		return spec.Ref{}, err
	}
	ctx, cancel := context.WithCancel(ctx) // cancelled before Close, a writer drops what it has
	defer cancel()
	var file *os.File
	w, err := s.bucket.NewWriter(ctx, key, &blob.WriterOptions{
		ContentType: "application/octet-stream", // never sniffed: the bytes may be a job's
		IfNotExist:  once,
		BeforeWrite: func(as func(any) bool) error {
			as(&file)
			return nil
		},
	})
	if err != nil {
		return spec.Ref{}, s.explain("store", key, err)
	}
	hash := sha256.New()
	n, err := io.Copy(io.MultiWriter(w, hash), io.LimitReader(readerUnder(ctx, r), limit+1))
	if err == nil && n > limit {
		err = fmt.Errorf("%w: more than %d bytes", ErrTooLarge, limit)
	}
	if err == nil && file != nil && once {
		err = file.Sync()
	}
	if err != nil {
		cancel()
		_ = w.Close() // reports only that it was cancelled
		return spec.Ref{}, s.explain("store", key, err)
	}
	ref := spec.Ref{URI: URI(key), Bytes: n, SHA256: hex.EncodeToString(hash.Sum(nil))}
	return ref, s.explain("store", key, s.finish(w))
}

func (s *Store) finish(w *blob.Writer) error {
	if s.dir != "" {
		s.commit.Lock()
		defer s.commit.Unlock()
	}
	return w.Close()
}

// digest is the SHA-256 of what a key holds.
func (s *Store) digest(ctx context.Context, key string) (string, error) {
	r, err := s.Get(ctx, key)
	if err != nil {
		return "", err
	}
	defer r.Close()
	hash := sha256.New()
	if _, err := io.Copy(hash, r); err != nil {
		return "", s.explain("read", key, err)
	}
	return hex.EncodeToString(hash.Sum(nil)), nil
}

// readerUnder ends r when ctx does, between two reads.
func readerUnder(ctx context.Context, r io.Reader) io.Reader {
	return readerFunc(func(p []byte) (int, error) {
		if err := ctx.Err(); err != nil {
			return 0, err
		}
		return r.Read(p)
	})
}

type readerFunc func([]byte) (int, error)

func (f readerFunc) Read(p []byte) (int, error) { return f(p) }
