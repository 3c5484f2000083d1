package daytona_test

import (
	"fmt"
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"

	"pitwall/internal/daytona"
)

func TestNewRefusesWhatCannotWork(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		config daytona.Config
		says   string
	}{
		"no key":        {daytona.Config{APIURL: "http://h"}, "set DAYTONA_API_KEY"},
		"blank in key":  {daytona.Config{APIURL: "http://h", APIKey: "a b"}, "API key holds a blank"},
		"line in key":   {daytona.Config{APIURL: "http://h", APIKey: "a\n"}, "API key holds a blank"},
		"no scheme":     {daytona.Config{APIURL: "app.daytona.io/api", APIKey: "k"}, `begin with "http://"`},
		"other scheme":  {daytona.Config{APIURL: "ftp://h", APIKey: "k"}, `begin with "http://"`},
		"no host":       {daytona.Config{APIURL: "http:///api", APIKey: "k"}, "names no host"},
		"user":          {daytona.Config{APIURL: "http://u:p@h", APIKey: "k"}, "no user"},
		"query":         {daytona.Config{APIURL: "http://h?x=1", APIKey: "k"}, "no user, query"},
		"not a URL":     {daytona.Config{APIURL: "http://h:port", APIKey: "k"}, "not a URL"},
		"odd org":       {daytona.Config{APIURL: "http://h", APIKey: "k", OrganizationID: "a\r\nb"}, "organization ID"},
		"two at a time": {daytona.Config{APIURL: "h"}, "set DAYTONA_API_KEY"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := daytona.New(test.config)
			require.ErrorContains(t, err, test.says)
		})
	}
}

func TestNothingPrintsTheKey(t *testing.T) {
	t.Parallel()
	config := daytona.Config{APIURL: "http://h/api/", APIKey: "dtn_secret"}
	client, err := daytona.New(config)
	require.NoError(t, err)
	for _, printed := range []string{
		fmt.Sprintf("%v %+v %#v", config, config, config), fmt.Sprintf("%v %+v", client, client),
	} {
		require.NotContains(t, printed, "dtn_secret")
	}
	require.Equal(t, "http://h/api", client.APIURL())
}

func TestEveryRequestCarriesTheHeaders(t *testing.T) {
	t.Parallel()
	var got http.Header
	client := directClient(t, func(_ http.ResponseWriter, r *http.Request) { got = r.Header })
	require.NoError(t, client.Health(generous(t)))
	require.Equal(t, "Bearer dtn_test_key", got.Get("Authorization"))
	require.Equal(t, "0.205.1", got.Get("X-Daytona-SDK-Version"))
	require.Equal(t, "pitwall", got.Get("X-Daytona-Source"))
	require.Empty(t, got.Get("X-Daytona-Organization-ID"))
}
