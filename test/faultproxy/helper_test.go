package faultproxy_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/coder/websocket"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"pitwall/internal/daytona"
	"pitwall/internal/daytona/daytonatest"
	"pitwall/test/faultproxy"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// patience bounds every wait: these tests run beside builds on two cores.
const patience = 30 * time.Second

// rig is a proxy in front of a fake Daytona.
type rig struct {
	t      *testing.T
	server *daytonatest.Server
	proxy  *faultproxy.Proxy
	url    string // of the proxy
	client *daytona.Client
}

func newRig(t *testing.T, rules ...faultproxy.Rule) *rig {
	t.Helper()
	server := daytonatest.Start(t, daytonatest.Options{
		Around:  streams,
		Execute: func(daytonatest.Execution) (int, string) { return 0, "done" },
	})
	r := &rig{t: t, server: server}
	var err error
	r.proxy, err = faultproxy.New(strings.TrimSuffix(server.URL, "/api"), faultproxy.Script{Rules: rules})
	require.NoError(t, err)
	front := httptest.NewServer(r.proxy)
	t.Cleanup(func() {
		r.proxy.Close()
		front.Close()
	})
	r.url = front.URL
	r.client, err = daytona.New(daytona.Config{APIURL: front.URL + "/api", APIKey: daytonatest.Key})
	require.NoError(t, err)
	t.Cleanup(r.client.CloseIdle)
	return r
}

// streams adds what the fake has not: a WebSocket that counts up without end, and a log that is followed.
func streams(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch {
		case strings.HasSuffix(r.URL.Path, "/socket"):
			conn, err := websocket.Accept(w, r, nil)
			if err != nil {
				return
			}
			defer conn.CloseNow()
			ctx := conn.CloseRead(r.Context())
			for i := 0; conn.Write(ctx, websocket.MessageText, fmt.Appendf(nil, "line %4d", i)) == nil; i++ {
			}
		case r.URL.Query().Get("follow") == "true":
			next.ServeHTTP(httptest.NewRecorder(), r) // for its record of requests
			_, _ = io.WriteString(w, strings.Repeat("a line of the log\n", 10))
		default:
			next.ServeHTTP(w, r)
		}
	})
}

func (r *rig) create(name string, labels map[string]string) daytona.Sandbox {
	r.t.Helper()
	made, err := r.server.Client(r.t).CreateSandbox(r.t.Context(), daytona.CreateRequest{Name: name, Labels: labels})
	require.NoError(r.t, err)
	return made
}

// made is a sandbox that was made through the proxy.
func (r *rig) made(name string, labels map[string]string) daytona.Sandbox {
	r.t.Helper()
	made, err := r.client.CreateSandbox(r.t.Context(), daytona.CreateRequest{Name: name, Labels: labels})
	require.NoError(r.t, err)
	return made
}

// heard is what came back of a request.
type heard struct {
	status int
	header http.Header
	body   string
	err    error // of the connection, or of the body
}

func (r *rig) do(ctx context.Context, method, path, body string) heard {
	r.t.Helper()
	request, err := http.NewRequestWithContext(ctx, method, r.url+path, strings.NewReader(body))
	require.NoError(r.t, err)
	request.Header.Set("Authorization", "Bearer "+daytonatest.Key)
	if contentType, found := strings.CutPrefix(body, "--"); found {
		boundary, _, _ := strings.Cut(contentType, "\r\n")
		request.Header.Set("Content-Type", "multipart/form-data; boundary="+boundary)
	}
	transport := &http.Transport{DisableKeepAlives: true}
	resp, err := transport.RoundTrip(request)
	if err != nil {
		return heard{err: err}
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	return heard{resp.StatusCode, resp.Header, string(text), err}
}

// upload is a body of one file.
const upload = "--edge\r\nContent-Disposition: form-data; name=\"files[0].path\"\r\n\r\nf.txt\r\n" +
	"--edge\r\nContent-Disposition: form-data; name=\"files[0].file\"; filename=\"f\"\r\n\r\nsome words in a file\r\n--edge--\r\n"

// send makes a call about a sandbox.
func (r *rig) send(ctx context.Context, call faultproxy.Call, id string) heard {
	r.t.Helper()
	method, path, body := request(call, id)
	return r.do(ctx, method, path, body)
}

func request(call faultproxy.Call, id string) (method, path, body string) {
	api, toolbox := "/api/sandbox", "/toolbox/"+id
	switch call {
	case faultproxy.Create:
		return "POST", api, `{"name":"made","labels":{"who":"me"}}`
	case faultproxy.Get:
		return "GET", api + "/" + id, ""
	case faultproxy.List:
		return "GET", api + "?limit=100", ""
	case faultproxy.Delete:
		return "DELETE", api + "/" + id, ""
	case faultproxy.Start:
		return "POST", api + "/" + id + "/start", ""
	case faultproxy.Stop:
		return "POST", api + "/" + id + "/stop", ""
	case faultproxy.Execute:
		return "POST", toolbox + "/process/execute", `{"command":"true"}`
	case faultproxy.Upload:
		return "POST", toolbox + "/files/bulk-upload", upload
	case faultproxy.Download:
		return "GET", toolbox + "/files/download?path=old.txt", ""
	case faultproxy.Files:
		return "GET", toolbox + "/files?path=.", ""
	case faultproxy.Stream:
		return "GET", toolbox + "/logs?follow=true", ""
	case faultproxy.Other:
		return "GET", "/api/api-keys/current", ""
	}
	panic("no such call: " + call)
}

// served counts what the server saw of a call.
func (r *rig) served(call faultproxy.Call, id string) int {
	method, path, _ := request(call, id)
	path, _, _ = strings.Cut(path, "?")
	served := 0
	for _, seen := range r.server.Requests(method, path) {
		if seen.Path == path {
			served++
		}
	}
	return served
}

func (r *rig) eventually(what string, met func() bool) {
	r.t.Helper()
	require.Eventually(r.t, met, patience, 5*time.Millisecond, what)
}

func (r *rig) reached(g *faultproxy.Gate) {
	r.t.Helper()
	select {
	case <-g.Reached():
	case <-time.After(patience):
		r.t.Fatal("no call came to the gate")
	}
}

// isReset says whether a connection ended without an answer.
func isReset(err error) bool {
	return err != nil && (strings.Contains(err.Error(), "reset by peer") || errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF))
}
