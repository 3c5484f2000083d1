package config

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestReportsAreOffUnlessConfigured(t *testing.T) {
	environ, _ := at(t)
	c, err := Load(environ)
	require.NoError(t, err)
	require.False(t, c.Reports())
	require.False(t, c.Observes())

	environ, _ = at(t, "SENTRY_DSN=https://key@sentry.example/42", "PITWALL_GALILEO_API_KEY=key", "PITWALL_GALILEO_PROJECT=p",
		"PITWALL_GALILEO_API_KEY_HEADER=X-SF-Token", "PITWALL_GALILEO_LOG_STREAM_HEADER=experimentid", "PITWALL_GALILEO_LOG_STREAM=e")
	c, err = Load(environ)
	require.NoError(t, err)
	require.True(t, c.Reports())
	require.True(t, c.Observes())
	require.Equal(t, "https://api.galileo.ai/otel/traces", c.GalileoEndpoint)
	headers := c.GalileoHeaders()
	require.Equal(t, "key", headers.Get("X-SF-Token"))
	require.Equal(t, "p", headers.Get("project"))
	require.Equal(t, "e", headers.Get("experimentid"))
	require.Len(t, headers, 3)
}

func TestWrongSettingsOfReportsAreSaid(t *testing.T) {
	for want, pairs := range map[string][]string{
		"SENTRY_DSN is not a DSN: want https://KEY@HOST/PROJECT":                  {"SENTRY_DSN=https://secret-host/42"},
		"SENTRY_DSN is not a DSN":                                                 {"SENTRY_DSN=secret"},
		"PITWALL_GALILEO_PROJECT is not set":                                      {"PITWALL_GALILEO_API_KEY=secret"},
		`PITWALL_GALILEO_API_KEY_HEADER="a b" is not the name of a header`:        {"PITWALL_GALILEO_API_KEY=secret", "PITWALL_GALILEO_PROJECT=p", "PITWALL_GALILEO_API_KEY_HEADER=a b"},
		"PITWALL_GALILEO_API_KEY has a control character":                         {"PITWALL_GALILEO_API_KEY=secret\n", "PITWALL_GALILEO_PROJECT=p"},
		"PITWALL_GALILEO_ENDPOINT is not a URL: want such as https://api.galileo": {"PITWALL_GALILEO_API_KEY=secret", "PITWALL_GALILEO_PROJECT=p", "PITWALL_GALILEO_ENDPOINT=:secret"},
	} {
		environ, _ := at(t, pairs...)
		_, err := Load(environ)
		require.ErrorContains(t, err, want)
		require.NotContains(t, err.Error(), "secret")
	}
}
