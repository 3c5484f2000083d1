//go:build linux

package nets

import (
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"pitwall/test/faultproxy"
	"pitwall/test/harness"
)

// startBehindProxy is startUnreaped with a fault proxy between the sandbox server and whoever is of Pitwall.
func startBehindProxy(t *testing.T, opt harness.Options) (*harness.Stack, *faultproxy.Proxy) {
	t.Helper()
	var proxy *faultproxy.Proxy
	before := opt.FrontDaytona
	opt.FrontDaytona = func(server string) string {
		if before != nil {
			server = before(server)
		}
		var err error
		proxy, err = faultproxy.New(server, faultproxy.Script{})
		require.NoError(t, err)
		listener := listen(t)
		served := make(chan error, 1)
		go func() { served <- proxy.Serve(listener) }()
		t.Cleanup(func() {
			proxy.Close()
			require.NoError(t, <-served)
		})
		return "http://" + listener.Addr().String()
	}
	return startUnreaped(t, opt), proxy
}

// pagesOfTwo gives whoever lists sandboxes two of them a page, so that a handful makes several.
func pagesOfTwo(t *testing.T) func(server string) string {
	return func(server string) string {
		target, err := url.Parse(server)
		require.NoError(t, err)
		front := &http.Server{ReadHeaderTimeout: time.Minute, Handler: &httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) {
			r.Out.URL.Scheme, r.Out.URL.Host, r.Out.Host = target.Scheme, target.Host, r.In.Host
			if query := r.Out.URL.Query(); query.Has("limit") {
				query.Set("limit", "2")
				r.Out.URL.RawQuery = query.Encode()
			}
		}}}
		listener := listen(t)
		served := make(chan error, 1)
		go func() { served <- front.Serve(listener) }()
		t.Cleanup(func() {
			_ = front.Close()
			require.ErrorIs(t, <-served, http.ErrServerClosed)
		})
		return "http://" + listener.Addr().String()
	}
}

func listen(t *testing.T) net.Listener {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	return listener
}
