package activities

import (
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/testsuite"
	"go.uber.org/zap"

	"pitwall/internal/artifact"
	"pitwall/internal/daytona"
	"pitwall/internal/daytona/daytonatest"
)

// box is one sandbox of a fake Daytona whose root is a folder of the test's.
type box struct {
	t       *testing.T
	server  *daytonatest.Server
	jobs    *Jobs
	sandbox CreatedSandbox
	root    string
}

func newBox(t *testing.T) box {
	t.Helper()
	return newBoxOf(t, daytonatest.Options{
		Execute: func(e daytonatest.Execution) (int, string) { return 0, e.Dir },
		Around:  fromRoot,
	})
}

func newBoxOf(t *testing.T, options daytonatest.Options) box {
	t.Helper()
	b := box{t: t, server: daytonatest.Start(t, options)}
	client := b.server.Client(t)
	made, err := client.CreateSandbox(t.Context(), daytona.CreateRequest{Name: "box"})
	require.NoError(t, err)
	store, err := artifact.Open(t.Context(), "mem://")
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, store.Close()) })
	b.jobs = &Jobs{Daytona: client, Store: store, Log: zap.NewNop()}
	b.sandbox = CreatedSandbox{ID: made.ID, Name: "box", ToolboxURL: made.ToolboxProxyURL}
	where, err := b.jobs.toolbox(b.sandbox).Execute(t.Context(), daytona.ExecuteRequest{Command: "where", Timeout: time.Minute})
	require.NoError(t, err)
	b.root = where.Output
	return b
}

// fromRoot makes the fake's paths, which are relative to a sandbox's folder, those of a sandbox.
func fromRoot(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if query := r.URL.Query(); query.Has("path") {
			relative := strings.TrimPrefix(query.Get("path"), "/")
			if relative == "" {
				relative = "."
			}
			query.Set("path", relative)
			r.URL.RawQuery = query.Encode()
		}
		next.ServeHTTP(w, r)
	})
}

func (b box) write(path, content string) {
	b.t.Helper()
	require.NoError(b.t, os.MkdirAll(filepath.Dir(filepath.Join(b.root, path)), 0o755))
	require.NoError(b.t, os.WriteFile(filepath.Join(b.root, path), []byte(content), 0o600))
}

func (b box) link(path, to string) {
	b.t.Helper()
	require.NoError(b.t, os.MkdirAll(filepath.Dir(filepath.Join(b.root, path)), 0o755))
	require.NoError(b.t, os.Symlink(to, filepath.Join(b.root, path)))
}

// activityEnv runs activities with a minute's patience.
func activityEnv(t *testing.T, acts ...any) *testsuite.TestActivityEnvironment {
	var suite testsuite.WorkflowTestSuite
	env := suite.NewTestActivityEnvironment()
	env.SetTestTimeout(time.Minute)
	for _, a := range acts {
		env.RegisterActivity(a)
	}
	return env
}
