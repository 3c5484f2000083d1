package artifact

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"path/filepath"
	"runtime"
	"strings"
	"sync"

	"gocloud.dev/blob"
	"gocloud.dev/blob/fileblob"
	_ "gocloud.dev/blob/memblob" // mem://, for tests
	_ "gocloud.dev/blob/s3blob"  // s3://
)

// Store is one bucket. Its methods may be called from any goroutine.
type Store struct {
	bucket *blob.Bucket
	url    string // as opened, without its query
	dir    string // of a file store; else empty
	// folders limit file: URIs, see LimitFiles. Nil: none do.
	folders []string

	// commit makes fileblob's check-then-rename of a write-once key atomic within this process. Between processes a
	// window of microseconds is left, in which the later of two different contents wins.
	commit sync.Mutex
}

// Open opens the store that a URL names: file:///DIR (created when missing, readable by this user only), s3://BUCKET with
// gocloud's parameters (region, endpoint, prefix, …), gs://BUCKET or azblob://CONTAINER where they were built in, or mem://
// (empty, for tests). The caller closes it.
func Open(ctx context.Context, rawURL string) (*Store, error) {
	parsed, err := url.Parse(rawURL)
	if err != nil {
		return nil, fmt.Errorf("open store %q: %w", rawURL, ErrURI)
	}
	switch parsed.Scheme {
	case "file":
		return openDir(parsed)
	case "s3", "mem", "gs", "azblob":
		if tag := optionalDrivers[parsed.Scheme]; tag != "" && !blob.DefaultURLMux().ValidBucketScheme(parsed.Scheme) {
			return nil, fmt.Errorf("open store %s: %w: this build has no driver for it: build with -tags %s", plain(parsed), ErrURI, tag)
		}
		bucket, err := openBucket(ctx, parsed)
		if err != nil {
			return nil, fmt.Errorf("open store %s: %w", plain(parsed), err)
		}
		return &Store{bucket: bucket, url: plain(parsed)}, nil
	}
	return nil, fmt.Errorf("open store %q: %w: want file:///DIR, s3://BUCKET, gs://BUCKET or azblob://CONTAINER", rawURL, ErrURI)
}

// optionalDrivers are by URL scheme the build tags of drivers that would make every program larger by as much as half.
var optionalDrivers = map[string]string{"gs": "gcs", "azblob": "azure"} //nolint:gochecknoglobals // a table

// openBucket leaves checking to our own SHA-256 where the URL does not say otherwise: the AWS SDK would print a line to
// stderr for every range that it cannot check.
func openBucket(ctx context.Context, location *url.URL) (*blob.Bucket, error) {
	const validation = "response_checksum_validation"
	settings := location.Query()
	if location.Scheme == "s3" && !settings.Has(validation) {
		settings.Set(validation, "when_required")
	}
	quiet := *location
	quiet.RawQuery = settings.Encode()
	return blob.OpenBucket(ctx, quiet.String())
}

func openDir(location *url.URL) (*Store, error) {
	dir, err := filePath(location)
	if err != nil {
		return nil, fmt.Errorf("open store %s: %w", plain(location), err)
	}
	bucket, err := fileblob.OpenBucket(dir, &fileblob.Options{
		CreateDir:   true,
		DirFileMode: 0o700, // what programs under test wrote is nobody else's to read
		NoTempDir:   true,  // the temporary directory may be another file system, where rename fails
		Metadata:    fileblob.MetadataDontWrite,
	})
	if err != nil {
		return nil, (&Store{url: plain(location)}).explain("open", "the store", err)
	}
	return &Store{bucket: bucket, url: plain(location), dir: dir}, nil
}

// filePath is the path of a file URL, which must be absolute and of this host.
func filePath(location *url.URL) (string, error) {
	if location.Host != "" && location.Host != "localhost" {
		return "", fmt.Errorf("%w: %s names a host: want file:///PATH, with three slashes", ErrURI, plain(location))
	}
	path := location.Path
	if runtime.GOOS == "windows" {
		path = strings.TrimPrefix(path, "/") // file:///C:/dir
	}
	path = filepath.FromSlash(path)
	if !filepath.IsAbs(path) || strings.ContainsRune(path, 0) {
		return "", fmt.Errorf("%w: %s: want an absolute path", ErrURI, plain(location))
	}
	return filepath.Clean(path), nil
}

// plain is a URL for messages: without query and user, which may hold keys.
func plain(location *url.URL) string {
	return (&url.URL{Scheme: location.Scheme, Host: location.Host, Path: location.Path}).String()
}

// URL names the store for people, without credentials.
func (s *Store) URL() string { return s.url }

// SingleHost reports whether only workers on this host see the store.
func (s *Store) SingleHost() bool { return s.dir != "" || strings.HasPrefix(s.url, "mem:") }

// Check writes, reads and deletes a probe, so that a wrong store is found before anything runs.
func (s *Store) Check(ctx context.Context) error {
	const key = "pitwall-probe"
	if _, err := s.Overwrite(ctx, key, strings.NewReader("probe"), 16); err != nil {
		return err
	}
	if _, err := s.ReadAll(ctx, key, 16); err != nil {
		return err
	}
	// Two probes at once may delete each other's.
	if err := s.Delete(ctx, key); err != nil && !errors.Is(err, ErrNotFound) {
		return err
	}
	return nil
}

// LimitFiles makes Resolve read files of this host from below these folders only (clean, absolute, with slashes), also by
// way of a link; from none, when there is no folder. It is called before the store is used.
func (s *Store) LimitFiles(folders []string) {
	s.folders = append([]string{}, folders...)
}

// Close frees what the store holds open.
func (s *Store) Close() error { return s.bucket.Close() }
