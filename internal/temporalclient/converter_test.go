package temporalclient_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/temporal"
	"google.golang.org/protobuf/encoding/protojson"

	"pitwall/internal/redact"
	"pitwall/internal/temporalclient"
)

const sentinel = "sentinel-of-the-failures"

func resolved(t *testing.T, keys *temporalclient.Keyring) client.Options {
	t.Helper()
	redactor := redact.New()
	redactor.Add("S", sentinel)
	settings, err := temporalclient.Resolve(temporalclient.Options{Keys: keys, Redactor: redactor, Env: noEnv{}})
	require.NoError(t, err)
	return settings
}

type noEnv struct{}

func (noEnv) Environ() []string               { return nil }
func (noEnv) LookupEnv(string) (string, bool) { return "", false }

// failing is an error with a secret in each of its parts.
func failing() error {
	cause := temporal.NewApplicationError("cause with "+sentinel, "Inner")
	return temporal.NewApplicationErrorWithOptions("message with "+sentinel, "Outer", temporal.ApplicationErrorOptions{
		NonRetryable: true, Cause: cause, Details: []any{"a detail"},
	})
}

func TestFailuresAreRedacted(t *testing.T) {
	settings := resolved(t, nil)
	failure := settings.FailureConverter.ErrorToFailure(failing())
	text, err := protojson.Marshal(failure)
	require.NoError(t, err)
	require.NotContains(t, string(text), sentinel)
	back := settings.FailureConverter.FailureToError(failure)
	var app *temporal.ApplicationError
	require.ErrorAs(t, back, &app)
	require.Equal(t, "message with [REDACTED:S]", app.Message())
	require.Equal(t, "Outer", app.Type())
	require.True(t, app.NonRetryable())
	var detail string
	require.NoError(t, app.Details(&detail))
	require.Equal(t, "a detail", detail)
	require.ErrorContains(t, errors.Unwrap(app), "cause with [REDACTED:S]")
	require.Nil(t, settings.FailureConverter.ErrorToFailure(nil))
}

// A message that was cut to its bound may end with the first half of a secret.
func TestACutMessageKeepsNoHalfOfASecret(t *testing.T) {
	settings := resolved(t, nil)
	cut := "the end is " + sentinel[:15] + " …(cut)"
	failure := settings.FailureConverter.ErrorToFailure(temporal.NewApplicationError(cut, "T"))
	require.Equal(t, "the end is  …(cut)", failure.GetMessage())
	failure = settings.FailureConverter.ErrorToFailure(temporal.NewApplicationError("the end is a fact …(cut)", "T"))
	require.Equal(t, "the end is a fact …(cut)", failure.GetMessage())
}

func TestFailuresAreEncryptedWithPayloads(t *testing.T) {
	settings := resolved(t, ring(t, keyOf("a", 1)))
	failure := settings.FailureConverter.ErrorToFailure(failing())
	for again := range 2 { // also one that came out of a history
		text, err := protojson.Marshal(failure)
		require.NoError(t, err)
		require.NotContains(t, string(text), "message with", again)
		require.Equal(t, 2, strings.Count(string(text), "Encoded failure"))
		back := settings.FailureConverter.FailureToError(failure)
		require.Equal(t, "Encoded failure", failure.GetMessage(), "reading it leaves it as it was")
		require.ErrorContains(t, back, "message with [REDACTED:S]")
		require.ErrorContains(t, errors.Unwrap(back), "cause with [REDACTED:S]")
		failure = settings.FailureConverter.ErrorToFailure(back)
	}
}
