package artifact_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"testing/iotest"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"pitwall/internal/artifact"
	"pitwall/test/fakes3"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// everyStore runs one conformance test over each kind of store.
func everyStore(t *testing.T, test func(t *testing.T, store *artifact.Store)) {
	t.Helper()
	for kind, open := range map[string]func(t *testing.T) string{
		"mem":  func(*testing.T) string { return "mem://" },
		"file": func(t *testing.T) string { return "file://" + filepath.ToSlash(t.TempDir()) + "/made/by open" },
		"s3":   fakes3.Start,
	} {
		t.Run(kind, func(t *testing.T) { test(t, openStore(t, open(t))) })
	}
}

func openStore(t *testing.T, rawURL string) *artifact.Store {
	t.Helper()
	store, err := artifact.Open(t.Context(), rawURL)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, store.Close()) })
	return store
}

const helloSHA = "2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824" // echo -n hello | sha256sum

func TestPutIsWrittenOnceAndWhole(t *testing.T) {
	everyStore(t, func(t *testing.T, store *artifact.Store) {
		ctx := t.Context()
		ref, err := store.Put(ctx, "a/b.json", strings.NewReader("hello"), 5)
		require.NoError(t, err)
		require.Equal(t, "store:a/b.json", ref.URI)
		require.EqualValues(t, 5, ref.Bytes)
		require.Equal(t, helloSHA, ref.SHA256)

		again, err := store.Put(ctx, "a/b.json", strings.NewReader("hello"), 5)
		require.NoError(t, err)
		require.Equal(t, ref, again)

		_, err = store.Put(ctx, "a/b.json", strings.NewReader("other"), 5)
		require.ErrorIs(t, err, artifact.ErrExists)
		require.Equal(t, "hello", read(t, store, "a/b.json"))

		_, err = store.Overwrite(ctx, "a/b.json", strings.NewReader("other"), 5)
		require.NoError(t, err)
		require.Equal(t, "other", read(t, store, "a/b.json"))
	})
}

func read(t *testing.T, store *artifact.Store, key string) string {
	t.Helper()
	data, err := store.ReadAll(t.Context(), key, 1<<20)
	require.NoError(t, err)
	return string(data)
}

func TestWhatFailsLeavesNothing(t *testing.T) {
	broken := errors.New("the sandbox went away")
	cancelled, cancel := context.WithCancel(context.Background())
	cancel()
	everyStore(t, func(t *testing.T, store *artifact.Store) {
		_, err := store.Put(t.Context(), "big", strings.NewReader("123456"), 5)
		require.ErrorIs(t, err, artifact.ErrTooLarge)
		_, err = store.Put(t.Context(), "broken", io.MultiReader(strings.NewReader("12"), iotest.ErrReader(broken)), 5)
		require.ErrorIs(t, err, broken)
		_, err = store.Put(cancelled, "cancelled", strings.NewReader("12"), 5)
		require.ErrorIs(t, err, context.Canceled)
		require.Empty(t, keys(t, store, ""))
		for _, key := range []string{"big", "broken", "cancelled"} {
			found, err := store.Exists(t.Context(), key)
			require.NoError(t, err)
			require.False(t, found)
		}
	})
}

func keys(t *testing.T, store *artifact.Store, prefix string) []string {
	t.Helper()
	var all []string
	for entry, err := range store.List(t.Context(), prefix) {
		require.NoError(t, err)
		all = append(all, entry.Key)
	}
	return all
}

func TestMissingKeys(t *testing.T) {
	everyStore(t, func(t *testing.T, store *artifact.Store) {
		_, err := store.Get(t.Context(), "no/such")
		require.ErrorIs(t, err, artifact.ErrNotFound)
		require.ErrorContains(t, err, "no/such")
		_, err = store.ReadAll(t.Context(), "no/such", 1)
		require.ErrorIs(t, err, artifact.ErrNotFound)
		var into struct{}
		require.ErrorIs(t, store.ReadJSON(t.Context(), "no/such", &into), artifact.ErrNotFound)
	})
}

func TestReadsAreBounded(t *testing.T) {
	everyStore(t, func(t *testing.T, store *artifact.Store) {
		_, err := store.Put(t.Context(), "k", strings.NewReader("hello"), 5)
		require.NoError(t, err)
		_, err = store.ReadAll(t.Context(), "k", 4)
		require.ErrorIs(t, err, artifact.ErrTooLarge)
		r, err := store.GetFrom(t.Context(), "k", 3)
		require.NoError(t, err)
		rest, err := io.ReadAll(r)
		require.NoError(t, errors.Join(err, r.Close()))
		require.Equal(t, "lo", string(rest))
	})
}

func TestDelete(t *testing.T) {
	everyStore(t, func(t *testing.T, store *artifact.Store) {
		_, err := store.Put(t.Context(), "k", strings.NewReader("x"), 5)
		require.NoError(t, err)
		require.NoError(t, store.Delete(t.Context(), "k"))
		_, err = store.Get(t.Context(), "k")
		require.ErrorIs(t, err, artifact.ErrNotFound)
		require.NoError(t, store.Check(t.Context()))
		require.Empty(t, keys(t, store, ""))
	})
}

func TestListIsInKeyOrderAndComplete(t *testing.T) {
	// "a-b" sorts before "a/…" by key but after it in a directory walk, and there is more than a page (1000) of keys.
	want := []string{"a-b/x", "a.b", "a/y", "b"}
	for i := range 1100 {
		want = append(want, fmt.Sprintf("a/%04d", i))
	}
	slices.Sort(want)
	everyStore(t, func(t *testing.T, store *artifact.Store) {
		for _, key := range want {
			require.NoError(t, put(t, store, key, "x"))
		}
		require.Equal(t, want, keys(t, store, ""))
		require.Equal(t, []string{"a-b/x", "a.b"}, keys(t, store, "")[:2])
		require.Equal(t, []string{"a/1090", "a/1091"}, keys(t, store, "a/109")[:2])
		require.Len(t, keys(t, store, "a/"), 1101)
		require.Empty(t, keys(t, store, "zz/"))

		var dirs []string
		for entry, err := range store.ListDirs(t.Context(), "") {
			require.NoError(t, err)
			dirs = append(dirs, entry.Key)
		}
		require.Equal(t, []string{"a-b/", "a/"}, dirs)
		for range store.List(t.Context(), "") { // leaving early is fine
			break
		}
	})
}

func put(t *testing.T, store *artifact.Store, key, content string) error {
	t.Helper()
	_, err := store.Overwrite(t.Context(), key, strings.NewReader(content), 1<<20)
	return err
}

func TestManyWritersOfOneKeyAgreeOnOneContent(t *testing.T) {
	everyStore(t, func(t *testing.T, store *artifact.Store) {
		var wg sync.WaitGroup
		wins := make([]bool, 16)
		for i := range wins {
			wg.Go(func() {
				_, err := store.Put(t.Context(), "race", strings.NewReader(fmt.Sprint("writer ", i)), 100)
				wins[i] = err == nil
				if err != nil && !errors.Is(err, artifact.ErrExists) {
					t.Errorf("writer %d: %v", i, err)
				}
			})
		}
		wg.Wait()
		winner := slices.Index(wins, true)
		require.GreaterOrEqual(t, winner, 0)
		require.Equal(t, winner, len(wins)-1-slices.Index(reversed(wins), true), "one winner")
		require.Equal(t, fmt.Sprint("writer ", winner), read(t, store, "race"))
	})
}

func reversed(in []bool) []bool {
	out := slices.Clone(in)
	slices.Reverse(out)
	return out
}

func TestPutBlobAndResolve(t *testing.T) {
	everyStore(t, func(t *testing.T, store *artifact.Store) {
		ref, err := store.PutBlob(t.Context(), strings.NewReader("hello"), 10)
		require.NoError(t, err)
		require.Equal(t, "store:blobs/2c/"+helloSHA, ref.URI)
		require.Equal(t, "hello", resolve(t, store, ref.URI, helloSHA))
		require.Equal(t, "hello", resolve(t, store, ref.URI, strings.ToUpper(helloSHA)))
		require.Equal(t, "hello", resolve(t, store, ref.URI, ""))
		_, err = store.PutBlob(t.Context(), strings.NewReader("hello"), 4)
		require.ErrorIs(t, err, artifact.ErrTooLarge)

		r, err := store.Resolve(t.Context(), ref.URI, strings.Repeat("0", 64))
		require.NoError(t, err)
		_, err = io.ReadAll(r)
		require.ErrorIs(t, err, artifact.ErrDigest)
		require.NoError(t, r.Close())
	})
}

func resolve(t *testing.T, store *artifact.Store, uri, sha256 string) string {
	t.Helper()
	r, err := store.Resolve(t.Context(), uri, sha256)
	require.NoError(t, err)
	data, err := io.ReadAll(iotest.OneByteReader(r))
	require.NoError(t, errors.Join(err, r.Close()))
	return string(data)
}

func TestResolveElsewhere(t *testing.T) {
	store := openStore(t, "mem://")
	name := filepath.Join(t.TempDir(), "data set.jsonl")
	require.NoError(t, os.WriteFile(name, []byte("hello"), 0o600))
	uri := (&url.URL{Scheme: "file", Path: filepath.ToSlash(name)}).String()
	require.Equal(t, "hello", resolve(t, store, uri, helloSHA))

	bucket := fakes3.Start(t)
	require.NoError(t, put(t, openStore(t, bucket), "in/bucket", "hello"))
	require.Equal(t, "hello", resolve(t, store, strings.Replace(bucket, "?", "/in/bucket?", 1), helloSHA))
	_, err := store.Resolve(t.Context(), strings.Replace(bucket, "?", "/no/such?", 1), "")
	require.ErrorIs(t, err, artifact.ErrNotFound)

	for uri, want := range map[string]error{
		"file://" + t.TempDir():     artifact.ErrURI, // a directory
		"file:///dev/null":          artifact.ErrURI, // no regular file: a pipe would make the reader wait
		"file:///no/such/file":      artifact.ErrNotFound,
		"file://elsewhere/etc/file": artifact.ErrURI,
		"file:relative":             artifact.ErrURI,
		"https://example.com/x":     artifact.ErrURI,
		"store:../../etc/passwd":    artifact.ErrKey,
		"store:/etc/passwd":         artifact.ErrKey,
		"store:":                    artifact.ErrKey,
		"":                          artifact.ErrURI,
		"::":                        artifact.ErrURI,
	} {
		_, err := store.Resolve(t.Context(), uri, "")
		require.ErrorIs(t, err, want, uri)
	}
}

func TestFilesOfTheHostStandBelowTheFoldersThatAreAdmitted(t *testing.T) {
	dir := t.TempDir()
	for _, name := range []string{"in/a/ok", "inside", "secret"} {
		require.NoError(t, os.MkdirAll(filepath.Dir(filepath.Join(dir, name)), 0o700))
		require.NoError(t, os.WriteFile(filepath.Join(dir, name), []byte("hello"), 0o600))
	}
	require.NoError(t, os.Symlink("../secret", filepath.Join(dir, "in", "link")))
	require.NoError(t, os.Symlink(dir, filepath.Join(dir, "in", "up")))
	require.NoError(t, os.Symlink("a/ok", filepath.Join(dir, "in", "good")))
	uri := func(name string) string { return "file://" + filepath.ToSlash(dir) + "/" + name }

	store := openStore(t, "mem://")
	store.LimitFiles([]string{"/no/such", filepath.ToSlash(dir) + "/in"})
	require.Equal(t, "hello", resolve(t, store, uri("in/a/ok"), helloSHA))
	require.Equal(t, "hello", resolve(t, store, uri("in/good"), helloSHA), "a link within the folder")
	for _, name := range []string{"secret", "inside", "in/../secret", "in/%2e%2e/secret", "in/link", "in/up/secret", "in", "in/a", "in/no/such"} {
		_, err := store.Resolve(t.Context(), uri(name), "")
		require.Error(t, err, name)
	}
	_, err := store.Resolve(t.Context(), uri("secret"), "")
	require.ErrorIs(t, err, artifact.ErrURI)

	store.LimitFiles(nil)
	_, err = store.Resolve(t.Context(), uri("in/a/ok"), "")
	require.ErrorIs(t, err, artifact.ErrURI, "without a folder nothing is read")
}

func TestOpenRefuses(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	require.NoError(t, os.WriteFile(file, nil, 0o600))
	for _, rawURL := range []string{
		"", "/just/a/path", "http://x", "file://host/x", "file:x", "file:///a\x00b", "%zz", "file://" + file, "file://" + file + "/below",
	} {
		store, err := artifact.Open(t.Context(), rawURL)
		require.Error(t, err, rawURL)
		require.Nil(t, store)
		require.ErrorContains(t, err, "open")
	}
}

func TestMessagesHideCredentials(t *testing.T) {
	store := openStore(t, fakes3.Start(t))
	_, err := store.Get(t.Context(), "no/such")
	require.ErrorContains(t, err, "s3://bucket")
	require.NotContains(t, store.URL(), "?")
}

func TestFileStoreShowsNoUnfinishedWrites(t *testing.T) {
	dir := t.TempDir()
	store := openStore(t, "file://"+filepath.ToSlash(dir))
	require.NoError(t, put(t, store, "s/00000000000000000000", "x"))
	// What fileblob leaves when its process is killed while it writes.
	require.NoError(t, os.WriteFile(filepath.Join(dir, "s", "00000000000000000001.18771e5f5bcd1b6a.tmp"), []byte("half"), 0o600))
	require.NoError(t, os.Symlink("/etc/passwd", filepath.Join(dir, "s", "link")))
	require.Equal(t, []string{"s/00000000000000000000"}, keys(t, store, ""))
	info, err := os.Stat(filepath.Join(dir, "s"))
	require.NoError(t, err)
	require.Zero(t, info.Mode().Perm()&0o077, "readable by others")
}

// TestFullDisk writes to the device that is always full.
func TestFullDisk(t *testing.T) {
	full, err := os.OpenFile("/dev/full", os.O_WRONLY, 0)
	if err != nil {
		t.Skipf("not run: full disk because there is no /dev/full (%v)", err)
	}
	defer full.Close()
	_, cause := full.WriteString("x")
	require.Error(t, cause)
	store := openStore(t, "mem://")
	_, err = store.Put(t.Context(), "k", iotest.ErrReader(cause), 10)
	require.ErrorIs(t, err, artifact.ErrFull)
	require.ErrorContains(t, err, "PITWALL_STORE")
}

func TestDeniedSaysWhatToDo(t *testing.T) {
	cause := &fs.PathError{Op: "open", Path: "/store/k", Err: syscall.EACCES}
	_, err := openStore(t, "mem://").Put(t.Context(), "k", iotest.ErrReader(cause), 10)
	require.EqualError(t, err, "store k in mem:: permission denied: let this user read and write there, or let PITWALL_STORE name another place (open /store/k: permission denied)")
	require.ErrorIs(t, err, artifact.ErrDenied)
}

func TestReadOnlySaysWhatToDo(t *testing.T) {
	cause := &fs.PathError{Op: "mkdir", Path: "/store/k", Err: syscall.EROFS}
	_, err := openStore(t, "mem://").Put(t.Context(), "k", iotest.ErrReader(cause), 10)
	require.ErrorContains(t, err, "let PITWALL_STORE name another place")
	require.ErrorIs(t, err, artifact.ErrDenied)
}

func TestJSONRecords(t *testing.T) {
	everyStore(t, func(t *testing.T, store *artifact.Store) {
		type record struct{ A int }
		ref, err := store.PutJSON(t.Context(), "r.json", record{1})
		require.NoError(t, err)
		require.EqualValues(t, len("{\"A\":1}\n"), ref.Bytes)
		_, err = store.PutJSON(t.Context(), "r.json", record{2})
		require.ErrorIs(t, err, artifact.ErrExists)
		_, err = store.OverwriteJSON(t.Context(), "r.json", record{3})
		require.NoError(t, err)
		var got record
		require.NoError(t, store.ReadJSON(t.Context(), "r.json", &got))
		require.Equal(t, record{3}, got)
		_, err = store.PutJSON(t.Context(), "f.json", func() {})
		require.Error(t, err)
	})
}

func TestBytesPassUnchanged(t *testing.T) {
	content := bytes.Repeat([]byte{0, 0xff, '\r', '\n', 0xc3, 0x28}, 1<<18) // 1.5 MiB, not UTF-8, no final newline
	everyStore(t, func(t *testing.T, store *artifact.Store) {
		_, err := store.Put(t.Context(), "bytes", bytes.NewReader(content), int64(len(content)))
		require.NoError(t, err)
		got, err := store.ReadAll(t.Context(), "bytes", int64(len(content)))
		require.NoError(t, err)
		require.True(t, bytes.Equal(content, got))
	})
}

func TestContentIsStoredUnderItsDigest(t *testing.T) {
	everyStore(t, func(t *testing.T, store *artifact.Store) {
		for _, content := range []string{"", "small", strings.Repeat("large ", 1<<19)} {
			first, err := store.PutContent(t.Context(), "evals/e/artifacts", strings.NewReader(content), 4<<20)
			require.NoError(t, err)
			again, err := store.PutContent(t.Context(), "evals/e/artifacts", strings.NewReader(content), 4<<20)
			require.NoError(t, err)
			require.Equal(t, first, again)
			require.Equal(t, artifact.URI(artifact.Content("evals/e/artifacts", first.SHA256)), first.URI)
			r, err := store.Resolve(t.Context(), first.URI, first.SHA256)
			require.NoError(t, err)
			read, err := io.ReadAll(r)
			require.NoError(t, err)
			require.NoError(t, r.Close())
			require.Equal(t, content, string(read))
		}
		_, err := store.PutContent(t.Context(), "evals/e/artifacts", strings.NewReader(strings.Repeat("x", 3<<20)), 2<<20)
		require.ErrorIs(t, err, artifact.ErrTooLarge)
		objects := 0
		for _, err := range store.List(t.Context(), "evals/") {
			require.NoError(t, err)
			objects++
		}
		require.Equal(t, 3, objects, "nothing is left beside")
	})
}

func TestStoresWithoutADriverSayHowToGetOne(t *testing.T) {
	for url, tag := range map[string]string{"gs://bucket": "gcs", "azblob://container": "azure"} {
		_, err := artifact.Open(t.Context(), url)
		require.ErrorIs(t, err, artifact.ErrURI)
		require.ErrorContains(t, err, "-tags "+tag)
	}
}
