package main

import (
	"bytes"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/stretchr/testify/require"

	"pitwall/test/sentryingest"
)

// A worker that cannot start tells Sentry, too, before it ends.
func TestAStartThatFailsIsReported(t *testing.T) {
	t.Parallel()
	ingest := sentryingest.Start(t)
	const key = "dtn_sentinel-3141592653"
	daytona := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(http.StatusUnauthorized)
		_, _ = w.Write([]byte(`{"statusCode":401,"message":"no such key: ` + key + `"}`))
	}))
	t.Cleanup(daytona.Close)
	var stderr bytes.Buffer
	code := execute(t.Context(), nil, []string{
		"XDG_STATE_HOME=" + t.TempDir(), "DAYTONA_API_URL=" + daytona.URL + "/api", "DAYTONA_API_KEY=" + key, "SENTRY_DSN=" + ingest.DSN,
	}, &stderr)
	require.NotZero(t, code)
	require.Contains(t, stderr.String(), "refuses the API key")
	require.Len(t, ingest.Events(), 1, stderr.String())
	event := ingest.Events()[0]
	require.Equal(t, []string{"worker", "WorkerFailed"}, event.Fingerprint)
	require.Equal(t, "fatal", event.Level)
	require.Contains(t, event.Exception[0].Value, "refuses the API key")
	require.Regexp(t, "^pitwall@.+", event.Release)
	require.NotContains(t, string(event.Raw), key)
	require.NotContains(t, stderr.String(), key)
}
