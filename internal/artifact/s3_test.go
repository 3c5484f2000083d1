package artifact_test

import (
	"bufio"
	"bytes"
	"crypto/md5" // S3's entity tags
	"encoding/xml"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

// fakeS3 serves one bucket over S3's wire, as far as a store speaks it, and returns the bucket's URL.
func fakeS3(t *testing.T) string {
	t.Helper()
	t.Setenv("AWS_ACCESS_KEY_ID", "test")
	t.Setenv("AWS_SECRET_ACCESS_KEY", "test")
	t.Setenv("AWS_CONFIG_FILE", t.TempDir()+"/none")
	t.Setenv("AWS_SHARED_CREDENTIALS_FILE", t.TempDir()+"/none")
	server := httptest.NewServer(&s3Bucket{objects: map[string][]byte{}})
	t.Cleanup(func() {
		http.DefaultTransport.(*http.Transport).CloseIdleConnections()
		server.Close()
	})
	return "s3://bucket?region=us-east-1&use_path_style=true&endpoint=" + server.URL
}

type s3Bucket struct {
	mu      sync.Mutex
	objects map[string][]byte
}

func (b *s3Bucket) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	b.mu.Lock()
	defer b.mu.Unlock()
	key := strings.TrimPrefix(strings.TrimPrefix(r.URL.Path, "/bucket"), "/")
	content, found := b.objects[key]
	switch {
	case r.Method == http.MethodGet && key == "":
		b.list(w, r)
	case r.Method == http.MethodPut:
		b.put(w, r, key, found)
	case !found:
		s3Error(w, http.StatusNotFound, "NoSuchKey")
	case r.Method == http.MethodDelete:
		delete(b.objects, key)
		w.WriteHeader(http.StatusNoContent)
	default:
		w.Header().Set("ETag", etag(content))
		http.ServeContent(w, r, "", time.Unix(1, 0), bytes.NewReader(content)) // GET and HEAD, with ranges
	}
}

func (b *s3Bucket) put(w http.ResponseWriter, r *http.Request, key string, found bool) {
	body := io.Reader(r.Body)
	if strings.Contains(r.Header.Get("Content-Encoding"), "aws-chunked") {
		body = awsChunked(r.Body)
	}
	content, err := io.ReadAll(body)
	switch {
	case err != nil:
		s3Error(w, http.StatusBadRequest, "IncompleteBody")
	case found && r.Header.Get("If-None-Match") == "*":
		s3Error(w, http.StatusPreconditionFailed, "PreconditionFailed")
	default:
		b.objects[key] = content
		w.Header().Set("ETag", etag(content))
	}
}

// awsChunked undoes "<hex size>[;signature]\r\n<bytes>\r\n" until size 0; the trailer is not looked at.
func awsChunked(body io.Reader) io.Reader {
	lines := bufio.NewReader(body)
	var content bytes.Buffer
	for {
		head, err := lines.ReadString('\n')
		if err != nil {
			return io.MultiReader(&content, failing{err})
		}
		digits, _, _ := strings.Cut(strings.TrimSpace(head), ";")
		size, err := strconv.ParseInt(digits, 16, 64)
		if err != nil || size == 0 {
			return &content
		}
		_, _ = io.CopyN(&content, lines, size)
		_, _ = lines.Discard(len("\r\n"))
	}
}

type failing struct{ err error }

func (f failing) Read([]byte) (int, error) { return 0, f.err }

type s3Listing struct {
	XMLName               xml.Name `xml:"ListBucketResult"`
	IsTruncated           bool
	NextContinuationToken string `xml:",omitempty"`
	Contents              []s3Object
	CommonPrefixes        []s3Prefix
}

type s3Object struct {
	Key, LastModified, ETag string
	Size                    int
}

type s3Prefix struct{ Prefix string }

func (b *s3Bucket) list(w http.ResponseWriter, r *http.Request) {
	query := r.URL.Query()
	limit, err := strconv.Atoi(query.Get("max-keys"))
	if err != nil {
		limit = 1000
	}
	var listing s3Listing
	last := query.Get("continuation-token")
	for _, key := range b.sortedKeys() {
		name, isDir := collapse(key, query.Get("prefix"), query.Get("delimiter"))
		if name == "" || name <= last {
			continue
		}
		if len(listing.Contents)+len(listing.CommonPrefixes) == limit {
			listing.IsTruncated, listing.NextContinuationToken = true, last
			break
		}
		last = name
		if isDir {
			listing.CommonPrefixes = append(listing.CommonPrefixes, s3Prefix{name})
			continue
		}
		content := b.objects[key]
		listing.Contents = append(listing.Contents, s3Object{key, "2026-01-01T00:00:00Z", etag(content), len(content)})
	}
	_ = xml.NewEncoder(w).Encode(listing)
}

func (b *s3Bucket) sortedKeys() []string {
	keys := make([]string, 0, len(b.objects))
	for key := range b.objects {
		keys = append(keys, key)
	}
	slices.Sort(keys)
	return keys
}

func collapse(key, prefix, delimiter string) (name string, isDir bool) {
	rest, found := strings.CutPrefix(key, prefix)
	if !found {
		return "", false
	}
	if at := strings.Index(rest, delimiter); delimiter != "" && at >= 0 {
		return prefix + rest[:at+1], true
	}
	return key, false
}

func etag(content []byte) string { return fmt.Sprintf("%q", fmt.Sprintf("%x", md5.Sum(content))) }

func s3Error(w http.ResponseWriter, status int, code string) {
	w.Header().Set("Content-Type", "application/xml")
	w.WriteHeader(status)
	fmt.Fprintf(w, "<Error><Code>%s</Code><Message>%s</Message></Error>", code, code)
}
