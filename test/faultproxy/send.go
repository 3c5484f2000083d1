package faultproxy

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"slices"
	"time"
)

const (
	maxAnswerBody = 16 << 20         // of an answer that may be rewritten, as much as our client reads
	callTimeout   = 2 * time.Minute  // of a create or delete, which does not end with its client: four times what Daytona holds one
	longTimeout   = 10 * time.Minute // of any other call that does not end with its client
)

// send asks the server. A create or delete, and what stood at a gate or met certain faults, does not end with its client.
func (x *exchange) send(out *http.Request) (*http.Response, error) {
	if resp := x.standIn(out); resp != nil {
		return resp, nil
	}
	cancel := func() {}
	if limit, detached := x.detached(); detached {
		bounded, stop := context.WithTimeout(x.p.base, limit)
		out, cancel = out.WithContext(bounded), stop
	}
	resp, err := x.p.transport.RoundTrip(out)
	if err != nil {
		cancel()
		return nil, fmt.Errorf("ask server: %w", err)
	}
	switch {
	case slices.Contains(controlCalls(), x.request.Call):
		defer cancel()
		if resp, err = keep(resp); err == nil {
			x.learn(resp)
		}
		return resp, err
	case resp.StatusCode != http.StatusSwitchingProtocols: // the body of one of those is written to as well
		resp.Body = &canceller{resp.Body, cancel}
	}
	return resp, nil
}

// detached says whether the call goes on without its client, and for how long at most.
func (x *exchange) detached() (time.Duration, bool) {
	call := x.request.Call
	switch {
	case !x.whole || call == Stream:
		return 0, false
	case call == Create, call == Delete:
		return callTimeout, true
	}
	return longTimeout, x.held || x.rule != nil && x.rule.kind.detached
}

// canceller ends a detached call with its answer.
type canceller struct {
	io.ReadCloser
	cancel func()
}

// Close cancels.
func (c *canceller) Close() error {
	defer c.cancel()
	return c.ReadCloser.Close() //nolint:wrapcheck // a closer's error is its own
}

// keep takes an answer into memory.
func keep(resp *http.Response) (*http.Response, error) {
	body, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswerBody+1))
	_ = resp.Body.Close()
	switch {
	case err != nil:
		return nil, fmt.Errorf("read answer: %w", err)
	case len(body) > maxAnswerBody:
		return nil, fmt.Errorf("read answer: more than %d bytes", maxAnswerBody)
	}
	resp.Body = io.NopCloser(bytes.NewReader(body))
	return resp, nil
}
