package daytona_test

import (
	"fmt"
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"

	"pitwall/internal/daytona"
	"pitwall/internal/daytona/daytonatest"
)

// collect walks a list and returns what it gave before its error.
func collect(t *testing.T, client *daytona.Client, options daytona.ListOptions) ([]daytona.Sandbox, error) {
	t.Helper()
	var sandboxes []daytona.Sandbox
	for sandbox, err := range client.ListSandboxes(generous(t), options) {
		if err != nil {
			return sandboxes, err
		}
		sandboxes = append(sandboxes, sandbox)
	}
	return sandboxes, nil
}

func TestListWalksAllPages(t *testing.T) {
	t.Parallel()
	server := daytonatest.Start(t, daytonatest.Options{PageSize: 3})
	client := server.Client(t)
	for i := range 17 {
		_, err := client.CreateSandbox(generous(t), daytona.CreateRequest{
			Name: fmt.Sprintf("x-%d", i), Labels: map[string]string{"odd": fmt.Sprint(i % 2), `q"`: "ü"},
		})
		require.NoError(t, err)
	}
	all, err := collect(t, client, daytona.ListOptions{})
	require.NoError(t, err)
	require.Len(t, all, 17)
	require.Equal(t, "x-0", all[0].Name, "oldest first")
	odd, err := collect(t, client, daytona.ListOptions{Labels: map[string]string{"odd": "1", `q"`: "ü"}, PageSize: 999})
	require.NoError(t, err)
	require.Len(t, odd, 8)
	named, err := collect(t, client, daytona.ListOptions{NamePrefix: "X-1", States: []string{"started", "stopped"}})
	require.NoError(t, err)
	require.Len(t, named, 8)
	for range client.ListSandboxes(generous(t), daytona.ListOptions{}) {
		break // a caller may stop at any time
	}
}

func TestListEndsWithAnErrorIfItDidNotReadAll(t *testing.T) {
	t.Parallel()
	page := func(cursor string) string {
		return fmt.Sprintf(`{"items":[{"id":"a"},{"id":"b"},{"id":"a"}],"nextCursor":%q}`, cursor)
	}
	for name, test := range map[string]struct {
		second http.HandlerFunc
		is     error
	}{
		"502":      {daytonaError(502, "bad"), nil},
		"not JSON": {func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("<html>")) }, daytona.ErrBadAnswer},
		"no items": {func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("{}")) }, daytona.ErrBadAnswer},
		"no id": {func(w http.ResponseWriter, _ *http.Request) {
			_, _ = w.Write([]byte(`{"items":[{}],"nextCursor":null}`))
		}, daytona.ErrBadAnswer},
		"the same cursor": {func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte(page("1"))) }, daytona.ErrBadAnswer},
		"cursor to cursor": {func(w http.ResponseWriter, r *http.Request) {
			_, _ = w.Write([]byte(page(r.FormValue("cursor") + "1")))
		}, daytona.ErrAnswerTooLarge},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			client := directClient(t, func(w http.ResponseWriter, r *http.Request) {
				if r.FormValue("cursor") == "" {
					_, _ = w.Write([]byte(page("1")))
					return
				}
				test.second(w, r)
			})
			got, err := collect(t, client, daytona.ListOptions{})
			require.Error(t, err)
			if test.is != nil {
				require.ErrorIs(t, err, test.is)
			}
			require.Len(t, got, 2, "each once")
		})
	}
}

func TestListDoesNotBelieveAServerThatOverlooksTheFilter(t *testing.T) {
	t.Parallel()
	client := directClient(t, func(w http.ResponseWriter, _ *http.Request) {
		_, _ = w.Write([]byte(`{"items":[{"id":"mine","labels":{"a":"1"}},{"id":"foreign","labels":{"a":"2"}},{"id":"bare"}],"nextCursor":null}`))
	})
	got, err := collect(t, client, daytona.ListOptions{Labels: map[string]string{"a": "1"}})
	require.NoError(t, err)
	require.Len(t, got, 1)
	require.Equal(t, "mine", got[0].ID)
}
