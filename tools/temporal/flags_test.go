package main

import (
	"io"
	"testing"

	"github.com/stretchr/testify/require"
	"go.temporal.io/api/enums/v1"
)

func TestParseTakesTheArgumentsOfTheSDKsDevServer(t *testing.T) {
	opts, err := parse([]string{
		"server", "start-dev", "--ip", "localhost", "--port", "7300", "--namespace", "pitwall",
		"--dynamic-config-value", "frontend.enableServerVersionCheck=false", "--log-level", "error", "--log-format", "json",
		"--headless", "--db-filename", "x.db", "--search-attribute", "CampaignId=keyword", "--dynamic-config-value", "a.b=12",
		"--dynamic-config-value", `a.c="10ms"`, "--sqlite-pragma", "synchronous=0",
	}, io.Discard)
	require.NoError(t, err)
	require.Equal(t, "127.0.0.1:7300", opts.frontendAddress())
	require.Equal(t, "127.0.0.1:8300", opts.uiAddress())
	require.Equal(t, []string{"default", "pitwall"}, opts.Namespaces)
	require.True(t, opts.Headless)
	require.Equal(t, "x.db", opts.DatabaseFile)
	require.Equal(t, map[string]string{"synchronous": "0"}, opts.SQLitePragmas)
	require.Equal(t, enums.INDEXED_VALUE_TYPE_KEYWORD, opts.SearchAttributes["CampaignId"])
	require.Equal(t, map[string]any{"frontend.enableServerVersionCheck": false, "a.b": 12, "a.c": "10ms"}, opts.DynamicConfig)
}

func TestParseRefuses(t *testing.T) {
	for name, test := range map[string]struct {
		args []string
		want string
	}{
		"another command":      {[]string{"workflow", "list"}, "the command is"},
		"an open address":      {[]string{"server", "start-dev", "--ip", "0.0.0.0"}, "not a loopback address"},
		"an open UI":           {[]string{"server", "start-dev", "--ui-ip", "10.0.0.1"}, "not a loopback address"},
		"a wrong port":         {[]string{"server", "start-dev", "--ui-port", "70000"}, "--ui-port 70000"},
		"a pair without value": {[]string{"server", "start-dev", "--search-attribute", "CampaignId"}, "not key=value"},
		"an unknown type":      {[]string{"server", "start-dev", "--search-attribute", "A=Blob"}, "not a search attribute type"},
		"a stray argument":     {[]string{"server", "start-dev", "now"}, `unexpected argument "now"`},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := parse(test.args, io.Discard)
			require.ErrorContains(t, err, test.want)
		})
	}
}
