package faultproxy

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net"
	"net/http"
	"sync"
	"time"
)

// maxKeptBody is of a request, in memory; the server takes no more of a control plane request.
const maxKeptBody = 1 << 20

var (
	errGone = errors.New("the client has no connection any more")
	errLost = errors.New("the answer is to be lost")
)

// exchange is one call on its way. All of it but sever runs in the call's own goroutine.
type exchange struct {
	p       *Proxy
	w       http.ResponseWriter
	r       *http.Request // its context ends with client, network or proxy
	cancel  context.CancelFunc
	request Request
	named   string        // the id or name in the path
	whole   bool          // the request's body is in memory
	held    bool          // it stood at a gate
	rule    *armed        // of the fault that it meets; nil: none
	turn    int           // how often the rule has been met, this time included
	cleared chan struct{} // ends what the fault does
	severed chan struct{}
	once    sync.Once // of severed

	gate *Gate // the last that it stopped at; guarded by Proxy.mu

	mu   sync.Mutex
	conn net.Conn // after it was hijacked
	gone bool     // reset
}

func (p *Proxy) enter(w http.ResponseWriter, r *http.Request) (*exchange, bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed || len(p.live) == maxExchanges {
		return nil, false
	}
	ctx, cancel := context.WithCancel(r.Context())
	x := &exchange{p: p, w: w, r: r.WithContext(ctx), cancel: cancel, severed: make(chan struct{})}
	p.live[x] = struct{}{}
	p.work.Add(1)
	return x, true
}

func (p *Proxy) leave(x *exchange) {
	defer func() {
		x.cancel()
		p.mu.Lock()
		delete(p.live, x)
		p.mu.Unlock()
		p.work.Done()
	}()
	select {
	case <-x.severed:
		x.reset()
	default:
	}
}

// read learns what the call is, and takes a small body, or the beginning of one that a matcher may see, into memory.
func (x *exchange) read() bool {
	// As in the server itself: an answer may come before the last of the body was read.
	_ = http.NewResponseController(x.w).EnableFullDuplex()
	call, named := classify(x.r)
	x.named = named
	x.request = Request{Call: call, Method: x.r.Method, Path: x.r.URL.EscapedPath(), Query: x.r.URL.RawQuery, SandboxID: named}
	wanted := call == Create || call == Execute
	length := x.r.ContentLength
	if x.whole = length == 0; !x.whole && (wanted || length > 0 && length <= maxKeptBody) {
		kept, err := io.ReadAll(io.LimitReader(x.r.Body, maxKeptBody+1))
		if err != nil {
			x.reset()
			return false
		}
		x.whole = len(kept) <= maxKeptBody
		x.r.Body = struct {
			io.Reader
			io.Closer
		}{io.MultiReader(bytes.NewReader(kept), x.r.Body), x.r.Body}
		if x.whole {
			x.r.Body = io.NopCloser(bytes.NewReader(kept))
		}
		if wanted {
			x.request.Body = kept[:min(len(kept), maxKeptBody)]
		}
	}
	x.describe()
	return true
}

// describe adds what is known of the sandbox.
func (x *exchange) describe() {
	switch {
	case x.request.Call == Create:
		var body struct {
			Name   string
			Labels map[string]string
		}
		_ = json.Unmarshal(x.request.Body, &body) // nonsense is the server's to refuse
		x.request.Name, x.request.Labels = body.Name, body.Labels
	case x.request.Call == List:
		x.request.Labels = labelsAsked(x.r)
	case x.named != "":
		if known, found := x.p.sandboxes.find(x.named); found {
			x.request.SandboxID, x.request.Name, x.request.Labels = known.id, known.name, known.labels
		}
	}
}

// before is what happens on this side of the server; false when the client needs nothing more.
func (x *exchange) before() bool {
	x.p.meet(x)
	x.p.tell(Before, x.request, 0)
	if !x.stop(Before) {
		x.reset()
		return false
	}
	return x.rule == nil || x.rule.kind.before == nil || x.rule.kind.before(x)
}

// RoundTrip asks the server, and is what happens on its other side. An error resets the client.
func (x *exchange) RoundTrip(out *http.Request) (*http.Response, error) {
	resp, err := x.send(out)
	status := 0
	if err == nil {
		status = resp.StatusCode
	}
	x.p.tell(After, x.request, status)
	if !x.stop(After) {
		err = errors.Join(err, errLost)
	}
	if err == nil && x.rule != nil && x.rule.kind.after != nil {
		err = x.rule.kind.after(x, resp)
	}
	if err == nil {
		err = x.mask(resp)
	}
	if err == nil && x.isGone() {
		err = errGone
	}
	if err != nil && resp != nil {
		_ = resp.Body.Close()
		return nil, err
	}
	return resp, err
}

// reset cuts the client off with a RST.
func (x *exchange) reset() {
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.gone {
		return
	}
	if x.gone = true; x.conn == nil {
		conn, _, err := http.NewResponseController(x.w).Hijack()
		if err != nil {
			panic(http.ErrAbortHandler) // not HTTP/1: the server closes the stream
		}
		x.conn = conn
	}
	abort(x.conn)
}

func abort(conn net.Conn) {
	if tcp, ok := conn.(*net.TCPConn); ok {
		_ = tcp.SetLinger(0)
	}
	_ = conn.Close()
}

func (x *exchange) isGone() bool {
	x.mu.Lock()
	defer x.mu.Unlock()
	return x.gone
}

// await waits for a channel to be closed, whatever becomes of the client; false when the proxy is closed.
func (x *exchange) await(done <-chan struct{}) bool { return x.wait(done, nil) }

// pause waits for a time, or for Clear, whatever becomes of the client; false when the proxy is closed.
func (x *exchange) pause(delay time.Duration) bool {
	timer := time.NewTimer(delay)
	defer timer.Stop()
	return x.wait(x.cleared, timer.C)
}

func (x *exchange) wait(done <-chan struct{}, due <-chan time.Time) bool {
	severed := x.severed
	for {
		select {
		case <-done:
			return true
		case <-due:
			return true
		case <-severed:
			x.reset()
			severed = nil
		case <-x.p.base.Done():
			return false
		}
	}
}

// writer is the response, which remembers its connection when that is taken over for a WebSocket.
func (x *exchange) writer() http.ResponseWriter { return &writer{x.w, x} }

type writer struct {
	http.ResponseWriter
	x *exchange
}

// Unwrap lets the rest through.
func (w *writer) Unwrap() http.ResponseWriter { return w.ResponseWriter }

// Hijack is for WebSockets.
func (w *writer) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	conn, buffered, err := http.NewResponseController(w.ResponseWriter).Hijack()
	if err == nil {
		w.x.mu.Lock()
		defer w.x.mu.Unlock()
		w.x.conn = conn
	}
	return conn, buffered, err
}
