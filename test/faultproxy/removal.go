package faultproxy

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"time"
)

const (
	eraseTimeout = time.Minute            // of a sandbox that vanishes under a call
	laterTimeout = 10 * time.Minute       // of a delete that was put off: the server may be down for a while
	erasePause   = 100 * time.Millisecond // between two tries
)

// ask sends a request of the proxy's own, with the key of a client's. The body is empty when the answer is no JSON object.
func (p *Proxy) ask(ctx context.Context, method, idOrName, key string) (int, object, error) {
	target := p.server.JoinPath("api", "sandbox").String() + "/" + url.PathEscape(idOrName)
	request, err := http.NewRequestWithContext(ctx, method, target, http.NoBody)
	if err != nil {
		return 0, nil, fmt.Errorf("ask server: %w", err)
	}
	request.Header.Set("Authorization", key)
	resp, err := p.transport.RoundTrip(request)
	if err != nil {
		return 0, nil, fmt.Errorf("ask server: %w", err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(io.LimitReader(resp.Body, maxKeptBody))
	if err != nil {
		return 0, nil, fmt.Errorf("read answer: %w", err)
	}
	var body object
	_ = json.Unmarshal(text, &body)
	return resp.StatusCode, body, nil
}

// fetch reads the sandbox that the call's path names, as the server has it; false when it does not.
func (x *exchange) fetch() (object, bool) {
	ctx, cancel := context.WithTimeout(x.p.base, eraseTimeout)
	defer cancel()
	status, body, err := x.p.ask(ctx, http.MethodGet, x.named, x.key())
	return body, err == nil && status == http.StatusOK && body.text("id") != ""
}

func (x *exchange) key() string { return x.r.Header.Get("Authorization") }

// erase really deletes the call's sandbox, and returns when it is gone or a minute has passed.
func (x *exchange) erase() {
	ctx, cancel := context.WithTimeout(x.p.base, eraseTimeout)
	defer cancel()
	x.p.erase(ctx, x.request, x.key())
}

// erase deletes a sandbox at the server until it is gone there.
func (p *Proxy) erase(ctx context.Context, request Request, key string) {
	id := request.SandboxID
	p.tell(Before, Request{
		Call: Delete, Method: http.MethodDelete, Path: "/api/sandbox/" + url.PathEscape(id),
		SandboxID: id, Name: request.Name, Labels: request.Labels, Own: true,
	}, 0)
	method := http.MethodDelete
	for {
		status, body, err := p.ask(ctx, method, id, key)
		switch {
		case err == nil && (status == http.StatusNotFound || body.text("state") == "destroyed"):
			p.sandboxes.change(id, func(row *sandbox) { row.gone, row.mask = true, mask{} })
			return
		case err == nil && status == http.StatusOK && method == http.MethodDelete:
			p.sandboxes.change(id, func(row *sandbox) { row.deleted = time.Now() })
			method = http.MethodGet
			continue
		}
		select {
		case <-time.After(erasePause):
		case <-ctx.Done():
			return
		}
	}
}

// eraseLater deletes a sandbox after a delay, or at Clear. Without a delay it does so only at Clear, or never. False: the proxy is closed.
func (x *exchange) eraseLater(request Request, delay time.Duration, atClear bool) bool {
	p, key := x.p, x.key()
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		return false
	}
	var due <-chan time.Time // never, without a delay
	if delay > 0 {
		due = time.After(delay)
	}
	p.work.Go(func() {
		select {
		case <-due:
		case <-x.cleared:
			if !atClear {
				return
			}
		case <-p.base.Done():
			return
		}
		ctx, cancel := context.WithTimeout(p.base, laterTimeout)
		defer cancel()
		p.erase(ctx, request, key)
	})
	return true
}
