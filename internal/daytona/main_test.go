package daytona_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"pitwall/internal/daytona"
	"pitwall/internal/daytona/daytonatest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// generous bounds a call that is expected to succeed.
func generous(t *testing.T) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	t.Cleanup(cancel)
	return ctx
}

// newSandbox makes a started sandbox on the server.
func newSandbox(t *testing.T, client *daytona.Client) daytona.Sandbox {
	t.Helper()
	sandbox, err := client.CreateSandbox(generous(t), daytona.CreateRequest{Name: "test-" + t.Name()})
	require.NoError(t, err)
	sandbox, err = client.WaitStarted(generous(t), sandbox.ID)
	require.NoError(t, err)
	return sandbox
}

// answering returns a client of a server that gives every request to one handler.
func answering(t *testing.T, handler http.HandlerFunc) *daytona.Client {
	t.Helper()
	server := httptest.NewServer(handler)
	t.Cleanup(server.Close)
	client, err := daytona.New(daytona.Config{APIURL: server.URL, APIKey: daytonatest.Key})
	require.NoError(t, err)
	t.Cleanup(client.CloseIdle)
	return client
}

// direct is a transport without a network, for tests in a bubble of fake time.
type direct struct{ handler http.HandlerFunc }

func (d direct) RoundTrip(r *http.Request) (*http.Response, error) {
	if err := r.Context().Err(); err != nil {
		return nil, err
	}
	received := *r
	if r.Body == nil {
		received.Body = http.NoBody // as a server has it
	}
	defer received.Body.Close()
	recorder := httptest.NewRecorder()
	d.handler(recorder, &received)
	return recorder.Result(), nil
}

func directClient(t *testing.T, handler http.HandlerFunc) *daytona.Client {
	t.Helper()
	client, err := daytona.New(daytona.Config{
		APIURL: "http://daytona.test/api", APIKey: daytonatest.Key, Transport: direct{handler},
	})
	require.NoError(t, err)
	return client
}
