package artifact

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"strings"
)

const (
	storeScheme  = "store:"
	streamScheme = "stream:"
)

// StreamURI names what is kept of a stream: stream:PREFIX.
func StreamURI(prefix string) string { return streamScheme + prefix }

// URI names a key of the store: store:KEY.
func URI(key string) string { return storeScheme + key }

// Key is the key that a store: URI names. Returns ErrURI when it is of another kind, ErrKey when its key is unsafe.
func Key(uri string) (string, error) {
	key, found := strings.CutPrefix(uri, storeScheme)
	if !found {
		return "", fmt.Errorf("%w: %.200q: want store:KEY", ErrURI, uri)
	}
	return key, checkKey(key)
}

// Resolve opens what a URI names: store:KEY, stream:PREFIX, file:///PATH (a regular file on this host) or s3://BUCKET/KEY. When sha256
// (hex) is not empty the reader returns ErrDigest instead of io.EOF if the bytes were others, so only a reader that was
// read to its end is verified. Returns ErrNotFound, ErrDenied, ErrURI.
func (s *Store) Resolve(ctx context.Context, uri, sha256 string) (io.ReadCloser, error) {
	r, err := s.open(ctx, uri)
	if err != nil {
		return nil, err
	}
	return verify(r, uri, sha256), nil
}

func (s *Store) open(ctx context.Context, uri string) (io.ReadCloser, error) {
	if strings.HasPrefix(uri, storeScheme) {
		key, err := Key(uri)
		if err != nil {
			return nil, err
		}
		return s.Get(ctx, key)
	}
	if prefix, found := strings.CutPrefix(uri, streamScheme); found {
		if err := checkKey(prefix); err != nil {
			return nil, err
		}
		return s.OpenStream(ctx, prefix)
	}
	location, err := url.Parse(uri)
	if err != nil {
		return nil, fmt.Errorf("%w: %.200q", ErrURI, uri)
	}
	switch location.Scheme {
	case "file":
		return s.openFile(location)
	case "s3":
		return openObject(ctx, location)
	}
	return nil, fmt.Errorf("%w: %.200q: want store:KEY, stream:PREFIX, file:///PATH or s3://BUCKET/KEY", ErrURI, uri)
}

func (s *Store) openFile(location *url.URL) (io.ReadCloser, error) {
	name, err := filePath(location)
	if err != nil {
		return nil, err
	}
	var file *os.File
	if s.folders == nil {
		file, err = openRegular(name, os.Stat, os.Open)
	} else {
		file, err = openBelow(s.folders, name)
	}
	switch {
	case errors.Is(err, ErrURI):
		return nil, err
	case errors.Is(err, fs.ErrNotExist):
		return nil, fmt.Errorf("read %s: %w on this host", plain(location), ErrNotFound)
	case errors.Is(err, fs.ErrPermission):
		return nil, fmt.Errorf("read %s: permission denied: let the worker's user read it (%w)", plain(location), err)
	case err != nil:
		return nil, fmt.Errorf("read %s: %w", plain(location), err)
	}
	return file, nil
}

// openBelow opens a file below one of the folders. No link leads out of the folder.
func openBelow(folders []string, name string) (*os.File, error) {
	for _, folder := range folders {
		rel, err := filepath.Rel(filepath.FromSlash(folder), name)
		if err != nil || !filepath.IsLocal(rel) {
			continue
		}
		root, err := os.OpenRoot(filepath.FromSlash(folder))
		if err != nil {
			return nil, err
		}
		defer root.Close()
		return openRegular(rel, root.Stat, root.Open)
	}
	return nil, fmt.Errorf("%w: %s is in no folder that the worker's policy admits", ErrURI, name)
}

// openRegular looks before it opens, which would wait for a writer if it is a pipe.
func openRegular(name string, stat func(string) (fs.FileInfo, error), open func(string) (*os.File, error)) (*os.File, error) {
	info, err := stat(name)
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, fmt.Errorf("%w: %s is not a regular file", ErrURI, name)
	}
	return open(name)
}

// openObject opens an object of any bucket; the URL's query goes to gocloud (region, endpoint, …).
func openObject(ctx context.Context, location *url.URL) (io.ReadCloser, error) {
	root := url.URL{Scheme: location.Scheme, Host: location.Host, RawQuery: location.RawQuery}
	bucket, err := openBucket(ctx, &root)
	if err != nil {
		return nil, fmt.Errorf("open %s: %w", plain(location), err)
	}
	from := &Store{bucket: bucket, url: plain(&root)}
	key := strings.TrimPrefix(location.Path, "/")
	r, err := bucket.NewReader(ctx, key, nil)
	if err != nil {
		_ = bucket.Close() // nothing was written
		return nil, from.explain("read", key, err)
	}
	return closeBoth{Reader: r, first: r, then: bucket}, nil
}

type closeBoth struct {
	io.Reader
	first, then io.Closer
}

func (c closeBoth) Close() error { return errors.Join(c.first.Close(), c.then.Close()) }

// verify checks the bytes of r against a SHA-256 (hex) as they pass; none is checked when it is empty.
func verify(r io.ReadCloser, name, want string) io.ReadCloser {
	if want == "" {
		return r
	}
	return &verifier{ReadCloser: r, name: name, want: strings.ToLower(want), hash: sha256.New()}
}

type verifier struct {
	io.ReadCloser
	name, want string
	hash       hash.Hash
}

func (v *verifier) Read(p []byte) (int, error) {
	n, err := v.ReadCloser.Read(p)
	v.hash.Write(p[:n])
	if errors.Is(err, io.EOF) {
		if got := hex.EncodeToString(v.hash.Sum(nil)); got != v.want {
			return n, fmt.Errorf("read %s: %w: want %s, got %s", v.name, ErrDigest, v.want, got)
		}
	}
	return n, err
}
