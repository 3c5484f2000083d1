//go:build linux

package toolbox

import (
	"bytes"
	"io"
	"mime/multipart"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

// However the wire cuts a journal into pieces, what is taken apart is the same.
func FuzzDemux(f *testing.F) {
	f.Add([]byte("\x01\x01\x01out\n\x02\x02\x02err\n"), 3)
	f.Add([]byte("no marker \x01\x01 \x02"), 1)
	f.Add([]byte("\x01\x01\x02\x02\x02\x01"), 2)
	f.Fuzz(func(t *testing.T, text []byte, size int) {
		size = max(1, size%100)
		wantOut, wantErr := demux(text)
		var out, errOut bytes.Buffer
		d := demuxer{stdout: &out, stderr: &errOut}
		for piece := text; len(piece) > 0; {
			n := min(size, len(piece))
			written, err := d.Write(piece[:n])
			require.NoError(t, err)
			require.Equal(t, n, written)
			piece = piece[n:]
		}
		require.NoError(t, d.flush())
		require.Equal(t, string(wantOut), out.String())
		require.Equal(t, string(wantErr), errOut.String())
		require.LessOrEqual(t, len(wantOut)+len(wantErr), len(text))
		require.Len(t, combine(text), len(wantOut)+len(wantErr))
	})
}

// Output without marker bytes comes back whole, in order within each stream.
func TestMarkedOutputComesBack(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var journal, out, errOut bytes.Buffer
		for range rapid.IntRange(0, 20).Draw(t, "records") {
			text := rapid.SliceOf(rapid.ByteRange(3, 255)).Draw(t, "text")
			if rapid.Bool().Draw(t, "stderr") {
				journal.Write(append(stderr.marker(), text...))
				errOut.Write(text)
				continue
			}
			journal.Write(append(stdout.marker(), text...))
			out.Write(text)
		}
		gotOut, gotErr := demux(journal.Bytes())
		require.Equal(t, out.String(), string(gotOut))
		require.Equal(t, errOut.String(), string(gotErr))
	})
}

// No multipart body makes the reader fail otherwise than by an answer, or hand a file to a path that was not given for it.
func FuzzBulkUpload(f *testing.F) {
	body, contentType := bulkBody(f, []sent{{"a", []byte("1")}, {"b/c", nil}})
	_, boundary, _ := strings.Cut(contentType, "boundary=")
	f.Add(body.String(), boundary)
	f.Add("--x\r\nContent-Disposition: form-data; name=\"files[0].file\"\r\n\r\nz\r\n--x--", "x")
	f.Add("--x\r\n\r\n", "x")
	f.Fuzz(func(t *testing.T, body, boundary string) {
		written := 0
		result := readUploads(multipart.NewReader(strings.NewReader(body), boundary), func(path string, r io.Reader) (int64, error) {
			written++
			require.Contains(t, body, path)
			require.LessOrEqual(t, len(path), maxPathBytes)
			return io.Copy(io.Discard, r)
		})
		require.LessOrEqual(t, len(result.Files), written)
		require.LessOrEqual(t, len(result.Files)+len(result.Errors), maxUploadFiles+1)
	})
}

// Any Range header gets the whole, a true part, or a refusal.
func FuzzRange(f *testing.F) {
	const content = "0123456789"
	home := f.TempDir()
	require.NoError(f, os.WriteFile(filepath.Join(home, "f"), []byte(content), 0o600))
	s, err := New(Config{Home: home, StateDir: filepath.Join(f.TempDir(), "state"), SingleUser: true})
	require.NoError(f, err)
	for _, seed := range []string{"bytes=0-1", "bytes=5-", "bytes=-3", "bytes=9-99", "bytes=1-2,4-5", "bytes=-", "lines=1"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, header string) {
		r := httptest.NewRequest(http.MethodGet, "/files/download?path=f", nil)
		r.Header["Range"] = []string{header}
		w := httptest.NewRecorder()
		s.Handler().ServeHTTP(w, r)
		switch w.Code {
		case http.StatusOK:
			require.Equal(t, content, w.Body.String())
		case http.StatusPartialContent:
			if !strings.HasPrefix(w.Header().Get("Content-Type"), "multipart/") {
				require.Contains(t, content, w.Body.String())
			}
		default:
			require.Equal(t, http.StatusRequestedRangeNotSatisfiable, w.Code)
		}
	})
}

// Whatever git prints is read without a fault.
func FuzzGitStatus(f *testing.F) {
	f.Add("# branch.head main\x00# branch.upstream origin/main\x00# branch.ab +1 -2\x001 M. N... 100644 100644 100644 a b f g\x00")
	f.Add("2 R. N... 100644 100644 100644 a b R100 new\x00old\x00? x\x00u UU N... 1 2 3 4 a b c f\x00")
	f.Add("1 \x002 R\x00u")
	f.Fuzz(func(t *testing.T, text string) {
		for _, file := range parseGitStatus(text).FileStatus {
			require.Contains(t, text, file.Name)
		}
	})
}

func TestGitStatus(t *testing.T) {
	got := parseGitStatus("# branch.oid x\x00# branch.head main\x00# branch.upstream origin/main\x00# branch.ab +1 -2\x00" +
		"1 .M N... 100644 100644 100644 a b dir/f g\x002 R. N... 100644 100644 100644 a b R100 new\x00old\x00? x y\x00u UU N... 1 2 3 4 a b c f\x00")
	require.Equal(t, gitStatusBody{
		CurrentBranch: "main", Upstream: "origin/main", BranchPublished: true, Ahead: 1, Behind: 2,
		FileStatus: []fileStatus{
			{"dir/f g", "", "Unmodified", "Modified"},
			{"new", "old", "Renamed", "Unmodified"},
			{"x y", "", "Untracked", "Untracked"},
			{"f", "", "Updated but unmerged", "Updated but unmerged"},
		},
	}, got)
}

func TestLimits(t *testing.T) {
	path := filepath.Join(t.TempDir(), "limits.json")
	read := func(text string) (Limits, error) {
		require.NoError(t, os.WriteFile(path, []byte(text), 0o600))
		return ReadLimits(path)
	}
	limits, err := read(`{"memory_bytes": 1, "processes": 2}`)
	require.NoError(t, err)
	require.Equal(t, Limits{MemoryBytes: 1, Processes: 2}, limits)
	_, err = read(`{"memory_byte": 1}`)
	require.ErrorContains(t, err, "memory_byte")
	_, err = read(`{"processes": -1}`)
	require.ErrorContains(t, err, "limit processes is -1")
	_, err = ReadLimits(path + "x")
	require.ErrorIs(t, err, os.ErrNotExist)
}
