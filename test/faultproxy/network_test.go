package faultproxy_test

import (
	"bufio"
	"bytes"
	"context"
	"crypto/sha256"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/coder/websocket"
	"github.com/stretchr/testify/require"

	"pitwall/internal/daytona"
	"pitwall/internal/daytona/daytonatest"
	fp "pitwall/test/faultproxy"
)

// TestCut: calls under way are reset, new ones hang and go on afterwards, and those whose client gave up never arrive.
func TestCut(t *testing.T) {
	r := newRig(t)
	box := r.made("box", nil)
	held := r.proxy.Hold(fp.Point{Call: fp.Get, Side: fp.After})
	answers := make(chan heard, 1)
	go func() { answers <- r.send(t.Context(), fp.Get, box.ID) }()
	r.reached(held)
	r.proxy.Cut(true)
	require.True(t, isReset((<-answers).err))
	held.Open()

	served := r.served(fp.Execute, box.ID)
	patient := make(chan heard, 1)
	go func() { patient <- r.send(t.Context(), fp.Execute, box.ID) }()
	for _, call := range []fp.Call{fp.Create, fp.Upload, fp.List} {
		ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
		require.ErrorIs(t, r.send(ctx, call, box.ID).err, context.DeadlineExceeded)
		cancel()
	}
	require.Equal(t, served, r.served(fp.Execute, box.ID))
	r.proxy.Cut(false)
	require.Equal(t, 200, (<-patient).status)
	require.Equal(t, []string{"box"}, r.server.Living())
	require.Zero(t, r.served(fp.Upload, box.ID))
}

// TestCutStreams: what flows stops at once.
func TestCutStreams(t *testing.T) {
	r := newRig(t)
	conn, _, err := websocket.Dial(t.Context(), r.url+"/toolbox/x/socket", nil)
	require.NoError(t, err)
	defer conn.CloseNow()
	_, _, err = conn.Read(t.Context())
	require.NoError(t, err)
	r.proxy.Cut(true)
	for err == nil {
		_, _, err = conn.Read(t.Context())
	}
	require.Equal(t, websocket.StatusCode(-1), websocket.CloseStatus(err), "no close frame: %v", err)
}

// TestWebSocketCut: it ends after so many bytes, without a goodbye.
func TestWebSocketCut(t *testing.T) {
	r := newRig(t, fp.Rule{Fault: fp.StreamCut, Bytes: 45})
	conn, _, err := websocket.Dial(t.Context(), r.url+"/toolbox/x/socket", nil)
	require.NoError(t, err)
	defer conn.CloseNow()
	lines := 0
	for ; err == nil; lines++ {
		_, _, err = conn.Read(t.Context())
	}
	require.Equal(t, 45/11, lines-1, "frames of 2 bytes of header and 9 of text")
	require.Equal(t, websocket.StatusCode(-1), websocket.CloseStatus(err), "no close frame: %v", err)
}

// TestLargeBodies: 30 MiB in both directions, through our own client.
func TestLargeBodies(t *testing.T) {
	r := newRig(t)
	box := r.made("box", nil)
	content := bytes.Repeat([]byte("0123456789abcdef"), 30<<20/16)
	toolbox := r.client.Toolbox(box)
	require.NoError(t, upload1(t.Context(), toolbox, "big", content))
	body, _, err := toolbox.Download(t.Context(), "big", 0, -1)
	require.NoError(t, err)
	defer body.Close()
	sum := sha256.New()
	size, err := io.Copy(sum, body)
	require.NoError(t, err)
	require.Equal(t, int64(len(content)), size)
	require.Equal(t, fmt.Sprintf("%x", sha256.Sum256(content)), fmt.Sprintf("%x", sum.Sum(nil)))
}

// TestLargeUploadRefused: a client hears the answer of a fault though it is still sending.
func TestLargeUploadRefused(t *testing.T) {
	r := newRig(t, fp.Rule{Fault: fp.BadGatewayBefore, Call: fp.Upload})
	box := r.made("box", nil)
	err := upload1(t.Context(), r.client.Toolbox(box), "big", make([]byte, 30<<20))
	require.ErrorContains(t, err, "502")
}

// TestHeaders: host, query, a wish to go on, and a client that closes its half.
func TestHeaders(t *testing.T) {
	var host, query, read string
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		host, query, read = r.Host, r.URL.RawQuery, string(body)
		w.Header().Set("X-Answer", "yes")
	}))
	defer server.Close()
	proxy, err := fp.New(server.URL, fp.Script{})
	require.NoError(t, err)
	defer proxy.Close()
	conn, err := net.Dial("tcp", strings.TrimPrefix(serve(t, proxy), "http://"))
	require.NoError(t, err)
	defer conn.Close()
	_, err = io.WriteString(conn, "POST /toolbox/x/files/upload?path=a;b HTTP/1.1\r\nHost: daytona.example\r\nExpect: 100-continue\r\n"+
		"Transfer-Encoding: chunked\r\n\r\n")
	require.NoError(t, err)
	reader := bufio.NewReader(conn)
	line, err := reader.ReadString('\n')
	require.NoError(t, err)
	require.Contains(t, line, "100 Continue")
	_, err = io.WriteString(conn, "4\r\nbody\r\n0\r\n\r\n")
	require.NoError(t, err)
	_, err = reader.ReadString('\n')
	require.NoError(t, err)
	resp, err := http.ReadResponse(reader, nil)
	require.NoError(t, err)
	defer resp.Body.Close()
	require.Equal(t, "yes", resp.Header.Get("X-Answer"))
	require.Equal(t, []string{"daytona.example", "path=a;b", "body"}, []string{host, query, read})

	_, err = io.WriteString(conn, "POST /toolbox/x/files/upload HTTP/1.1\r\nHost: daytona.example\r\nContent-Length: 100\r\n\r\nhalf")
	require.NoError(t, err)
	require.NoError(t, conn.(*net.TCPConn).CloseWrite())
	_, _ = io.ReadAll(reader) // ends, with an answer or without
	require.Equal(t, "body", read)
}

// TestServerDown: the client hears something while the server is away, and is served when it is back.
func TestServerDown(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	address := listener.Addr().String()
	handler := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "here") })
	server := &httptest.Server{Listener: listener, Config: &http.Server{Handler: handler}} //nolint:gosec // a test's
	server.Start()
	proxy, err := fp.New("http://"+address, fp.Script{})
	require.NoError(t, err)
	defer proxy.Close()
	r := &rig{t: t, proxy: proxy, url: serve(t, proxy)}
	require.Equal(t, "here", r.send(t.Context(), fp.Get, "x").body)
	server.CloseClientConnections()
	server.Close()
	require.True(t, isReset(r.send(t.Context(), fp.Get, "x").err))
	listener, err = net.Listen("tcp", address)
	require.NoError(t, err)
	server = &httptest.Server{Listener: listener, Config: &http.Server{Handler: handler}} //nolint:gosec // a test's
	server.Start()
	defer server.Close()
	require.Equal(t, "here", r.send(t.Context(), fp.Get, "x").body)
}

// TestServe: the proxy's own server, and its end while calls are held.
func TestServe(t *testing.T) {
	server := daytonatest.Start(t, daytonatest.Options{})
	proxy, err := fp.New(strings.TrimSuffix(server.URL, "/api"), fp.Script{})
	require.NoError(t, err)
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	ended := make(chan error, 1)
	go func() { ended <- proxy.Serve(listener) }()
	r := &rig{t: t, server: server, proxy: proxy, url: "http://" + listener.Addr().String()}
	gate := proxy.Hold(fp.Point{Call: fp.Create})
	answer := make(chan heard, 1)
	go func() { answer <- r.send(t.Context(), fp.Create, "") }()
	r.reached(gate)
	proxy.Close()
	require.Error(t, (<-answer).err)
	require.NoError(t, <-ended)
	require.Empty(t, server.Living())
	_, err = fp.New("127.0.0.1:1", fp.Script{})
	require.ErrorContains(t, err, "http://HOST:PORT")
}

func upload1(ctx context.Context, toolbox *daytona.Toolbox, path string, content []byte) error {
	return toolbox.Upload(ctx, []daytona.UploadFile{{Path: path, Size: int64(len(content)), Body: bytes.NewReader(content)}})
}
