package artifact

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"os"
	"path/filepath"

	"github.com/google/uuid"

	"pitwall/internal/spec"
)

// smallContent is what is held in memory to learn its digest before it is stored.
const smallContent = 1 << 20

// PutContent streams at most limit bytes to the key of their SHA-256 below prefix. Doing so again, or at the same time, with
// the same bytes changes nothing; other bytes have another key. Returns ErrTooLarge, ErrFull.
func (s *Store) PutContent(ctx context.Context, prefix string, r io.Reader, limit int64) (spec.Ref, error) {
	head, err := io.ReadAll(io.LimitReader(readerUnder(ctx, r), smallContent+1))
	if err != nil {
		return spec.Ref{}, s.explain("store", prefix, err)
	}
	if len(head) > smallContent {
		return s.putLarge(ctx, prefix, io.MultiReader(bytes.NewReader(head), r), limit)
	}
	sum := sha256.Sum256(head)
	key := Content(prefix, hex.EncodeToString(sum[:]))
	if held, err := s.Exists(ctx, key); err != nil || held {
		return spec.Ref{URI: URI(key), Bytes: int64(len(head)), SHA256: hex.EncodeToString(sum[:])}, err
	}
	return s.Overwrite(ctx, key, bytes.NewReader(head), limit)
}

// putLarge stores content beside its place, as its digest is known only then, and moves it there.
func (s *Store) putLarge(ctx context.Context, prefix string, r io.Reader, limit int64) (spec.Ref, error) {
	beside := prefix + "/incoming-" + uuid.NewString()
	ref, err := s.Overwrite(ctx, beside, r, limit)
	if err != nil {
		return spec.Ref{}, err
	}
	key := Content(prefix, ref.SHA256)
	ref.URI = URI(key)
	return ref, s.explain("store", key, s.move(ctx, beside, key))
}

func (s *Store) move(ctx context.Context, from, to string) error {
	if s.dir != "" { // a copy would cost as much as the content
		place := filepath.Join(s.dir, filepath.FromSlash(to))
		if err := os.MkdirAll(filepath.Dir(place), 0o700); err != nil {
			return err
		}
		return os.Rename(filepath.Join(s.dir, filepath.FromSlash(from)), place)
	}
	return errors.Join(s.bucket.Copy(ctx, to, from, nil), s.bucket.Delete(ctx, from))
}
