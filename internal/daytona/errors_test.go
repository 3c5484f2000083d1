package daytona_test

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"pitwall/internal/daytona"
	"pitwall/internal/daytona/daytonatest"
)

func TestErrorTellsWhatTheServerSaid(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		status            int
		contentType, body string
		message           string
	}{
		"control plane":     {403, "application/json", `{"statusCode":403,"error":"Forbidden","message":"not yours"}`, "not yours"},
		"validator's list":  {400, "application/json", `{"message":["name a","name b"],"error":"Bad Request"}`, "name a; name b"},
		"error only":        {500, "application/json", `{"error":"boom"}`, "boom"},
		"message is a map":  {500, "application/json", `{"message":{"a":1}}`, `{"a":1}`},
		"gateway":           {502, "text/html; charset=utf-8", "<html><body>x</body>", "an HTML page, not an answer of Daytona"},
		"text":              {500, "text/plain", "  went\x00 wrong\n", "went  wrong"},
		"empty":             {404, "", "", ""},
		"not UTF-8":         {500, "text/plain", "a\xff\xfeb", "a\uFFFDb"},
		"the key":           {401, "application/json", `{"message":"bad key dtn_test_key!"}`, "bad key [redacted]!"},
		"escape characters": {500, "text/plain", "\x1b]0;evil\x07", "]0;evil"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			client := directClient(t, func(w http.ResponseWriter, r *http.Request) {
				daytonatest.Raw(test.status, test.contentType, test.body)(w, r, nil)
			})
			_, err := client.GetSandbox(generous(t), "a/../b")
			var failed *daytona.Error
			require.ErrorAs(t, err, &failed)
			require.Equal(t, test.message, failed.Message)
			require.Equal(t, test.status, failed.Status)
			require.Equal(t, "/sandbox/a%2F..%2Fb", failed.Path)
			require.Contains(t, err.Error(), fmt.Sprintf("get sandbox: GET /sandbox/a%%2F..%%2Fb: %d", test.status))
		})
	}
}

func TestErrorTextIsShort(t *testing.T) {
	t.Parallel()
	client := directClient(t, func(w http.ResponseWriter, r *http.Request) {
		daytonatest.Raw(500, "text/plain", strings.Repeat("é", 1<<20))(w, r, nil)
	})
	_, err := client.GetSandbox(generous(t), "x")
	require.Less(t, len(err.Error()), 2000)
}

func TestRetryAfterInAllItsForms(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		header, value string
		least, most   time.Duration
	}{
		"plain":         {"Retry-After", "3", 3 * time.Second, 3 * time.Second},
		"suffixed":      {"Retry-After-sandbox-create", "42", 42 * time.Second, 42 * time.Second},
		"fraction":      {"Retry-After-authenticated", "0.5", time.Second / 2, time.Second / 2},
		"date":          {"Retry-After", time.Now().Add(100 * time.Second).UTC().Format(http.TimeFormat), 90 * time.Second, 101 * time.Second},
		"past":          {"Retry-After", "Mon, 02 Jan 2006 15:04:05 GMT", 0, 0},
		"negative":      {"Retry-After", "-5", 0, 0},
		"nonsense":      {"Retry-After", "soon", 0, 0},
		"a year":        {"Retry-After", "31536000", 10 * time.Minute, 10 * time.Minute},
		"not a number":  {"Retry-After", "NaN", 0, 0},
		"infinite":      {"Retry-After", "Inf", 10 * time.Minute, 10 * time.Minute},
		"another thing": {"Retry-Afterwards", "5", 0, 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			client := directClient(t, func(w http.ResponseWriter, r *http.Request) {
				daytonatest.Answer(429, "ThrottlerException: Too Many Requests", test.header, test.value)(w, r, nil)
			})
			_, err := client.GetSandbox(generous(t), "x")
			require.ErrorIs(t, err, daytona.ErrRateLimited)
			require.True(t, daytona.Transient(err))
			require.GreaterOrEqual(t, daytona.RetryAfter(err), test.least)
			require.LessOrEqual(t, daytona.RetryAfter(err), test.most)
		})
	}
}

func TestNotFoundMustBeDaytonasOwn(t *testing.T) {
	t.Parallel()
	for body, own := range map[string]bool{
		`{"statusCode":404,"message":"Sandbox with ID or name x not found","error":"Not Found"}`: true,
		`{"message":"Sandbox x not found"}`:                       true,
		`{"statusCode":404,"message":"Cannot GET /v2/sandbox/x"}`: false,
		`{"message":"no Route matched with those values"}`:        false,
		`{"error":{"code":404,"message":"not found"}}`:            false,
		`{"statusCode":404}`:                                      false,
		"404 page not found":                                      false,
		"":                                                        false,
		"[]":                                                      false,
	} {
		client := directClient(t, func(w http.ResponseWriter, r *http.Request) { daytonatest.Raw(404, "", body)(w, r, nil) })
		_, err := client.GetSandbox(generous(t), "x")
		require.Equal(t, own, errors.Is(err, daytona.ErrNotFound), body)
		require.Equal(t, !own, errors.Is(err, daytona.ErrBadAnswer), body)
		require.Equal(t, !own, daytona.Transient(err), body)
	}
}

func TestAnswersAreBounded(t *testing.T) {
	t.Parallel()
	endless := func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.WriteString(w, `{"id":"`)
		chunk := strings.Repeat("x", 1<<20)
		for r.Context().Err() == nil {
			if _, err := io.WriteString(w, chunk); err != nil {
				return
			}
		}
	}
	client := answering(t, endless)
	_, err := client.GetSandbox(generous(t), "x")
	require.ErrorIs(t, err, daytona.ErrAnswerTooLarge)
	require.False(t, daytona.Transient(err))
}

func TestGetRefusesAnotherSandbox(t *testing.T) {
	t.Parallel()
	client := directClient(t, func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte(`{"id":"b","name":"c"}`)) })
	_, err := client.GetSandbox(generous(t), "a")
	require.ErrorIs(t, err, daytona.ErrBadAnswer)
	_, err = client.GetSandbox(generous(t), "c")
	require.NoError(t, err)
	_, err = client.GetSandbox(generous(t), "")
	require.ErrorIs(t, err, daytona.ErrInvalidRequest)
}

func TestDiagnose(t *testing.T) {
	t.Parallel()
	cause := errors.New("bare 502")
	for name, test := range map[string]struct {
		state string
		is    error
	}{
		"up":       {daytona.StateStarted, nil},
		"stopped":  {daytona.StateStopped, daytona.ErrSandboxNotRunning},
		"stopping": {daytona.StateStopping, daytona.ErrSandboxNotRunning},
		"broken":   {daytona.StateError, daytona.ErrStartFailed},
		"leaving":  {daytona.StateDestroying, daytona.ErrSandboxGone},
		"gone":     {daytona.StateDestroyed, daytona.ErrSandboxGone},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server := daytonatest.Start(t, daytonatest.Options{DestroyPolls: 5})
			client := server.Client(t)
			sandbox := newSandbox(t, client)
			server.SetState(sandbox.ID, test.state, "", "")
			_, err := client.Diagnose(generous(t), sandbox.ID, cause)
			require.ErrorIs(t, err, cause)
			for _, sentinel := range []error{daytona.ErrSandboxNotRunning, daytona.ErrStartFailed, daytona.ErrSandboxGone} {
				require.Equal(t, sentinel == test.is, errors.Is(err, sentinel), "%v: %v", sentinel, err)
			}
		})
	}
}
