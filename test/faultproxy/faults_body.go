package faultproxy

import (
	"errors"
	"io"
	"net/http"
	"sync"
	"time"
)

var errCut = errors.New("cut off by a fault")

// bodyKinds are what a body can meet: that of an upload on its way to the server, every other on its way back.
func bodyKinds() []kind {
	bodies := []Call{Create, Get, List, Delete, Execute, Upload, Download, Files}
	return []kind{
		{
			FaultInfo:  FaultInfo{StreamCut, []Call{Stream}, "the WebSocket or log ends without a goodbye after Bytes from the server"},
			after:      func(x *exchange, resp *http.Response) error { x.cutBody(resp); return nil },
			needsBytes: true,
		},
		{
			FaultInfo: FaultInfo{BodyCut, bodies, "the body ends after Bytes, and with it the connection"},
			before: func(x *exchange) bool {
				if x.request.Call == Upload {
					x.r.Body, x.whole = &cutter{ReadCloser: x.r.Body, left: x.rule.Bytes}, false
				}
				return true
			},
			after: func(x *exchange, resp *http.Response) error {
				if x.request.Call != Upload {
					x.cutBody(resp)
				}
				return nil
			},
			needsBytes: true,
		},
		{
			FaultInfo: FaultInfo{SlowBody, bodies, "the body trickles, Bytes in each Delay"},
			before: func(x *exchange) bool {
				if x.request.Call == Upload {
					x.r.Body, x.whole = x.trickle(x.r.Body), false
				}
				return true
			},
			after: func(x *exchange, resp *http.Response) error {
				if x.request.Call != Upload {
					resp.Body = x.trickle(resp.Body)
				}
				return nil
			},
			needsBytes: true, needsDelay: true,
		},
	}
}

// cutBody ends the answer after the rule's Bytes. The body of a WebSocket is written to as well.
func (x *exchange) cutBody(resp *http.Response) {
	cut := &cutter{ReadCloser: resp.Body, left: x.rule.Bytes}
	resp.Body = cut
	if both, ok := cut.ReadCloser.(io.Writer); ok {
		resp.Body = struct {
			io.ReadCloser
			io.Writer
		}{cut, both}
	}
}

// cutter reads no more than left bytes.
type cutter struct {
	io.ReadCloser
	left int
}

// Read returns errCut at the cut.
func (c *cutter) Read(p []byte) (int, error) {
	if c.left == 0 {
		return 0, errCut
	}
	n, err := c.ReadCloser.Read(p[:min(len(p), c.left)])
	c.left -= n
	return n, err //nolint:wrapcheck // a reader's error is its own
}

// trickle slows a body down, until Clear.
func (x *exchange) trickle(body io.ReadCloser) io.ReadCloser {
	return &trickler{ReadCloser: body, rule: x.rule, end: x.r.Context().Done(), cleared: x.cleared, closed: make(chan struct{})}
}

type trickler struct {
	io.ReadCloser
	rule         *armed
	sent         int // since the last pause
	end, cleared <-chan struct{}
	once         sync.Once
	closed       chan struct{}
}

// Read returns at most the rule's Bytes, and pauses after so many.
func (t *trickler) Read(p []byte) (int, error) {
	if t.sent == t.rule.Bytes {
		timer := time.NewTimer(t.rule.Delay)
		defer timer.Stop()
		select {
		case <-timer.C:
			t.sent = 0
		case <-t.cleared: // for good: sent stays, and each later read passes here at once
			return t.ReadCloser.Read(p) //nolint:wrapcheck // a reader's error is its own
		case <-t.end:
			return 0, errCut
		case <-t.closed:
			return 0, errCut
		}
	}
	n, err := t.ReadCloser.Read(p[:min(len(p), t.rule.Bytes-t.sent)])
	t.sent += n
	return n, err //nolint:wrapcheck // a reader's error is its own
}

// Close also ends a pause.
func (t *trickler) Close() error {
	t.once.Do(func() { close(t.closed) })
	return t.ReadCloser.Close() //nolint:wrapcheck // a closer's error is its own
}
