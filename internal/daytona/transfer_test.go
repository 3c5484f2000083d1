package daytona_test

import (
	"bytes"
	"context"
	"crypto/rand"
	"fmt"
	"io"
	"strings"
	"sync/atomic"
	"testing"

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
