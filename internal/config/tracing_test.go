package config

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestTracesAreOffUnlessAnEndpointIsNamed(t *testing.T) {
	const endpoint = "OTEL_EXPORTER_OTLP_ENDPOINT=http://127.0.0.1:4318"
	for name, c := range map[string]struct {
		environ []string
		on      bool
	}{
		"nothing":           {nil, false},
		"empty":             {[]string{"OTEL_EXPORTER_OTLP_ENDPOINT="}, false},
		"endpoint":          {[]string{endpoint}, true},
		"of traces":         {[]string{"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT=https://collector/x"}, true},
		"exporter, none":    {[]string{endpoint, "OTEL_TRACES_EXPORTER=none"}, false},
		"exporter, otlp":    {[]string{endpoint, "OTEL_TRACES_EXPORTER=otlp"}, true},
		"disabled":          {[]string{endpoint, "OTEL_SDK_DISABLED=true"}, false},
		"exporter, no more": {[]string{"OTEL_TRACES_EXPORTER=otlp"}, false},
	} {
		t.Run(name, func(t *testing.T) {
			environ, _ := at(t, c.environ...)
			loaded, err := Load(environ)
			require.NoError(t, err)
			require.Equal(t, c.on, loaded.Traces())
		})
	}
}

// The SDK would send nothing, and say nothing.
func TestWrongSettingsOfTracesAreSaid(t *testing.T) {
	for pair, want := range map[string]string{
		"OTEL_EXPORTER_OTLP_ENDPOINT=127.0.0.1:4318":   "OTEL_EXPORTER_OTLP_ENDPOINT is not a URL: want such as http://127.0.0.1:4318",
		"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT=unix:///x": `OTEL_EXPORTER_OTLP_TRACES_ENDPOINT has the scheme "unix"`,
		"OTEL_EXPORTER_OTLP_PROTOCOL=grpc":             `OTEL_EXPORTER_OTLP_PROTOCOL="grpc" is not known: want http/protobuf, http/json`,
		"OTEL_TRACES_EXPORTER=zipkin":                  `OTEL_TRACES_EXPORTER="zipkin" is not known`,
		"OTEL_SDK_DISABLED=maybe":                      "OTEL_SDK_DISABLED is not true or false",
	} {
		environ, _ := at(t, "OTEL_EXPORTER_OTLP_ENDPOINT=http://127.0.0.1:4318", pair)
		_, err := Load(environ)
		require.ErrorContains(t, err, want)
	}
	environ, _ := at(t, "OTEL_EXPORTER_OTLP_PROTOCOL=grpc")
	_, err := Load(environ)
	require.NoError(t, err, "another program's setting, as long as nothing is traced")
}
