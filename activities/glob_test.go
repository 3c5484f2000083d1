package activities

import (
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"pitwall/internal/daytona"
	"pitwall/internal/daytona/daytonatest"
)

func (b box) glob(pattern string) []string {
	b.t.Helper()
	found := []string{}
	require.NoError(b.t, walkGlob(b.t.Context(), b.jobs.toolbox(b.sandbox), pattern, func(path string, _ daytona.FileInfo) error {
		found = append(found, path)
		return nil
	}))
	return found
}

func TestGlob(t *testing.T) {
	b := newBox(t)
	for _, path := range []string{"a.txt", "out/1.csv", "out/2.csv", "out/deep/3.csv", "out/deep/er/4.csv", "out/[x].csv"} {
		b.write("/home/daytona/"+path, path)
	}
	b.write("/tmp/made/t.txt", "t")
	const home = "/home/daytona/"
	cases := map[string][]string{
		home + "a.txt":          {home + "a.txt"},
		home + "./out/../a.txt": {home + "a.txt"},
		home + "none":           {},
		home + "none/a.txt":     {},
		home + "out":            {}, // a rule names files
		home + "a.txt/x":        {},
		home + "out/*.csv":      {home + "out/1.csv", home + "out/2.csv", home + "out/[x].csv"},
		home + "out/?.csv":      {home + "out/1.csv", home + "out/2.csv"},
		home + "out/[12].csv":   {home + "out/1.csv", home + "out/2.csv"},
		home + "out/*/*.csv":    {home + "out/deep/3.csv"},
		home + "out/**":         {home + "out/1.csv", home + "out/2.csv", home + "out/[x].csv", home + "out/deep/3.csv", home + "out/deep/er/4.csv"},
		home + "**/*.csv":       {home + "out/1.csv", home + "out/2.csv", home + "out/[x].csv", home + "out/deep/3.csv", home + "out/deep/er/4.csv"},
		home + "**/deep/*":      {home + "out/deep/3.csv"},
		"/tmp/made/*":           {"/tmp/made/t.txt"},
		"/tmp/*/t.txt":          {"/tmp/made/t.txt"},
		home + "[":              {}, // no pattern at all
	}
	for pattern, want := range cases {
		require.Equal(t, want, b.glob(pattern), pattern)
	}
}

func TestGlobFollowsNoLink(t *testing.T) {
	b := newBox(t)
	b.write("/home/daytona/real/a.txt", "a")
	b.link("/home/daytona/out", "real")
	b.link("/home/daytona/deep/out", "../real")
	b.link("/home/daytona/real/self", ".")
	b.link("/tmp/up", "../home/daytona/real")
	for _, pattern := range []string{"/home/daytona/out/a.txt", "/home/daytona/out/*", "/home/daytona/out/**", "/home/daytona/deep/out/a.txt", "/home/daytona/*/out/a.txt", "/tmp/up/a.txt"} {
		require.Empty(t, b.glob(pattern), pattern)
	}
	require.Equal(t, []string{"/home/daytona/real/a.txt", "/home/daytona/real/self"}, b.glob("/home/daytona/real/**"), "a link is an entry, not a way")
}

func TestGlobTakesARefusedFolderForAnEmptyOneAndABrokenSandboxForAnError(t *testing.T) {
	b := newBox(t)
	b.write("/home/daytona/out/a.txt", "a")
	b.server.Fail(daytonatest.Fault{Path: "/files", Do: daytonatest.Raw(http.StatusForbidden, "application/json", `{"statusCode":403,"message":"denied","source":"DAYTONA_DAEMON"}`)})
	require.Empty(t, b.glob("/home/daytona/out/*"))
	b.server.SetState(b.sandbox.ID, daytona.StateStopped, daytona.StateStopped, "")
	err := walkGlob(t.Context(), b.jobs.toolbox(b.sandbox), "/home/daytona/out/*", func(string, daytona.FileInfo) error { return nil })
	require.Error(t, err)
}

func TestGlobGivesUpOnAFloodOfNames(t *testing.T) {
	b := newBox(t)
	nothing := func(string, daytona.FileInfo) error { return nil }
	many := "[" + strings.Repeat(`{"name":"x","size":1,"isDir":false,"mode":"-rw-r--r--"},`, maxWalkEntries) + `{"name":"y","size":1,"isDir":false,"mode":"-rw-r--r--"}]`
	b.server.Fail(daytonatest.Fault{Path: "/files", Do: daytonatest.Raw(http.StatusOK, "application/json", many)})
	require.ErrorIs(t, walkGlob(t.Context(), b.jobs.toolbox(b.sandbox), "/home/daytona/*", nothing), errWalkTooMuch)
	b.server.Fail(daytonatest.Fault{Path: "/files", Do: daytonatest.Raw(http.StatusOK, "application/json", "["+strings.Repeat(" ", 17<<20)+"]")})
	require.ErrorIs(t, walkGlob(t.Context(), b.jobs.toolbox(b.sandbox), "/home/daytona/*", nothing), errWalkTooMuch)
}

func TestGlobEndsEarly(t *testing.T) {
	b := newBox(t)
	b.write("/home/daytona/1", "")
	b.write("/home/daytona/2", "")
	visits := 0
	require.NoError(t, walkGlob(t.Context(), b.jobs.toolbox(b.sandbox), "/home/daytona/*", func(string, daytona.FileInfo) error {
		visits++
		return errWalkEnough
	}))
	require.Equal(t, 1, visits)
}
