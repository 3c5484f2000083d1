package artifact_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"
	"testing/iotest"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"pitwall/internal/artifact"
)

const stdout = "evals/e/attempt-1/streams/main/stdout"

func infoOf(content string, total int64) artifact.StreamInfo {
	sum := sha256.Sum256([]byte(content))
	return artifact.StreamInfo{BytesTotal: total, BytesKept: int64(len(content)), SHA256: hex.EncodeToString(sum[:])}
}

func readStream(t *testing.T, store *artifact.Store) (string, error) {
	t.Helper()
	r, err := store.OpenStream(t.Context(), stdout)
	require.NoError(t, err)
	data, err := io.ReadAll(r)
	require.NoError(t, r.Close())
	return string(data), err
}

func chunk(t *testing.T, store *artifact.Store, offset int64, data string) {
	t.Helper()
	require.NoError(t, store.AppendChunk(t.Context(), stdout, offset, []byte(data)))
}

func TestStreamIsItsChunksInOrder(t *testing.T) {
	everyStore(t, func(t *testing.T, store *artifact.Store) {
		empty, err := readStream(t, store)
		require.NoError(t, err)
		require.Empty(t, empty)
		_, finished, err := store.StreamEnd(t.Context(), stdout)
		require.NoError(t, err)
		require.False(t, finished)

		chunk(t, store, 5, "world")
		chunk(t, store, 0, "hello")
		chunk(t, store, 0, "hello")
		chunk(t, store, 10, "")
		got, err := readStream(t, store)
		require.NoError(t, err)
		require.Equal(t, "helloworld", got)

		info := infoOf("helloworld", 99)
		require.NoError(t, store.FinishStream(t.Context(), stdout, info))
		got, err = readStream(t, store)
		require.NoError(t, err)
		require.Equal(t, "helloworld", got)
		end, finished, err := store.StreamEnd(t.Context(), stdout)
		require.NoError(t, err)
		require.True(t, finished)
		require.Equal(t, info, end)
	})
}

// A worker that took over after a crash cuts the same bytes elsewhere, over what the first had stored.
func TestStreamOfTwoWorkers(t *testing.T) {
	everyStore(t, func(t *testing.T, store *artifact.Store) {
		chunk(t, store, 0, "0123456789") // the first, as one chunk
		chunk(t, store, 10, "abcdef")
		chunk(t, store, 0, "01234") // the second
		chunk(t, store, 5, "56789ab")
		chunk(t, store, 12, "cdefgh")
		require.NoError(t, store.FinishStream(t.Context(), stdout, infoOf("0123456789abcdefgh", 18)))
		got, err := readStream(t, store)
		require.NoError(t, err)
		require.Equal(t, "0123456789abcdefgh", got)
	})
}

func TestStreamFaultsAreSeen(t *testing.T) {
	everyStore(t, func(t *testing.T, store *artifact.Store) {
		chunk(t, store, 0, "hello")
		chunk(t, store, 7, "rld")
		_, err := readStream(t, store)
		require.ErrorIs(t, err, artifact.ErrGap)
		require.ErrorContains(t, err, "from byte 5 to 7")

		require.NoError(t, store.FinishStream(t.Context(), stdout, infoOf("hello", 5)))
		got, err := readStream(t, store) // what lies past the end does not count
		require.NoError(t, err)
		require.Equal(t, "hello", got)

		require.NoError(t, store.FinishStream(t.Context(), stdout, infoOf("helloworld", 10)))
		chunk(t, store, 5, "WO")
		_, err = readStream(t, store)
		require.ErrorIs(t, err, artifact.ErrDigest)

		require.NoError(t, store.FinishStream(t.Context(), stdout, infoOf("helloworld, longer", 20)))
		_, err = readStream(t, store)
		require.ErrorIs(t, err, artifact.ErrGap)
	})
}

func TestChunksAreBounded(t *testing.T) {
	store := openStore(t, "mem://")
	require.Error(t, store.AppendChunk(t.Context(), stdout, -1, []byte("x")))
	require.Error(t, store.AppendChunk(t.Context(), stdout, 0, make([]byte, 16<<20+1)))
	require.ErrorIs(t, store.AppendChunk(t.Context(), "../x", 0, []byte("x")), artifact.ErrKey)
}

func TestTailFollowsUntilTheEnd(t *testing.T) {
	everyStore(t, func(t *testing.T, store *artifact.Store) {
		seen := &growing{changed: make(chan struct{}, 100)}
		type end struct {
			info artifact.StreamInfo
			err  error
		}
		done := make(chan end)
		go func() {
			info, err := store.TailStream(t.Context(), stdout, 0, time.Millisecond, seen)
			done <- end{info, err}
		}()
		chunk(t, store, 0, "hello ")
		seen.waitFor(t, "hello ")
		chunk(t, store, 0, "hel")
		chunk(t, store, 8, "rld") // not yet: bytes 6–8 are missing
		chunk(t, store, 3, "lo wo")
		seen.waitFor(t, "hello world")
		require.NoError(t, store.FinishStream(t.Context(), stdout, infoOf("hello world", 11)))
		got := <-done
		require.NoError(t, got.err)
		require.Equal(t, infoOf("hello world", 11), got.info)
		require.Equal(t, "hello world", seen.String())

		var rest strings.Builder
		_, err := store.TailStream(t.Context(), stdout, 6, 0, &rest)
		require.NoError(t, err)
		require.Equal(t, "world", rest.String())
	})
}

func TestTailEndsWithItsContextAndReportsGaps(t *testing.T) {
	store := openStore(t, "mem://")
	ctx, cancel := context.WithCancel(t.Context())
	chunk(t, store, 0, "x")
	_, err := store.TailStream(ctx, stdout, 0, time.Hour, writerFunc(func(p []byte) (int, error) {
		cancel()
		return len(p), nil
	}))
	require.ErrorIs(t, err, context.Canceled)

	broken := errors.New("the terminal went away")
	_, err = store.TailStream(t.Context(), stdout, 0, time.Hour, writerFunc(func([]byte) (int, error) { return 0, broken }))
	require.ErrorIs(t, err, broken)

	require.NoError(t, store.FinishStream(t.Context(), stdout, infoOf("xyz", 3)))
	_, err = store.TailStream(t.Context(), stdout, 0, time.Hour, io.Discard)
	require.ErrorIs(t, err, artifact.ErrGap)
}

type writerFunc func([]byte) (int, error)

func (f writerFunc) Write(p []byte) (int, error) { return f(p) }

// growing is a buffer that a test can wait on.
type growing struct {
	mu      sync.Mutex
	buf     bytes.Buffer
	changed chan struct{}
}

func (g *growing) Write(p []byte) (int, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.changed <- struct{}{}
	return g.buf.Write(p)
}

func (g *growing) String() string {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.buf.String()
}

func (g *growing) waitFor(t *testing.T, want string) {
	t.Helper()
	for g.String() != want {
		select {
		case <-g.changed:
		case <-time.After(time.Minute):
			t.Fatalf("saw %q, not yet %q", g.String(), want)
		}
	}
}

// However two workers cut the same bytes, and whoever stored a chunk last, readers see the bytes.
func TestAnyCutsGiveTheSameBytes(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		store, err := artifact.Open(context.Background(), "mem://")
		require.NoError(rt, err)
		defer store.Close()
		content := rapid.SliceOfN(rapid.Byte(), 1, 200).Draw(rt, "content")
		type piece struct{ from, to int }
		var pieces []piece
		for range rapid.IntRange(1, 3).Draw(rt, "workers") {
			for at := 0; at < len(content); {
				to := rapid.IntRange(at+1, len(content)).Draw(rt, "cut")
				pieces = append(pieces, piece{at, to})
				at = to
			}
		}
		for _, p := range pieces {
			require.NoError(rt, store.AppendChunk(context.Background(), "s/out", int64(p.from), content[p.from:p.to]))
		}
		require.NoError(rt, store.FinishStream(context.Background(), "s/out", infoOf(string(content), int64(len(content)))))
		r, err := store.OpenStream(context.Background(), "s/out")
		require.NoError(rt, err)
		got, err := io.ReadAll(iotest.HalfReader(r))
		require.NoError(rt, errors.Join(err, r.Close()))
		require.Equal(rt, content, got)
		var tail bytes.Buffer
		from := rapid.IntRange(0, len(content)).Draw(rt, "from")
		_, err = store.TailStream(context.Background(), "s/out", int64(from), 0, &tail)
		require.NoError(rt, err)
		require.Equal(rt, string(content[from:]), tail.String())
	})
}

func TestLongStream(t *testing.T) {
	store := openStore(t, "file://"+t.TempDir())
	part := make([]byte, 1<<20)
	for i := range part {
		part[i] = byte(rand.Uint32())
	}
	hash := sha256.New()
	for i := range int64(24) {
		require.NoError(t, store.AppendChunk(t.Context(), stdout, i<<20, part))
		hash.Write(part)
	}
	info := artifact.StreamInfo{BytesTotal: 24 << 20, BytesKept: 24 << 20, SHA256: hex.EncodeToString(hash.Sum(nil))}
	require.NoError(t, store.FinishStream(t.Context(), stdout, info))
	r, err := store.OpenStream(t.Context(), stdout)
	require.NoError(t, err)
	n, err := io.Copy(io.Discard, r)
	require.NoError(t, errors.Join(err, r.Close()))
	require.EqualValues(t, 24<<20, n)
}
