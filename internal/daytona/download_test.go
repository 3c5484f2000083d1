package daytona_test

import (
	"context"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"pitwall/internal/daytona"
	"pitwall/internal/daytona/daytonatest"
)

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
				require.Error(t, test.fails, "%v", err)
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
