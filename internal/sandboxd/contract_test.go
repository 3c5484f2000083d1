//go:build linux

package sandboxd

import (
	"bytes"
	"io"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/getkin/kin-openapi/openapi3filter"
	"github.com/getkin/kin-openapi/routers"
	"github.com/getkin/kin-openapi/routers/legacy"
	"github.com/stretchr/testify/require"
)

// contract checks exchanges against Daytona's published OpenAPI document.
type contract struct {
	t      *testing.T
	router routers.Router
	seen   map[string]bool
}

func loadContract(t *testing.T) *contract {
	t.Helper()
	data := os.Getenv("PITWALL_TEST_DATA")
	if data == "" {
		if os.Getenv("PITWALL_TEST_STRICT") == "1" {
			t.Fatal("not run: needs Daytona's OpenAPI document, and PITWALL_TEST_DATA is not set")
		}
		t.Skip("not run: needs Daytona's OpenAPI document, and PITWALL_TEST_DATA is not set")
	}
	document, err := openapi3.NewLoader().LoadFromFile(filepath.Join(data, "daytona-openapi", "api.json"))
	require.NoError(t, err)
	document.Servers = openapi3.Servers{{URL: "/api"}}
	document.Components.SecuritySchemes, document.Security = nil, nil
	for _, item := range document.Paths.Map() {
		for _, operation := range item.Operations() {
			operation.Security = nil
		}
	}
	document.Paths.Delete("/sandbox/{sandboxId}/secrets") // the router cannot tell it from /sandbox/{sandboxIdOrName}/secrets
	router, err := legacy.NewRouter(document, openapi3.DisableExamplesValidation())
	require.NoError(t, err)
	return &contract{t: t, router: router, seen: map[string]bool{}}
}

// check validates one exchange.
func (c *contract) check(request *http.Request, response *http.Response, body []byte) {
	c.t.Helper()
	local := request.Clone(request.Context())
	local.URL = &url.URL{Path: request.URL.Path, RawQuery: request.URL.RawQuery}
	local.Body = request.Body
	route, params, err := c.router.FindRoute(local)
	require.NoError(c.t, err, "%s %s", request.Method, request.URL.Path)
	input := &openapi3filter.RequestValidationInput{Request: local, PathParams: params, Route: route}
	require.NoError(c.t, openapi3filter.ValidateRequest(c.t.Context(), input), "%s %s", request.Method, request.URL.Path)
	err = openapi3filter.ValidateResponse(c.t.Context(), &openapi3filter.ResponseValidationInput{
		RequestValidationInput: input, Status: response.StatusCode, Header: response.Header, Body: io.NopCloser(bytes.NewReader(body)),
	})
	require.NoError(c.t, err, "%s %s: %s", request.Method, request.URL.Path, body)
	c.seen[request.Method+" "+route.Path] = true
}

func TestAnswersKeepDaytonasContract(t *testing.T) {
	k := loadContract(t)
	c := serve(t)
	c.see = k.check
	id := c.create(map[string]any{
		"name": "k", "env": map[string]string{"A": "b"}, "labels": map[string]string{"l": "m"},
		"autoStopInterval": 0, "autoDeleteInterval": 30, "ttlMinutes": 60, "target": "us", "networkBlockAll": true, "public": false,
	})
	for _, call := range []struct {
		method, path string
		body         any
	}{
		{"GET", "/api/sandbox/k", nil},
		{"GET", "/api/sandbox?limit=5&states=started&states=stopped", nil},
		{"PUT", "/api/sandbox/k/labels", map[string]any{"labels": map[string]string{"x": "y"}}},
		{"POST", "/api/sandbox/k/autostop/5", nil},
		{"POST", "/api/sandbox/k/autodelete/5", nil},
		{"POST", "/api/sandbox/k/autoarchive/5", nil},
		{"POST", "/api/sandbox/k/ttl/5", nil},
		{"POST", "/api/sandbox/" + id + "/last-activity", map[string]any{"activityType": "x"}},
		{"GET", "/api/sandbox/" + id + "/toolbox-proxy-url", nil},
		{"GET", "/api/snapshots", nil},
		{"GET", "/api/snapshots/default", nil},
		{"GET", "/api/config", nil},
		{"GET", "/api/api-keys/current", nil},
		{"GET", "/api/health", nil},
		{"GET", "/api/health/ready", nil},
		{"POST", "/api/sandbox/k/stop?force=false", nil},
		{"POST", "/api/sandbox/k/start", nil},
		{"DELETE", "/api/sandbox/k", nil},
	} {
		status, body := c.raw(call.method, call.path, call.body)
		require.Less(t, status, 300, "%s %s: %s", call.method, call.path, body)
	}
	require.GreaterOrEqual(t, len(k.seen), 18)
}
