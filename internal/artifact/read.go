package artifact

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// Get opens what a key holds. Returns ErrNotFound.
func (s *Store) Get(ctx context.Context, key string) (io.ReadCloser, error) {
	return s.GetFrom(ctx, key, 0)
}

// GetFrom is Get from a byte offset on; at or past the end it reads nothing.
func (s *Store) GetFrom(ctx context.Context, key string, offset int64) (io.ReadCloser, error) {
	if err := checkKey(key); err != nil {
		return nil, err
	}
	r, err := s.bucket.NewRangeReader(ctx, key, offset, -1, nil)
	if err != nil {
		return nil, s.explain("read", key, err)
	}
	return r, nil
}

// ReadAll reads a small object whole. Returns ErrNotFound, or ErrTooLarge when it has more than max bytes.
func (s *Store) ReadAll(ctx context.Context, key string, max int64) ([]byte, error) {
	r, err := s.Get(ctx, key)
	if err != nil {
		return nil, err
	}
	defer r.Close()
	data, err := io.ReadAll(io.LimitReader(r, max+1))
	if err != nil {
		return nil, s.explain("read", key, err)
	}
	if int64(len(data)) > max {
		return nil, s.explain("read", key, fmt.Errorf("%w: more than %d bytes", ErrTooLarge, max))
	}
	return data, nil
}

// ReadJSON reads what PutJSON wrote. Fields that v does not know are skipped: a newer Pitwall may have written it.
func (s *Store) ReadJSON(ctx context.Context, key string, v any) error {
	data, err := s.ReadAll(ctx, key, maxRecordBytes)
	if err != nil {
		return err
	}
	if err := json.Unmarshal(data, v); err != nil {
		return s.explain("decode", key, err)
	}
	return nil
}

// Exists reports whether a key holds something.
func (s *Store) Exists(ctx context.Context, key string) (bool, error) {
	if err := checkKey(key); err != nil {
		return false, err
	}
	found, err := s.bucket.Exists(ctx, key)
	return found, s.explain("look for", key, err)
}

// Prune removes the empty folders that a file store is left with below a prefix whose objects were deleted. What is not empty
// stays; other stores have no folders.
func (s *Store) Prune(prefix string) {
	if s.dir == "" || checkKey(strings.TrimSuffix(prefix, "/")) != nil {
		return
	}
	var folders []string
	_ = filepath.WalkDir(filepath.Join(s.dir, filepath.FromSlash(prefix)), func(path string, entry fs.DirEntry, err error) error {
		if err == nil && entry.IsDir() {
			folders = append(folders, path)
		}
		return err
	})
	for _, folder := range slices.Backward(folders) {
		_ = os.Remove(folder) // fails where something is in it
	}
}

// Delete removes a key. Returns ErrNotFound when it holds nothing.
func (s *Store) Delete(ctx context.Context, key string) error {
	if err := checkKey(key); err != nil {
		return err
	}
	return s.explain("delete", key, s.bucket.Delete(ctx, key))
}
