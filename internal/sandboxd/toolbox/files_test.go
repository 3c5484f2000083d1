//go:build linux

package toolbox

import (
	"bytes"
	"encoding/json"
	"io"
	"mime"
	"mime/multipart"
	"net/http"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
	"pgregory.net/rapid"
)

// sent is one file of an upload or a download.
type sent struct {
	path string
	data []byte
}

// bulkBody is a bulk upload, as the client libraries make it.
func bulkBody(t require.TestingT, files []sent) (*bytes.Buffer, string) {
	var body bytes.Buffer
	w := multipart.NewWriter(&body)
	for i, f := range files {
		index := strconv.Itoa(i)
		require.NoError(t, w.WriteField("files["+index+"].path", f.path))
		part, err := w.CreateFormFile("files["+index+"].file", "upload")
		require.NoError(t, err)
		_, err = part.Write(f.data)
		require.NoError(t, err)
	}
	require.NoError(t, w.Close())
	return &body, w.FormDataContentType()
}

func (a *agent) upload(files ...sent) answer {
	a.t.Helper()
	body, contentType := bulkBody(a.t, files)
	return a.do("POST", "/files/bulk-upload", body, "Content-Type", contentType)
}

// downloaded is one part of a bulk download.
type downloaded struct {
	kind, filename string
	data           []byte
}

func readParts(t require.TestingT, got answer) (parts []downloaded) {
	_, params, err := mime.ParseMediaType(got.header.Get("Content-Type"))
	require.NoError(t, err)
	for r := multipart.NewReader(bytes.NewReader(got.body), params["boundary"]); ; {
		part, err := r.NextRawPart()
		if err == io.EOF {
			return parts
		}
		require.NoError(t, err)
		data, err := io.ReadAll(part)
		require.NoError(t, err)
		require.Equal(t, part.Header.Get("Content-Length"), strconv.Itoa(len(data)))
		_, disposition, err := mime.ParseMediaType(strings.Split(part.Header.Get("Content-Disposition"), "; filename*")[0])
		require.NoError(t, err)
		parts = append(parts, downloaded{part.FormName(), disposition["filename"], data})
	}
}

func TestUploadAndDownload(t *testing.T) {
	a := startAgent(t)
	require.Equal(t, 200, a.upload(sent{"a/b/one", []byte("1")}, sent{a.home + "/two", nil}).status)
	require.Equal(t, []byte("1"), a.do("GET", "/files/download"+with("path", "a/b/one"), nil).body)
	require.Equal(t, 200, a.do("POST", "/files/upload-v2"+with("path", "three"), strings.NewReader("3")).status)
	var body bytes.Buffer
	w := multipart.NewWriter(&body)
	part, _ := w.CreateFormFile("file", "x")
	_, _ = part.Write([]byte("four"))
	require.NoError(t, w.Close())
	got := a.do("POST", "/files/upload-v2"+with("path", "d/four"), &body, "Content-Type", w.FormDataContentType())
	require.Equal(t, 200, got.status)
	require.JSONEq(t, `{"name":"four","path":"d/four","type":"file"}`, string(got.body))
	parts := readParts(t, a.do("POST", "/files/bulk-download", strings.NewReader(`{"paths":["three","d/four","none","d"]}`)))
	require.Equal(t, downloaded{"file", "three", []byte("3")}, parts[0])
	require.Equal(t, downloaded{"file", "d/four", []byte("four")}, parts[1])
	require.Equal(t, "error", parts[2].kind)
	require.Contains(t, string(parts[2].data), `"code":"FILE_NOT_FOUND"`)
	require.Contains(t, string(parts[3].data), `"code":"INVALID_FILE_PATH"`)
}

func TestBulkUploadSaysWhatFailed(t *testing.T) {
	a := startAgent(t)
	require.NoError(t, os.Mkdir(filepath.Join(a.home, "dir"), 0o755))
	got := a.upload(sent{"dir", []byte("x")}, sent{"ok", []byte("y")}, sent{"", []byte("z")})
	require.Equal(t, 400, got.status)
	require.Contains(t, string(got.body), `"files":[{"path":"ok","bytes":1}]`)
	require.Contains(t, string(got.body), "is a directory")
	require.Contains(t, string(got.body), "path is required")
	require.FileExists(t, filepath.Join(a.home, "ok"))
	var body bytes.Buffer
	w := multipart.NewWriter(&body)
	_, _ = w.CreateFormFile("files[0].file", "x")
	require.NoError(t, w.WriteField("files[0].path", "late"))
	require.NoError(t, w.Close())
	got = a.do("POST", "/files/bulk-upload", &body, "Content-Type", w.FormDataContentType())
	require.Equal(t, 400, got.status)
	require.Contains(t, string(got.body), "missing .path metadata")
}

// A cut upload must leave neither half a file nor its temporary file.
func TestCutUploadLeavesNothing(t *testing.T) {
	a := startAgent(t)
	a.upload(sent{"f", []byte("old")})
	body, contentType := bulkBody(t, []sent{{"f", bytes.Repeat([]byte("new"), 1000)}})
	body.Truncate(body.Len() - 200)
	require.Equal(t, 400, a.do("POST", "/files/bulk-upload", body, "Content-Type", contentType).status)
	require.Equal(t, "old", string(a.do("GET", "/files/download"+with("path", "f"), nil).body))
	entries, err := os.ReadDir(a.home)
	require.NoError(t, err)
	require.Len(t, entries, 1)
}

func TestUploadKeepsPermissionsAndReplacesLinks(t *testing.T) {
	a := startAgent(t)
	script, target := filepath.Join(a.home, "script"), filepath.Join(a.home, "target")
	require.NoError(t, os.WriteFile(script, nil, 0o755))
	require.NoError(t, os.WriteFile(target, []byte("untouched"), 0o600))
	require.NoError(t, os.Symlink(target, filepath.Join(a.home, "link")))
	require.Equal(t, 200, a.upload(sent{"script", []byte("new")}, sent{"link", []byte("new")}).status)
	info, err := os.Stat(script)
	require.NoError(t, err)
	require.EqualValues(t, 0o755, info.Mode().Perm())
	text, err := os.ReadFile(target)
	require.NoError(t, err)
	require.Equal(t, "untouched", string(text))
}

func TestDownloadRange(t *testing.T) {
	a := startAgent(t)
	a.upload(sent{"f", []byte("0123456789")})
	get := func(r string) answer { return a.do("GET", "/files/download"+with("path", "f"), nil, "Range", r) }
	got := get("bytes=3-5")
	require.Equal(t, 206, got.status)
	require.Equal(t, "345", string(got.body))
	require.Equal(t, "bytes 3-5/10", got.header.Get("Content-Range"))
	require.Equal(t, "89", string(get("bytes=8-").body))
	require.Equal(t, "89", string(get("bytes=-2").body))
	got = get("bytes=10-")
	require.Equal(t, 416, got.status)
	require.Equal(t, "bytes */10", got.header.Get("Content-Range"))
}

func TestDownloadRefusesWhatIsNotAFile(t *testing.T) {
	a := startAgent(t)
	require.NoError(t, unix.Mkfifo(filepath.Join(a.home, "fifo"), 0o600))
	for path, kind := range map[string]string{"fifo": "a FIFO", "/dev/zero": "a device", ".": "a directory"} {
		e := a.refuse("GET", "/files/download"+with("path", path), nil, 400, "INVALID_FILE_PATH")
		require.Contains(t, e.Message, kind)
	}
	a.refuse("GET", "/files/download"+with("path", "/proc/self/environ"), nil, 403, "FILE_ACCESS_DENIED")
	require.NoError(t, os.Symlink("/proc/self/mem", filepath.Join(a.home, "mem")))
	a.refuse("GET", "/files/download"+with("path", "mem"), nil, 403, "FILE_ACCESS_DENIED")
	a.refuse("GET", "/files/download"+with("path", "none"), nil, 404, "FILE_NOT_FOUND")
	a.refuse("GET", "/files/download"+with("path", "a\x00b"), nil, 400, "BAD_REQUEST")
	a.refuse("GET", "/files/download", nil, 400, "BAD_REQUEST")
}

// Root's rights must not be lent through a link, wherever on the way it is.
func TestRootFollowsNoLink(t *testing.T) {
	root := identity{home: t.TempDir(), current: true, root: true}
	in := func(name string) string { return filepath.Join(root.home, name) }
	require.NoError(t, os.MkdirAll(in("secret/deep"), 0o755))
	require.NoError(t, os.WriteFile(in("secret/file"), []byte("secret"), 0o600))
	require.NoError(t, os.Symlink("secret", in("dir")))
	require.NoError(t, os.Symlink("secret/file", in("link")))

	_, _, err := root.openRegular(in("link"))
	require.ErrorIs(t, err, unix.ELOOP)
	_, _, err = root.openRegular(in("dir/file"))
	require.Error(t, err)
	_, err = root.writeFile(in("dir/planted"), strings.NewReader("x"))
	require.Error(t, err)
	require.NoFileExists(t, in("secret/planted"))
	loc, err := root.locate(in("dir"), false)
	require.NoError(t, err)
	defer loc.close()
	_, err = listDir(loc, 1)
	require.Error(t, err)

	_, err = root.writeFile(in("new/dirs/file"), strings.NewReader("made"))
	require.NoError(t, err)
	f, _, err := root.openRegular(in("new/dirs/file"))
	require.NoError(t, err)
	defer f.Close()
	text, err := io.ReadAll(f)
	require.NoError(t, err)
	require.Equal(t, "made", string(text))
}

func TestFileRoutes(t *testing.T) {
	a := startAgent(t)
	status := func(method, target string) int { return a.do(method, target, nil).status }
	require.Equal(t, 201, status("POST", "/files/folder"+with("path", "x/y", "mode", "750")))
	require.Equal(t, 201, status("POST", "/files/folder"+with("path", "x/y")), "it exists")
	a.upload(sent{"x/a.txt", []byte("one\nneedle two\n")}, sent{"x/y/b.txt", []byte("needle")}, sent{"x/bin", []byte("\x00needle")})
	require.NoError(t, os.Symlink("/", filepath.Join(a.home, "x", "loop")))

	var info fileInfo
	a.json("GET", "/files/info"+with("path", "x/y"), nil, 200, &info)
	require.Equal(t, "0750", info.Permissions)
	require.True(t, info.IsDir)
	var list []fileInfo
	a.json("GET", "/files"+with("path", "x"), nil, 200, &list)
	names := func() (n []string) {
		for _, f := range list {
			n = append(n, f.Name)
		}
		return n
	}
	require.Equal(t, []string{"a.txt", "bin", "loop", "y"}, names())
	a.json("GET", "/files"+with("path", "x", "depth", "2"), nil, 200, &list)
	require.Equal(t, []string{"a.txt", "bin", "loop", "y", "b.txt"}, names())
	require.Equal(t, filepath.Join(a.home, "x/y/b.txt"), list[4].Path)
	a.json("GET", "/files", nil, 200, &list)
	require.Equal(t, []string{"x"}, names())
	a.refuse("GET", "/files"+with("path", "none"), nil, 404, "FILE_NOT_FOUND")
	a.refuse("GET", "/files"+with("path", "x/a.txt"), nil, 400, "BAD_REQUEST")

	var matches []match
	a.json("GET", "/files/find"+with("path", "x", "pattern", "needle"), nil, 200, &matches)
	require.Equal(t, []match{{filepath.Join(a.home, "x/a.txt"), 2, "needle two"}, {filepath.Join(a.home, "x/y/b.txt"), 1, "needle"}}, matches)
	a.json("GET", "/files/find"+with("path", "x/a.txt", "pattern", "one"), nil, 200, &matches)
	require.Len(t, matches, 1)
	var found map[string][]string
	a.json("GET", "/files/search"+with("path", "x", "pattern", "*.txt"), nil, 200, &found)
	require.Equal(t, []string{filepath.Join(a.home, "x/a.txt"), filepath.Join(a.home, "x/y/b.txt")}, found["files"])
	a.refuse("GET", "/files/search"+with("path", "x", "pattern", "["), nil, 400, "BAD_REQUEST")

	var replaced []replaceResult
	a.json("POST", "/files/replace", replaceRequest{[]string{"x/a.txt", "none"}, "needle", "pin"}, 200, &replaced)
	require.Equal(t, []bool{true, false}, []bool{replaced[0].Success, replaced[1].Success})
	require.Equal(t, "one\npin two\n", string(a.do("GET", "/files/download"+with("path", "x/a.txt"), nil).body))

	require.Equal(t, 200, status("POST", "/files/move"+with("source", "x/a.txt", "destination", "x/c.txt")))
	a.refuse("POST", "/files/move"+with("source", "x/c.txt", "destination", "x/y"), nil, 409, "CONFLICT")
	a.refuse("POST", "/files/move"+with("source", "none", "destination", "n"), nil, 404, "FILE_NOT_FOUND")
	require.Equal(t, 200, status("POST", "/files/permissions"+with("path", "x/c.txt", "mode", "600", "owner", strconv.Itoa(os.Getuid()))))
	a.refuse("POST", "/files/permissions"+with("path", "x/c.txt", "mode", "4755"), nil, 400, "BAD_REQUEST")
	a.refuse("POST", "/files/permissions"+with("path", "x/c.txt", "owner", "no such user"), nil, 400, "BAD_REQUEST")
	a.refuse("DELETE", "/files"+with("path", "x"), nil, 400, "BAD_REQUEST")
	require.Equal(t, 204, status("DELETE", "/files"+with("path", "x/loop")), "a link is removed, not what it leads to")
	require.Equal(t, 204, status("DELETE", "/files"+with("path", "x", "recursive", "true")))
	a.refuse("DELETE", "/files"+with("path", "x", "recursive", "true"), nil, 404, "FILE_NOT_FOUND")
}

// hostileName is a path component as no shell would make it.
func hostileName() *rapid.Generator[string] {
	piece := rapid.OneOf(
		rapid.StringMatching(`[a-z ]{1,5}`),
		rapid.SampledFrom([]string{"\n", "\r\n", `"`, `\`, "'", ";", "%", "%0A", "$(x)", "..", "é", "日本", "\x01\x02", "--", "\t", "=", "+", "&", "#", "?", "*", "filename=\"x\""}),
	)
	return rapid.Custom(func(t *rapid.T) string {
		name := strings.Join(rapid.SliceOfN(piece, 1, 6).Draw(t, "pieces"), "")
		if name == "." || name == ".." {
			return name + "_"
		}
		return name
	})
}

func TestAnyNameAndContentComesBack(t *testing.T) {
	a := startAgent(t)
	rapid.Check(t, func(t *rapid.T) {
		file := sent{
			path: hostileName().Draw(t, "dir") + "d/" + hostileName().Draw(t, "name"),
			data: rapid.SliceOf(rapid.Byte()).Draw(t, "data"),
		}
		if rapid.Bool().Draw(t, "boundary") {
			file.data = append(file.data, "\r\n--DAYTONA-FILE-BOUNDARY--\r\n"...)
		}
		got := a.upload(file)
		require.Equal(t, 200, got.status, "%s", got.body)
		require.Equal(t, file.data, nilToEmpty(a.do("GET", "/files/download"+with("path", file.path), nil).body))
		text, err := json.Marshal(downloadRequest{[]string{file.path}})
		require.NoError(t, err)
		got = a.do("POST", "/files/bulk-download", bytes.NewReader(text))
		require.Equal(t, 200, got.status)
		require.Contains(t, string(got.body), partHeader("file", file.path, "", 0).Get("Content-Disposition"))
		require.Contains(t, string(got.body), string(file.data))
	})
}

func nilToEmpty(b []byte) []byte {
	if b == nil {
		return []byte{}
	}
	return b
}

// endless gives n bytes without holding them.
type endless struct{ left int64 }

func (e *endless) Read(p []byte) (int, error) {
	if e.left == 0 {
		return 0, io.EOF
	}
	n := int(min(int64(len(p)), e.left))
	e.left -= int64(n)
	return n, nil
}

func TestTransfersTakeConstantMemory(t *testing.T) {
	const size = 256 << 20
	a := startAgent(t)
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	require.Equal(t, 200, a.do("POST", "/files/upload-v2"+with("path", "big"), &endless{size}).status)
	resp, err := a.client.Get("http://sandbox/files/download" + with("path", "big"))
	require.NoError(t, err)
	defer resp.Body.Close()
	n, err := io.Copy(io.Discard, resp.Body)
	require.NoError(t, err)
	require.EqualValues(t, size, n)
	runtime.ReadMemStats(&after)
	require.Less(t, after.TotalAlloc-before.TotalAlloc, uint64(size/8), "allocated in all")
}

func TestPorts(t *testing.T) {
	a := startAgent(t)
	a.refuse("GET", "/port/80/in-use", nil, 400, "BAD_REQUEST")
	a.refuse("GET", "/port/x/in-use", nil, 400, "BAD_REQUEST")
	port, ok := listeningPort("   0: 0100007F:1F90 00000000:0000 0A 00000000:00000000 00:00000000 00000000")
	require.True(t, ok)
	require.Equal(t, 8080, port)
	_, ok = listeningPort("   0: 0100007F:1F90 0100007F:9999 01 00000000:00000000")
	require.False(t, ok)
	var ports map[string][]int
	a.json("GET", "/port", nil, 200, &ports)
	require.NotNil(t, ports["ports"])
}

func TestTheRestIsNotImplemented(t *testing.T) {
	a := startAgent(t)
	for _, target := range []string{"/process/pty", "/computeruse/status", "/lsp/start", "/nope"} {
		e := a.refuse("POST", target, nil, http.StatusNotImplemented, "NOT_FOUND")
		require.Contains(t, e.Message, target)
	}
	var version map[string]string
	a.json("GET", "/version", nil, 200, &version)
	require.Equal(t, Version, version["version"])
	a.json("GET", "/work-dir", nil, 200, &version)
	require.Equal(t, a.home, version["dir"])
}
