package daytona

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"strings"
)

// proxyURL is a toolbox proxy's base URL, checked and perhaps yet to be asked for.
type proxyURL struct {
	turn    chan struct{} // held by whoever reads or asks; a channel, so that waiting for it ends with the context
	known   string        // as the server gave it; empty: not asked yet
	checked string
}

func newProxyURL(known string) *proxyURL {
	return &proxyURL{turn: make(chan struct{}, 1), known: known}
}

func (p *proxyURL) resolve(ctx context.Context, client *Client, id string) (string, error) {
	cl := call{op: "find toolbox", method: http.MethodGet, path: sandboxPath(id) + "/toolbox-proxy-url"}
	select {
	case p.turn <- struct{}{}:
		defer func() { <-p.turn }()
	case <-ctx.Done():
		return "", cl.refuse(ctx.Err())
	}
	if p.checked != "" {
		return p.checked, nil
	}
	if p.known == "" {
		var wire struct {
			URL string `json:"url"`
		}
		if err := client.exchange(ctx, cl, &wire); err != nil {
			return "", err
		}
		p.known = wire.URL
	}
	checked, err := checkProxy(client.base, p.known)
	if err != nil {
		p.known = ""
		return "", cl.refuse(err)
	}
	p.checked = checked
	return checked, nil
}

// checkProxy admits a proxy's URL: the key goes there, so it must not travel in the clear where the control plane's own
// calls are encrypted.
func checkProxy(api *url.URL, raw string) (string, error) {
	u, err := parseBase(raw)
	if err != nil {
		return "", fmt.Errorf("%w: toolbox proxy %q: %w", ErrBadAnswer, clean(raw), err)
	}
	if api.Scheme == "https" && u.Scheme == "http" && !isLoopback(u.Hostname()) {
		return "", fmt.Errorf("%w: toolbox proxy %q is not encrypted, the API is", ErrBadAnswer, clean(raw))
	}
	return strings.TrimRight(u.String(), "/"), nil
}

func isLoopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}
