package daytona_test

import (
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/stretchr/testify/require"

	"pitwall/internal/daytona"
	"pitwall/internal/daytona/daytonatest"
)

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
		"short":        {daytona.UploadFile{Path: "a", Size: 5, Body: strings.NewReader("123")}, "read a to upload it: another length: 5 bytes promised, 3 found"},
		"long":         {daytona.UploadFile{Path: "a", Size: 2, Body: strings.NewReader("123")}, "read a to upload it: another length: 2 bytes promised, more found"},
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
