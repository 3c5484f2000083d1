package daytona

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptrace"
	"net/url"
	"strings"
	"sync/atomic"
)

// maxJSONBytes bounds every JSON answer. The largest honest ones are a page of 200 sandboxes (some 400 KiB) and the
// listing of a folder of tens of thousands of files.
const maxJSONBytes = 16 << 20

// call describes one HTTP exchange.
type call struct {
	op      string // a verb phrase that begins the error text and names the span, such as "create sandbox"
	subject string // what the error text names after it, such as a file; in no span
	method  string
	base    string // absolute base URL; empty is the control plane's
	path    string // escaped, relative to the base, beginning with a slash
	query   url.Values
	header  http.Header // on top of the client's own
	json    any         // body, marshalled
	body    io.ReadCloser
	length  int64 // of body; -1 is unknown
	toolbox bool
	secret  string // cut out of messages, besides the client's own
	maxBody int64  // bound of the answer; 0 is maxJSONBytes
}

// exchange sends a call and decodes a JSON answer into out, which may be nil to ignore the answer.
func (c *Client) exchange(ctx context.Context, cl call, out any) error {
	resp, err := c.send(ctx, cl) //nolint:bodyclose // discard closes it
	if err != nil {
		return err
	}
	defer discard(resp.Body)
	if out == nil {
		return nil
	}
	body, err := readCapped(resp.Body, cl.bound())
	if err == nil {
		err = decodeJSON(body, out)
	}
	if err != nil {
		return cl.fail(resp.StatusCode, err)
	}
	return nil
}

// send sends a call; an answer other than 2xx becomes an *Error. The caller closes the body.
func (c *Client) send(ctx context.Context, cl call) (*http.Response, error) {
	resp, err := c.roundTrip(ctx, cl)
	if err != nil {
		return nil, err
	}
	if resp.StatusCode/100 == 2 {
		return resp, nil
	}
	defer discard(resp.Body)
	return nil, c.answerError(cl, resp)
}

// roundTrip sends a call and returns whatever came back; its error is always an *Error without a status.
func (c *Client) roundTrip(ctx context.Context, cl call) (*http.Response, error) {
	req, err := c.request(ctx, cl)
	if err != nil {
		if cl.body != nil {
			cl.body.Close()
		}
		return nil, cl.refuse(err)
	}
	var trace sendTrace
	resp, err := c.http.Do(req.WithContext(trace.attach(context.WithValue(ctx, opKey{}, cl.op))))
	if err != nil {
		failed := cl.fail(0, plainCause(err))
		failed.Sent = trace.maybeSent()
		return nil, failed
	}
	return resp, nil
}

func (c *Client) request(ctx context.Context, cl call) (*http.Request, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	base := cl.base
	if base == "" {
		base = c.base.String()
	}
	target := base + cl.path
	if len(cl.query) > 0 {
		target += "?" + cl.query.Encode()
	}
	body, length, err := cl.content()
	if err != nil {
		return nil, err
	}
	req, err := http.NewRequestWithContext(ctx, cl.method, target, body)
	if err != nil {
		return nil, err
	}
	if cl.body != nil {
		req.ContentLength, req.GetBody = length, nil // streamed: cannot be sent a second time
	}
	for _, header := range []http.Header{c.header, cl.header} {
		for name, values := range header {
			req.Header[name] = values
		}
	}
	if cl.json != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	if req.Header.Get("Accept") == "" {
		req.Header.Set("Accept", "application/json")
	}
	return req, nil
}

func (cl call) content() (io.Reader, int64, error) {
	if cl.json == nil {
		if cl.body == nil {
			return nil, 0, nil
		}
		return cl.body, cl.length, nil
	}
	encoded, err := json.Marshal(cl.json)
	if err != nil {
		return nil, 0, fmt.Errorf("%w: encode: %w", ErrInvalidRequest, err)
	}
	return bytes.NewReader(encoded), int64(len(encoded)), nil
}

func (cl call) bound() int64 {
	if cl.maxBody > 0 {
		return cl.maxBody
	}
	return maxJSONBytes
}

// fail wraps what went wrong after the request was, or may have been, sent.
func (cl call) fail(status int, cause error) *Error {
	return &Error{
		Op: strings.TrimSpace(cl.op + " " + cl.subject), Method: cl.method, Path: cl.path, Status: status, Toolbox: cl.toolbox, Sent: true, Err: cause,
	}
}

// refuse wraps what went wrong before anything was sent.
func (cl call) refuse(cause error) *Error {
	failed := cl.fail(0, cause)
	failed.Sent = false
	return failed
}

// sendTrace watches whether a request can have reached the server. A request that never got a connection cannot; a
// transport that reports nothing is taken to have sent it.
type sendTrace struct{ sought, got atomic.Bool }

func (s *sendTrace) attach(ctx context.Context) context.Context {
	return httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{
		// The transport seeks a second connection only when it wrote nothing on the first.
		GetConn: func(string) { s.sought.Store(true); s.got.Store(false) },
		GotConn: func(httptrace.GotConnInfo) { s.got.Store(true) },
	})
}

func (s *sendTrace) maybeSent() bool { return s.got.Load() || !s.sought.Load() }
