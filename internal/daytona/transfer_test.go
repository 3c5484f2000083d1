package daytona_test

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"net/http"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"testing/iotest"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"pitwall/internal/daytona"
	"pitwall/internal/daytona/daytonatest"
)

// Whatever the names and the bytes, what was uploaded is downloaded, whole and in every part.
func TestUploadDownloadRoundTrip(t *testing.T) {
	t.Parallel()
	server := daytonatest.Start(t, daytonatest.Options{})
	client := server.Client(t)
	toolbox := client.Toolbox(newSandbox(t, client))
	folder := atomic.Int64{}
	rapid.Check(t, func(rt *rapid.T) {
		home := fmt.Sprintf("round-%d/", folder.Add(1))
		contents := rapid.MapOfN(hostileName(), hostileContent(), 1, 5).Draw(rt, "files")
		var files []daytona.UploadFile
		for name, content := range contents {
			size := int64(len(content))
			if rapid.Bool().Draw(rt, "unknown size") {
				size = -1
			}
			files = append(files, daytona.UploadFile{Path: home + name, Size: size, Body: bytes.NewReader(content)})
		}
		require.NoError(rt, toolbox.Upload(t.Context(), files))
		for name, content := range contents {
			require.Equal(rt, content, download(rt, toolbox, home+name, 0, -1))
			offset := rapid.Int64Range(0, int64(len(content))+3).Draw(rt, "offset")
			length := rapid.Int64Range(1, int64(len(content))+3).Draw(rt, "length")
			first := min(offset, int64(len(content)))
			last := min(offset+length, int64(len(content)))
			require.Equal(rt, content[first:last], download(rt, toolbox, home+name, offset, length))
			require.Equal(rt, content[first:], download(rt, toolbox, home+name, offset, -1))
		}
	})
}

// hostileName draws file names that break careless framing: quotes, line ends, percent signs, bytes that are not UTF-8.
func hostileName() *rapid.Generator[string] {
	return rapid.Custom(func(t *rapid.T) string {
		pieces := rapid.SliceOfN(rapid.OneOf(
			rapid.SampledFrom([]string{"\"", "\r\n", "\n", "%2F", "..", "&path=x", "#", "?", "+", " ", "files[0].file", "é", "\xff\xfe", ";", "\\", "--", "\x1b"}),
			rapid.StringN(0, 8, 30),
		), 1, 6).Draw(t, "name")
		name := strings.NewReplacer("/", "_", "\x00", "_").Replace(strings.Join(pieces, ""))
		if name == "" || name == "." || name == ".." {
			name = "dots"
		}
		return name[:min(len(name), 200)]
	})
}

// hostileContent draws bytes, boundaries among them.
func hostileContent() *rapid.Generator[[]byte] {
	return rapid.Custom(func(t *rapid.T) []byte {
		pieces := rapid.SliceOfN(rapid.OneOf(
			rapid.SampledFrom([]string{"\r\n--DAYTONA-FILE-BOUNDARY", "\r\n--", "--\r\n", "Content-Disposition: form-data", "\x00", "\r\n\r\n"}),
			rapid.Map(rapid.SliceOfN(rapid.Byte(), 0, 300), func(b []byte) string { return string(b) }),
		), 0, 6).Draw(t, "content")
		return []byte(strings.Join(pieces, ""))
	})
}

func download(t require.TestingT, toolbox *daytona.Toolbox, path string, offset, length int64) []byte {
	body, part, err := toolbox.Download(context.Background(), path, offset, length) //nolint:usetesting // rapid's T has no such context
	require.NoError(t, err)
	require.Equal(t, offset, part.Offset)
	defer body.Close()
	content, err := io.ReadAll(body)
	require.NoError(t, err)
	return content
}

func TestUploadSurfacesEachReason(t *testing.T) {
	t.Parallel()
	server := daytonatest.Start(t, daytonatest.Options{})
	client := server.Client(t)
	toolbox := client.Toolbox(newSandbox(t, client))
	err := toolbox.Upload(generous(t), []daytona.UploadFile{
		{Path: "../out", Size: 1, Body: strings.NewReader("x")},
		{Path: "in", Size: 1, Body: strings.NewReader("y")},
		{Path: "../../off", Size: 1, Body: strings.NewReader("x")},
	})
	require.ErrorIs(t, err, daytona.ErrBadRequest)
	require.ErrorContains(t, err, "../out: ")
	require.ErrorContains(t, err, "; ../../off: ")
	require.Equal(t, []byte("y"), download(t, toolbox, "in", 0, -1), "not atomic, as documented")
}

func TestUploadBlamesTheReaderThatBroke(t *testing.T) {
	t.Parallel()
	server := daytonatest.Start(t, daytonatest.Options{})
	client := server.Client(t)
	toolbox := client.Toolbox(newSandbox(t, client))
	boom := errors.New("boom")
	for name, test := range map[string]struct {
		file daytona.UploadFile
		says string
	}{
		"short":        {daytona.UploadFile{Path: "a", Size: 5, Body: strings.NewReader("123")}, "read a to upload it: 5 bytes promised, 3 found"},
		"long":         {daytona.UploadFile{Path: "a", Size: 2, Body: strings.NewReader("123")}, "read a to upload it: 2 bytes promised, more found"},
		"broken":       {daytona.UploadFile{Path: "a", Size: 2, Body: iotest.ErrReader(boom)}, "read a to upload it: boom"},
		"broken late":  {daytona.UploadFile{Path: "a", Size: -1, Body: io.MultiReader(strings.NewReader("12"), iotest.ErrReader(boom))}, "read a to upload it: boom"},
		"broken after": {daytona.UploadFile{Path: "a", Size: 2, Body: io.MultiReader(strings.NewReader("12"), iotest.ErrReader(boom))}, "read a to upload it: boom"},
	} {
		err := toolbox.Upload(generous(t), []daytona.UploadFile{test.file})
		require.ErrorContains(t, err, test.says, name)
		var ours *daytona.ReadError
		require.ErrorAs(t, err, &ours, name)
		require.False(t, daytona.Transient(err), name)
		require.NotErrorIs(t, err, daytona.ErrSandboxSuspect, name)
	}
}

func TestUploadDoesNotTakeAnythingForSuccess(t *testing.T) {
	t.Parallel()
	send := func(handler http.HandlerFunc) error {
		client := answering(t, handler)
		toolbox := client.Toolbox(daytona.Sandbox{ID: "i", ToolboxProxyURL: client.APIURL()})
		return toolbox.Upload(generous(t), []daytona.UploadFile{
			{Path: "a", Size: 4, Body: strings.NewReader("1234")},
		})
	}
	drained := func(body string) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) {
			_, _ = io.Copy(io.Discard, r.Body)
			_, _ = io.WriteString(w, body)
		}
	}
	require.ErrorIs(t, send(drained(`{"files":[{"path":"a","bytes":3}]}`)), daytona.ErrBadAnswer)
	require.NoError(t, send(drained(`{"files":[{"path":"a","bytes":4}]}`)))
	require.NoError(t, send(drained(``)), "older daemons answer with nothing")
	require.NoError(t, send(drained(`{"files":[{"path":"another","bytes":0}]}`)))
}

// The transport may go on reading a body after the answer came. After Upload returned the bodies are the caller's again.
func TestUploadLeavesBodiesAlone(t *testing.T) {
	t.Parallel()
	client := answering(t, func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusForbidden) })
	toolbox := client.Toolbox(daytona.Sandbox{ID: "i", ToolboxProxyURL: client.APIURL()})
	for range 50 {
		body := &countingReader{}
		require.Error(t, toolbox.Upload(generous(t), []daytona.UploadFile{{Path: "a", Size: -1, Body: body}}))
		body.over = true // the race detector sees a reader that is still at work
	}
}

type countingReader struct{ over bool }

func (c *countingReader) Read(p []byte) (int, error) {
	if c.over {
		panic("read after Upload returned")
	}
	clear(p)
	return len(p), nil
}

func TestDownloadAnswers(t *testing.T) {
	t.Parallel()
	type answer struct {
		status               int
		contentRange, length string
		body                 string
	}
	for name, test := range map[string]struct {
		offset, length int64
		answer         answer
		content        string
		total          int64
		fails          error // on opening or on reading
	}{
		"part":                      {2, 3, answer{206, "bytes 2-4/9", "3", "cde"}, "cde", 9, nil},
		"part, size unknown":        {2, 3, answer{206, "bytes 2-4/*", "", "cde"}, "cde", -1, nil},
		"part at the end":           {7, 5, answer{206, "bytes 7-8/9", "2", "hi"}, "hi", 9, nil},
		"to the end":                {7, -1, answer{206, "bytes 7-8/9", "", "hi"}, "hi", 9, nil},
		"part cut":                  {2, 3, answer{206, "bytes 2-4/9", "", "c"}, "c", 9, io.ErrUnexpectedEOF},
		"part with more":            {2, 3, answer{206, "bytes 2-4/9", "", "cdeXXXX"}, "cde", 9, nil},
		"another part":              {2, 3, answer{206, "bytes 1-3/9", "3", "bcd"}, "", 0, daytona.ErrBadAnswer},
		"too large a part":          {2, 3, answer{206, "bytes 2-8/9", "", "cdefghi"}, "", 0, daytona.ErrBadAnswer},
		"no content range":          {2, 3, answer{206, "", "3", "cde"}, "", 0, daytona.ErrBadAnswer},
		"nonsense":                  {2, 3, answer{206, "bytes -2-4/+9", "3", "cde"}, "", 0, daytona.ErrBadAnswer},
		"backwards":                 {2, 3, answer{206, "bytes 2-1/9", "", ""}, "", 0, daytona.ErrBadAnswer},
		"past its own end":          {2, 3, answer{206, "bytes 2-4/4", "", "cde"}, "", 0, daytona.ErrBadAnswer},
		"overflow":                  {2, 3, answer{206, "bytes 2-99999999999999999999/*", "", "cde"}, "", 0, daytona.ErrBadAnswer},
		"at the end":                {9, 3, answer{416, "bytes */9", "", ""}, "", 9, nil},
		"past the end":              {99, -1, answer{416, "bytes */9", "", ""}, "", 9, nil},
		"416 without a size":        {9, 3, answer{416, "", "", "x"}, "", -1, nil},
		"whole":                     {0, -1, answer{200, "", "9", "abcdefghi"}, "abcdefghi", 9, nil},
		"whole, chunked":            {0, -1, answer{200, "", "", "abcdefghi"}, "abcdefghi", -1, nil},
		"no ranges":                 {2, 3, answer{200, "", "9", "abcdefghi"}, "cde", 9, nil},
		"no ranges, to the end":     {7, -1, answer{200, "", "9", "abcdefghi"}, "hi", 9, nil},
		"no ranges, at the end":     {9, 3, answer{200, "", "9", "abcdefghi"}, "", 9, nil},
		"no ranges, past the end":   {99, 3, answer{200, "", "", "abcdefghi"}, "", 9, nil},
		"no ranges, less than that": {7, 5, answer{200, "", "9", "abcdefghi"}, "hi", 9, nil},
		"empty file":                {0, 10, answer{200, "", "0", ""}, "", 0, nil},
		"204":                       {0, 10, answer{204, "", "", ""}, "", 0, daytona.ErrBadAnswer},
		"missing":                   {0, 10, answer{404, "", "", ""}, "", 0, daytona.ErrNotFound},
		"redirect":                  {0, 10, answer{302, "", "", ""}, "", 0, daytona.ErrBadAnswer},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			client := answering(t, func(w http.ResponseWriter, _ *http.Request) {
				if test.answer.contentRange != "" {
					w.Header().Set("Content-Range", test.answer.contentRange)
				}
				if test.answer.length != "" {
					w.Header().Set("Content-Length", test.answer.length)
				}
				w.WriteHeader(test.answer.status)
				if test.answer.length == "" {
					_ = http.NewResponseController(w).Flush() // chunked
				}
				_, _ = io.WriteString(w, test.answer.body)
			})
			toolbox := client.Toolbox(daytona.Sandbox{ID: "i", ToolboxProxyURL: client.APIURL()})
			body, part, err := toolbox.Download(generous(t), "f", test.offset, test.length)
			if err != nil {
				require.NotNil(t, test.fails, "%v", err)
				require.ErrorIs(t, err, test.fails)
				return
			}
			defer body.Close()
			content, err := io.ReadAll(body)
			if test.fails == nil {
				require.NoError(t, err)
			} else {
				require.ErrorIs(t, err, test.fails)
				require.True(t, daytona.Transient(err))
			}
			require.Equal(t, test.content, string(content))
			require.Equal(t, daytona.FileRange{Offset: test.offset, Total: test.total}, part)
		})
	}
}

func TestDownloadThatBreaksOffSaysSo(t *testing.T) {
	t.Parallel()
	server := daytonatest.Start(t, daytonatest.Options{})
	client := server.Client(t)
	toolbox := client.Toolbox(newSandbox(t, client))
	content := strings.Repeat("x", 100_000)
	require.NoError(t, toolbox.Upload(generous(t), []daytona.UploadFile{{Path: "f", Size: 100_000, Body: strings.NewReader(content)}}))
	server.Fail(daytonatest.Fault{Path: "/files/download", Do: daytonatest.CutAfter(50_000)})
	body, _, err := toolbox.Download(generous(t), "f", 0, -1)
	require.NoError(t, err)
	defer body.Close()
	got, err := io.ReadAll(body)
	require.ErrorIs(t, err, daytona.ErrSandboxSuspect, "%v", err)
	require.True(t, daytona.Transient(err))
	require.LessOrEqual(t, len(got), 50_000)
}

// A sandbox that dribbles holds nobody up past the context, neither in reading nor in closing.
func TestDownloadOfADribbleEndsWithTheContext(t *testing.T) {
	t.Parallel()
	client := answering(t, func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.WriteString(w, "x")
		_ = http.NewResponseController(w).Flush()
		<-r.Context().Done()
	})
	toolbox := client.Toolbox(daytona.Sandbox{ID: "i", ToolboxProxyURL: client.APIURL()})
	ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
	defer cancel()
	body, _, err := toolbox.Download(ctx, "f", 0, -1)
	require.NoError(t, err)
	_, err = io.ReadAll(body)
	require.ErrorIs(t, err, context.DeadlineExceeded)
	require.NoError(t, body.Close())

	body, _, err = toolbox.Download(generous(t), "f", 0, 1)
	require.NoError(t, err)
	got, err := io.ReadAll(body)
	require.NoError(t, err)
	require.Equal(t, "x", string(got))
	require.NoError(t, body.Close(), "closing waits for nothing")
}

// 256 MiB pass in either direction within a few MiB of memory.
func TestTransfersTakeConstantMemory(t *testing.T) {
	const size = 256 << 20
	const bound = 24 << 20 // buffers of both ends and of the test itself; a file held in memory is ten times that
	var received int64
	client := answering(t, func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodPost {
			received, _ = io.Copy(io.Discard, r.Body)
			return
		}
		w.Header().Set("Content-Length", fmt.Sprint(int64(size)))
		_, _ = io.CopyN(w, endless{}, size)
	})
	toolbox := client.Toolbox(daytona.Sandbox{ID: "i", ToolboxProxyURL: client.APIURL()})
	for name, transfer := range map[string]func(sample func()) int64{
		"upload": func(sample func()) int64 {
			body := io.TeeReader(io.LimitReader(endless{}, size), everyMiB(sample))
			require.NoError(t, toolbox.Upload(generous(t), []daytona.UploadFile{{Path: "f", Size: size, Body: body}}))
			return received - received%(1<<20) // without the framing
		},
		"download": func(sample func()) int64 {
			body, _, err := toolbox.Download(generous(t), "f", 0, -1)
			require.NoError(t, err)
			defer body.Close()
			copied, err := io.Copy(everyMiB(sample), body)
			require.NoError(t, err)
			return copied
		},
	} {
		runtime.GC()
		var before, now runtime.MemStats
		runtime.ReadMemStats(&before)
		peak := uint64(0)
		moved := transfer(func() {
			runtime.ReadMemStats(&now)
			peak = max(peak, now.HeapAlloc)
		})
		require.EqualValues(t, size, moved, name)
		require.NotZero(t, peak, name)
		require.Less(t, int64(peak)-int64(before.HeapAlloc), int64(bound), name)
		t.Logf("%s: peak %d KiB over the start, %d KiB allocated in all", name,
			(int64(peak)-int64(before.HeapAlloc))>>10, (now.TotalAlloc-before.TotalAlloc)>>10)
	}
}

// endless gives bytes without end.
type endless struct{}

func (endless) Read(p []byte) (int, error) {
	clear(p)
	return len(p), nil
}

// everyMiB calls sample for each MiB written.
func everyMiB(sample func()) io.Writer { return &mibCounter{sample: sample} }

type mibCounter struct {
	sample func()
	count  int
}

func (m *mibCounter) Write(p []byte) (int, error) {
	before := m.count >> 20
	m.count += len(p)
	if m.count>>20 != before {
		m.sample()
	}
	return len(p), nil
}

// A file's whole way at a size that fits no buffer, with random bytes.
func TestLargeFileRoundTrip(t *testing.T) {
	t.Parallel()
	server := daytonatest.Start(t, daytonatest.Options{})
	client := server.Client(t)
	toolbox := client.Toolbox(newSandbox(t, client))
	content := make([]byte, 5<<20)
	_, err := rand.Read(content)
	require.NoError(t, err)
	require.NoError(t, toolbox.Upload(generous(t), []daytona.UploadFile{{Path: "a/b/c", Size: -1, Body: bytes.NewReader(content)}}))
	info, err := toolbox.Info(generous(t), "a/b/c")
	require.NoError(t, err)
	require.EqualValues(t, len(content), info.Size)
	require.True(t, bytes.Equal(content, download(t, toolbox, "a/b/c", 0, -1)))
	require.True(t, bytes.Equal(content[4<<20:], download(t, toolbox, "a/b/c", 4<<20, 9<<20)))
}

func TestFilesRoundTrip(t *testing.T) {
	t.Parallel()
	server := daytonatest.Start(t, daytonatest.Options{})
	client := server.Client(t)
	toolbox := client.Toolbox(newSandbox(t, client))
	ctx := generous(t)
	require.NoError(t, toolbox.MakeFolder(ctx, "d/e", 0o700))
	files, err := toolbox.List(ctx, "d")
	require.NoError(t, err)
	require.Len(t, files, 1)
	require.True(t, files[0].IsDir)
	require.Equal(t, "0700", files[0].Permissions)
	require.Error(t, toolbox.Delete(ctx, "d", false))
	require.NoError(t, toolbox.Delete(ctx, "d", true))
	_, err = toolbox.List(ctx, "d")
	require.ErrorIs(t, err, daytona.ErrNotFound)
	_, _, err = toolbox.Download(ctx, "d", 0, -1)
	require.ErrorIs(t, err, daytona.ErrNotFound)
	require.NotErrorIs(t, err, daytona.ErrSandboxSuspect, "the daemon said so itself")
}
