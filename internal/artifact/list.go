package artifact

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"iter"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"gocloud.dev/blob"
)

// Entry is one stored object, or, from ListDirs, one prefix that ends in "/".
type Entry struct {
	Key     string
	Bytes   int64
	ModTime time.Time
}

// List yields every object whose key begins with prefix, in the order of the keys' bytes, without holding them all.
// After an error it ends.
func (s *Store) List(ctx context.Context, prefix string) iter.Seq2[Entry, error] {
	return s.list(ctx, prefix, false)
}

// ListDirs yields the names one level below prefix (which ends in "/") that hold something, as prefixes ending in "/".
func (s *Store) ListDirs(ctx context.Context, prefix string) iter.Seq2[Entry, error] {
	return s.list(ctx, prefix, true)
}

func (s *Store) list(ctx context.Context, prefix string, dirs bool) iter.Seq2[Entry, error] {
	return func(yield func(Entry, error) bool) {
		if strings.Contains(prefix, "..") || strings.HasPrefix(prefix, "/") {
			yield(Entry{}, s.explain("list", prefix, ErrKey))
			return
		}
		walk := s.walkBucket
		if s.dir != "" {
			walk = s.walkDir
		}
		err := walk(ctx, prefix, dirs, func(e Entry) error {
			if !yield(e, nil) {
				return errStop
			}
			return nil
		})
		if err != nil && !errors.Is(err, errStop) {
			yield(Entry{}, s.explain("list", prefix, err))
		}
	}
}

var errStop = errors.New("the consumer has enough")

func (s *Store) walkBucket(ctx context.Context, prefix string, dirs bool, visit func(Entry) error) error {
	opts := &blob.ListOptions{Prefix: prefix}
	if dirs {
		opts.Delimiter = "/"
	}
	objects := s.bucket.List(opts)
	for {
		object, err := objects.Next(ctx)
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		if object.IsDir != dirs {
			continue
		}
		if err := visit(Entry{Key: object.Key, Bytes: object.Size, ModTime: object.ModTime}); err != nil {
			return err
		}
	}
}

// walkDir lists a file store by itself: fileblob walks "a/x" before "a-b" but pages by key, so that past 1000 objects it
// leaves some out, and it shows the unfinished files of a process that was killed.
func (s *Store) walkDir(ctx context.Context, prefix string, dirs bool, visit func(Entry) error) error {
	parent, _ := path.Split(prefix)
	return s.walkUnder(ctx, parent, prefix, dirs, visit)
}

func (s *Store) walkUnder(ctx context.Context, parent, prefix string, dirs bool, visit func(Entry) error) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	entries, err := os.ReadDir(filepath.Join(s.dir, filepath.FromSlash(parent)))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	for _, found := range inKeyOrder(parent, entries) {
		isDir := strings.HasSuffix(found.key, "/")
		switch {
		case !strings.HasPrefix(found.key, prefix) && !strings.HasPrefix(prefix, found.key):
			continue
		case isDir && !dirs:
			err = s.walkUnder(ctx, found.key, prefix, dirs, visit)
		case isDir && dirs:
			err = visit(Entry{Key: found.key})
		case !dirs:
			err = visitFile(found, visit)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

type dirEntry struct {
	key  string // ends in "/" for a directory
	file fs.DirEntry
}

func inKeyOrder(parent string, entries []fs.DirEntry) []dirEntry {
	keyed := make([]dirEntry, 0, len(entries))
	for _, entry := range entries {
		switch {
		case entry.IsDir():
			keyed = append(keyed, dirEntry{key: parent + entry.Name() + "/"})
		case entry.Type().IsRegular() && checkKey(entry.Name()) == nil: // else an unfinished write, or not ours
			keyed = append(keyed, dirEntry{key: parent + entry.Name(), file: entry})
		}
	}
	slices.SortFunc(keyed, func(a, b dirEntry) int { return strings.Compare(a.key, b.key) })
	return keyed
}

func visitFile(found dirEntry, visit func(Entry) error) error {
	info, err := found.file.Info()
	if errors.Is(err, fs.ErrNotExist) {
		return nil // deleted since
	}
	if err != nil {
		return err
	}
	return visit(Entry{Key: found.key, Bytes: info.Size(), ModTime: info.ModTime()})
}
