//go:build linux

package toolbox

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/getkin/kin-openapi/openapi2"
	"github.com/getkin/kin-openapi/openapi2conv"
	"github.com/getkin/kin-openapi/openapi3filter"
	"github.com/getkin/kin-openapi/routers"
	"github.com/getkin/kin-openapi/routers/legacy"
	"github.com/stretchr/testify/require"
)

// spec is Daytona's published description of the toolbox API.
func spec(t *testing.T) routers.Router {
	t.Helper()
	data := os.Getenv("PITWALL_TEST_DATA")
	if data == "" {
		const reason = "not run: the contract with Daytona's OpenAPI, because PITWALL_TEST_DATA is not set"
		if os.Getenv("PITWALL_TEST_STRICT") == "1" {
			t.Fatal(reason)
		}
		t.Skip(reason)
	}
	text, err := os.ReadFile(filepath.Join(data, "daytona-openapi", "toolbox.json"))
	require.NoError(t, err)
	var v2 openapi2.T
	require.NoError(t, json.Unmarshal(text, &v2))
	v3, err := openapi2conv.ToV3(&v2)
	require.NoError(t, err)
	v3.Servers = nil
	router, err := legacy.NewRouter(v3)
	require.NoError(t, err)
	return router
}

// contract sends requests to the agent, and holds each request and answer to the description.
type contract struct {
	*agent
	router routers.Router
}

func (c contract) check(method, target, body, contentType string) answer {
	c.t.Helper()
	var reader io.Reader = strings.NewReader(body)
	got := c.do(method, target, reader, "Content-Type", contentType, versionHeader, splitVersion)
	req, err := http.NewRequestWithContext(context.Background(), method, target, strings.NewReader(body))
	require.NoError(c.t, err)
	req.Header.Set("Content-Type", contentType)
	route, params, err := c.router.FindRoute(req)
	require.NoError(c.t, err, "%s %s", method, target)
	input := &openapi3filter.RequestValidationInput{
		Request: req, PathParams: params, Route: route,
		Options: &openapi3filter.Options{IncludeResponseStatus: true, ExcludeRequestBody: strings.HasPrefix(contentType, "multipart/")},
	}
	if got.status < 400 {
		require.NoError(c.t, openapi3filter.ValidateRequest(c.t.Context(), input), "%s %s", method, target)
	}
	// For downloads the description has errors as octet streams, which no daemon sends.
	isJSON := strings.HasPrefix(got.header.Get("Content-Type"), "application/json") && !strings.HasPrefix(target, "/files/download")
	if isJSON || len(got.body) == 0 {
		require.NoError(c.t, openapi3filter.ValidateResponse(c.t.Context(), &openapi3filter.ResponseValidationInput{
			RequestValidationInput: input, Status: got.status, Header: got.header, Body: io.NopCloser(bytes.NewReader(got.body)),
			Options: input.Options,
		}), "%s %s: %s", method, target, got.body)
	}
	return got
}

func (c contract) json(method, target, body string, status int) answer {
	c.t.Helper()
	got := c.check(method, target, body, "application/json")
	require.Equal(c.t, status, got.status, "%s %s: %s", method, target, got.body)
	return got
}

func TestContract(t *testing.T) {
	c := contract{startAgent(t), spec(t)}
	body, contentType := bulkBody(t, []sent{{"a.txt", []byte("needle")}})
	require.Equal(t, 200, c.check("POST", "/files/bulk-upload", body.String(), contentType).status)
	body, contentType = bulkBody(t, []sent{{".", nil}})
	require.Equal(t, 400, c.check("POST", "/files/bulk-upload", body.String(), contentType).status)

	for _, call := range []struct {
		method, target, body string
		status               int
	}{
		{"GET", "/version", "", 200},
		{"GET", "/work-dir", "", 200},
		{"GET", "/user-home-dir", "", 200},
		{"GET", "/port", "", 200},
		{"GET", "/port/3000/in-use", "", 200},
		{"GET", "/port/1/in-use", "", 400},
		{"POST", "/env", `{"set":{"A":"b"}}`, 200},
		{"POST", "/process/execute", `{"command":"exit 3"}`, 200},
		{"POST", "/process/execute", `{"command":""}`, 400},
		{"POST", "/process/execute", `{"command":"sleep 60","timeout":1}`, 408},
		{"POST", "/process/code-run", `{"language":"python","code":"print(1)"}`, 200},
		{"POST", "/process/code-run", `{"language":"cobol","code":"x"}`, 400},
		{"POST", "/process/session", `{"sessionId":"s"}`, 201},
		{"POST", "/process/session", `{"sessionId":"s"}`, 409},
		{"GET", "/process/session", "", 200},
		{"GET", "/process/session/s", "", 200},
		{"GET", "/process/session/none", "", 404},
		{"GET", "/process/session/entrypoint", "", 404},
		{"POST", "/process/session/s/exec", `{"command":"echo x"}`, 200},
		{"POST", "/process/session/none/exec", `{"command":"x"}`, 404},
		{"GET", "/process/session/s/command/none", "", 404},
		{"GET", "/process/session/s/command/none/logs", "", 404},
		{"GET", "/files?path=.", "", 200},
		{"GET", "/files?path=none", "", 404},
		{"GET", "/files/info?path=a.txt", "", 200},
		{"GET", "/files/info?path=none", "", 404},
		{"GET", "/files/find?path=.&pattern=needle", "", 200},
		{"GET", "/files/search?path=.&pattern=*.txt", "", 200},
		{"POST", "/files/replace", `{"files":["a.txt"],"pattern":"needle","newValue":"x"}`, 200},
		{"POST", "/files/folder?path=d&mode=755", "", 201},
		{"POST", "/files/move?source=a.txt&destination=b.txt", "", 200},
		{"POST", "/files/move?source=b.txt&destination=d", "", 409},
		{"POST", "/files/permissions?path=b.txt&mode=600", "", 200},
		{"GET", "/files/download?path=b.txt", "", 200},
		{"GET", "/files/download?path=none", "", 404},
		{"DELETE", "/files?path=d", "", 400},
		{"DELETE", "/files?path=d&recursive=true", "", 204},
		{"GET", "/git/status?path=none", "", 404},
		{"POST", "/git/clone", `{"url":"/no/such/repository","path":"r"}`, 404},
	} {
		c.json(call.method, call.target, call.body, call.status)
	}

	var started sessionAnswer
	require.NoError(t, json.Unmarshal(c.json("POST", "/process/session/s/exec", `{"command":"read x","runAsync":true}`, 202).body, &started))
	command := "/process/session/s/command/" + started.CmdID
	c.json("GET", command, "", 200)
	c.json("GET", command+"/logs", "", 200)
	sessionClient{c.agent, ""}.sendLine(command, "x")
	sessionClient{c.agent, ""}.wait(command)
	c.json("POST", command+"/input", `{"data":"x"}`, 410)
	require.Equal(t, 204, c.do("DELETE", "/process/session/s", nil).status)
	require.Equal(t, 0, c.execute(executeRequest{Command: "git init -q r && touch r/f"}).ExitCode)
	c.json("GET", "/git/status?path=r", "", 200)
}
