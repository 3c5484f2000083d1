package daytona_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"pitwall/internal/daytona"
	"pitwall/internal/daytona/daytonatest"
)

// toolboxOf returns a toolbox whose every request goes to one handler.
func toolboxOf(t *testing.T, handler http.HandlerFunc) *daytona.Toolbox {
	t.Helper()
	return directClient(t, handler).Toolbox(daytona.Sandbox{ID: "the/id", ToolboxProxyURL: "http://proxy.test/toolbox/"})
}

func TestToolboxFindsItsAddress(t *testing.T) {
	t.Parallel()
	server := daytonatest.Start(t, daytonatest.Options{HideProxyURL: true})
	client := server.Client(t)
	sandbox := newSandbox(t, client)
	server.Fail(daytonatest.Fault{Path: "toolbox-proxy-url", Do: daytonatest.Answer(500, "later")})
	toolbox := client.Toolbox(sandbox)
	_, err := toolbox.Version(generous(t))
	require.True(t, daytona.Transient(err), "%v", err)
	for range 2 {
		version, err := toolbox.AsRoot().Version(generous(t))
		require.NoError(t, err)
		require.Equal(t, "0.205.1-test", version)
	}
	require.Len(t, server.Requests("GET", "toolbox-proxy-url"), 2, "once after it failed")
	require.Equal(t, "root", server.Requests("GET", "/version")[1].Header.Get("X-Pitwall-User"))
	_, err = toolbox.Version(generous(t))
	require.NoError(t, err)
	require.Empty(t, server.Requests("GET", "/version")[2].Header.Get("X-Pitwall-User"))
}

func TestToolboxKeepsTheKeyOffOddProxies(t *testing.T) {
	t.Parallel()
	for proxy, refused := range map[string]bool{
		"https://proxy.test/toolbox": false, "http://127.0.0.1:9/toolbox": false, "http://[::1]:9": false, "http://localhost:1": false,
		"http://proxy.test/toolbox": true, "ftp://proxy.test": true, "//proxy.test": true, "javascript:alert(1)": true,
	} {
		client, err := daytona.New(daytona.Config{
			APIURL: "https://daytona.test/api", APIKey: "k",
			Transport: direct{func(w http.ResponseWriter, _ *http.Request) {
				if refused {
					t.Errorf("sent to %s", proxy)
				}
				_, _ = w.Write([]byte(`{}`))
			}},
		})
		require.NoError(t, err)
		_, err = client.Toolbox(daytona.Sandbox{ID: "i", ToolboxProxyURL: proxy}).Version(generous(t))
		require.Equal(t, refused, err != nil, "%s: %v", proxy, err)
	}
}

func TestToolboxPathsAndBodies(t *testing.T) {
	t.Parallel()
	var got []string
	toolbox := toolboxOf(t, func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		got = append(got, strings.TrimSpace(r.Method+" "+r.URL.String()+" "+string(body)))
		_, _ = w.Write([]byte(`{"exitCode":0,"name":"a"}`))
	})
	ctx := generous(t)
	_, err := toolbox.Execute(ctx, daytona.ExecuteRequest{
		Command: "a\x00b", Cwd: "/x", Env: map[string]string{"A": "1"}, Timeout: 1500 * time.Millisecond,
	})
	require.NoError(t, err)
	_, err = toolbox.Info(ctx, "a b&c=d/../\xff#?")
	require.NoError(t, err)
	require.NoError(t, toolbox.MakeFolder(ctx, "d", 0o4755))
	require.NoError(t, toolbox.Delete(ctx, "d", true))
	require.NoError(t, toolbox.GitClone(ctx, daytona.GitCloneRequest{URL: "https://g/r", Path: "r", Commit: "abc"}))
	require.Equal(t, []string{
		`POST http://proxy.test/toolbox/the%2Fid/process/execute {"command":"a\u0000b","cwd":"/x","envs":{"A":"1"},"timeout":2}`,
		`GET http://proxy.test/toolbox/the%2Fid/files/info?path=a+b%26c%3Dd%2F..%2F%FF%23%3F`,
		`POST http://proxy.test/toolbox/the%2Fid/files/folder?mode=0755&path=d`,
		`DELETE http://proxy.test/toolbox/the%2Fid/files?path=d&recursive=true`,
		`POST http://proxy.test/toolbox/the%2Fid/git/clone {"url":"https://g/r","path":"r","commit_id":"abc"}`,
	}, got)
}

func TestToolboxRefusesNonsenseUnsent(t *testing.T) {
	t.Parallel()
	toolbox := toolboxOf(t, func(http.ResponseWriter, *http.Request) { t.Error("sent") })
	ctx := generous(t)
	_, err := toolbox.Execute(ctx, daytona.ExecuteRequest{})
	require.ErrorIs(t, err, daytona.ErrInvalidRequest)
	_, err = toolbox.Info(ctx, "")
	require.ErrorIs(t, err, daytona.ErrInvalidRequest)
	_, err = toolbox.List(ctx, "a\x00b")
	require.ErrorIs(t, err, daytona.ErrInvalidRequest)
	_, _, err = toolbox.Download(ctx, "a", -1, 5)
	require.ErrorIs(t, err, daytona.ErrInvalidRequest)
	_, _, err = toolbox.Download(ctx, "a", 0, 0)
	require.ErrorIs(t, err, daytona.ErrInvalidRequest)
	require.ErrorIs(t, toolbox.GitClone(ctx, daytona.GitCloneRequest{URL: "u"}), daytona.ErrInvalidRequest)
	body := strings.NewReader("")
	for _, files := range [][]daytona.UploadFile{
		{{Path: "", Body: body}},
		{{Path: "a"}},
		{{Path: "a", Body: body}, {Path: "a", Body: body}},
		make([]daytona.UploadFile, 10_001),
	} {
		require.ErrorIs(t, toolbox.Upload(ctx, files), daytona.ErrInvalidRequest)
	}
	require.NoError(t, toolbox.Upload(ctx, nil))
}

// What a proxy or daemon answers, and what the caller may make of it: whether the sandbox must be read again first.
func TestToolboxErrors(t *testing.T) {
	t.Parallel()
	daemon := func(code string) string {
		return `{"statusCode":404,"message":"m","code":"` + code + `","source":"DAYTONA_DAEMON"}`
	}
	for name, test := range map[string]struct {
		status  int
		body    string
		is      error
		suspect bool
	}{
		"not started":           {400, `{"message":"failed to resolve container IP after 3 attempts. Is the Sandbox started?"}`, daytona.ErrSandboxNotRunning, true},
		"archived":              {404, `{"message":"sandbox container not found"}`, daytona.ErrSandboxNotRunning, true},
		"destroyed":             {401, `{"message":"authentication failed: Bearer token is invalid"}`, daytona.ErrUnauthorized, true},
		"dying":                 {502, "", nil, true},
		"file missing, new":     {404, daemon("FILE_NOT_FOUND"), daytona.ErrNotFound, false},
		"file missing, old":     {404, "", daytona.ErrNotFound, true},
		"bad request, new":      {400, daemon("BAD_REQUEST"), daytona.ErrBadRequest, false},
		"timed out":             {408, daemon("PROCESS_EXECUTION_TIMEOUT"), daytona.ErrExecTimeout, false},
		"no such route":         {404, "404 page not found", daytona.ErrUnsupported, true},
		"not implemented":       {501, daemon("NOT_IMPLEMENTED"), daytona.ErrUnsupported, false},
		"quota is no one's say": {400, `{"message":"quota"}`, daytona.ErrBadRequest, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			toolbox := toolboxOf(t, func(w http.ResponseWriter, r *http.Request) { daytonatest.Raw(test.status, "", test.body)(w, r, nil) })
			_, err := toolbox.Info(generous(t), "x")
			if test.is != nil {
				require.ErrorIs(t, err, test.is)
			}
			require.Equal(t, test.suspect, errors.Is(err, daytona.ErrSandboxSuspect), "%v", err)
		})
	}
	toolbox := answering(t, func(w http.ResponseWriter, r *http.Request) { daytonatest.ResetBefore(w, r, nil) }).
		Toolbox(daytona.Sandbox{ID: "i", ToolboxProxyURL: "http://127.0.0.1:1"})
	_, err := toolbox.Version(generous(t))
	require.True(t, daytona.Transient(err))
	require.NotErrorIs(t, err, daytona.ErrSandboxSuspect, "the proxy was never reached")
}

func TestExecute(t *testing.T) {
	t.Parallel()
	server := daytonatest.Start(t, daytonatest.Options{Execute: func(e daytonatest.Execution) (int, string) { return 3, "ran " + e.Command }})
	client := server.Client(t)
	toolbox := client.Toolbox(newSandbox(t, client))
	result, err := toolbox.Execute(generous(t), daytona.ExecuteRequest{Command: "x"})
	require.NoError(t, err)
	require.Equal(t, daytona.ExecuteResult{ExitCode: 3, Output: "ran x"}, result)
	_, err = toolbox.Execute(generous(t), daytona.ExecuteRequest{Command: "sleep 9", Timeout: time.Second})
	require.ErrorIs(t, err, daytona.ErrExecTimeout)
	require.False(t, daytona.Transient(err))
	server.Fail(daytonatest.Fault{Path: "execute", Do: daytonatest.HangAfter})
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	_, err = toolbox.Execute(ctx, daytona.ExecuteRequest{Command: "x"})
	require.ErrorIs(t, err, context.DeadlineExceeded)
}

func TestExecuteDoesNotTakeAnythingForSuccess(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		body string
		is   error
	}{
		"no exit code": {`{"result":"ok"}`, daytona.ErrBadAnswer},
		"text":         {`ok`, daytona.ErrBadAnswer},
		"exit text":    {`{"exitCode":"0"}`, daytona.ErrBadAnswer},
		"flood":        {`{"exitCode":0,"result":"` + strings.Repeat("x", daytona.MaxExecuteAnswer) + `"}`, daytona.ErrAnswerTooLarge},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			toolbox := toolboxOf(t, func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, test.body) })
			_, err := toolbox.Execute(generous(t), daytona.ExecuteRequest{Command: "x"})
			require.ErrorIs(t, err, test.is)
			require.NotErrorIs(t, err, daytona.ErrSandboxSuspect)
		})
	}
}

func TestListRefusesNamesThatLeadElsewhere(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"", ".", "..", "../x", "/etc/passwd", `a\u0000b`} {
		toolbox := toolboxOf(t, func(w http.ResponseWriter, _ *http.Request) {
			_, _ = io.WriteString(w, `[{"name":"good","size":1},{"name":"`+name+`"}]`)
		})
		_, err := toolbox.List(generous(t), ".")
		require.ErrorIs(t, err, daytona.ErrBadAnswer, name)
	}
	toolbox := toolboxOf(t, func(w http.ResponseWriter, _ *http.Request) {
		_, _ = io.WriteString(w, `[{"name":"a","size":1,"mode":"-rw-r--r--"},{"name":"l","mode":"Lrwxrwxrwx"},{"name":"p","mode":"prw-r--r--"}]`)
	})
	files, err := toolbox.List(generous(t), ".")
	require.NoError(t, err)
	require.True(t, files[0].Regular())
	require.False(t, files[1].Regular() || files[2].Regular())
}

func TestGitCloneHidesThePassword(t *testing.T) {
	t.Parallel()
	toolbox := toolboxOf(t, func(w http.ResponseWriter, r *http.Request) {
		daytonatest.Answer(401, "cannot clone https://u:hunter2@g/r")(w, r, nil)
	})
	err := toolbox.GitClone(generous(t), daytona.GitCloneRequest{URL: "https://g/r", Path: "r", Username: "u", Password: "hunter2"})
	require.ErrorContains(t, err, "https://u:[redacted]@g/r")
}
