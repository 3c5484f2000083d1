package webhook_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"pitwall/internal/webhook"
)

func TestSendSaysWhetherAnotherTryMayHelp(t *testing.T) {
	for status, want := range map[int]string{200: "", 204: "", 301: "refused", 400: "refused", 401: "refused", 404: "refused", 408: "again", 429: "again", 500: "again", 503: "again"} {
		t.Run(strconv.Itoa(status), func(t *testing.T) {
			var paths []string
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				paths = append(paths, r.URL.Path)
				w.Header().Set("Location", "/elsewhere")
				w.WriteHeader(status)
			}))
			defer server.Close()
			err := webhook.New(server.URL+"/hook?token=hidden", "").Send(t.Context(), "k", []byte("{}"))
			switch want {
			case "":
				require.NoError(t, err)
			case "refused":
				require.ErrorIs(t, err, webhook.ErrRefused)
			default:
				require.Error(t, err)
				require.NotErrorIs(t, err, webhook.ErrRefused)
			}
			require.Equal(t, []string{"/hook"}, paths, "a redirect is not followed")
		})
	}
}

func TestAMessageIsSignedAndHasItsKey(t *testing.T) {
	var got *http.Request
	var body []byte
	server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		got = r
		body, _ = io.ReadAll(r.Body)
	}))
	defer server.Close()
	require.NoError(t, webhook.New(server.URL, "a secret").Send(t.Context(), "key-1", []byte(`{"a":1}`)))
	require.Equal(t, "key-1", got.Header.Get("Idempotency-Key"))
	stamp, _, _ := strings.Cut(strings.TrimPrefix(got.Header.Get("Pitwall-Signature"), "t="), ",")
	unix, err := strconv.ParseInt(stamp, 10, 64)
	require.NoError(t, err)
	require.Equal(t, webhook.Sign("a secret", time.Unix(unix, 0), body), got.Header.Get("Pitwall-Signature"))
	require.NotEqual(t, webhook.Sign("another", time.Unix(unix, 0), body), got.Header.Get("Pitwall-Signature"))
	// Computed with python3: hmac.new(b"k", b"1.x", "sha256").hexdigest()
	require.Equal(t, "t=1,v1=976cb87e4f568d1c0f03f32859e90af8597cf00b978ba37c229c97d3a15b8449", webhook.Sign("k", time.Unix(1, 0), []byte("x")))
}

func TestAnErrorHidesTheURL(t *testing.T) {
	server := httptest.NewServer(http.NotFoundHandler())
	server.Close()
	err := webhook.New(server.URL+"/hidden-token", "").Send(t.Context(), "k", nil)
	require.Error(t, err)
	require.NotContains(t, err.Error(), "hidden-token")
}
