package sandboxd

import (
	"context"
	"errors"
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"
	"strings"
	"sync"
	"time"

	"go.uber.org/zap"

	"pitwall/internal/sandboxd/gvisor"
)

// bumpPeriod is how often an open connection counts as activity, as Daytona's proxy has it.
const bumpPeriod = 50 * time.Second

// proxies hold one connection pool for each started sandbox, so that a pool never outlives its agent.
type proxies struct {
	mu    sync.Mutex
	pools map[string]*http.Transport
}

func newProxies() *proxies { return &proxies{pools: map[string]*http.Transport{}} }

func (p *proxies) open(id, socket string) {
	pool := &http.Transport{
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
			defer cancel()
			return gvisor.Dial(ctx, socket)
		},
		MaxIdleConns: 8, IdleConnTimeout: 30 * time.Second, MaxConnsPerHost: 256,
		DisableCompression:     true,
		MaxResponseHeaderBytes: 64 << 10, // what answers is inside the sandbox
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.pools[id] = pool
}

func (p *proxies) close(id string) {
	p.mu.Lock()
	pool := p.pools[id]
	delete(p.pools, id)
	p.mu.Unlock()
	if pool != nil {
		pool.CloseIdleConnections()
	}
}

func (p *proxies) get(id string) *http.Transport {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.pools[id]
}

// serveToolbox passes /toolbox/{id}/rest to the agent as /rest, byte for byte, WebSockets included. The ID is only ever looked
// up, never made into a path.
func (s *Server) serveToolbox(w http.ResponseWriter, r *http.Request) {
	id, rest, _ := strings.Cut(strings.TrimPrefix(r.URL.EscapedPath(), "/toolbox/"), "/")
	target, err := url.ParseRequestURI("/" + rest)
	if err != nil {
		writeError(w, r, refuse(http.StatusBadRequest, "Path %q cannot be passed on", "/"+rest))
		return
	}
	rec, err := s.records.find(id)
	if err != nil || rec.ID != id {
		// What Daytona's proxy answers for a sandbox that does not exist, or no longer does.
		writeError(w, r, refuse(http.StatusUnauthorized, "authentication failed: Bearer token is invalid"))
		return
	}
	pool := s.proxies.get(id)
	if pool == nil {
		writeError(w, r, notRunning(rec))
		return
	}
	if r.Header.Get("X-Daytona-Skip-Last-Activity-Update") != "true" {
		defer s.keepActive(id)()
	}
	proxy := &httputil.ReverseProxy{
		Transport: pool,
		// Logs and session output are streams: what has come is passed on at once.
		FlushInterval: -1,
		Rewrite: func(p *httputil.ProxyRequest) {
			p.Out.URL.Scheme, p.Out.URL.Host = "http", "sandbox"
			p.Out.URL.Path, p.Out.URL.RawPath = target.Path, target.RawPath
			p.Out.Host = "sandbox"
			p.Out.Header.Del("Authorization")
			p.Out.Header.Del("Cookie")
		},
		ModifyResponse: func(response *http.Response) error {
			response.Header.Del("Set-Cookie")
			if response.StatusCode >= 300 && response.StatusCode < 400 {
				return errRedirect
			}
			return nil
		},
		ErrorHandler: func(w http.ResponseWriter, r *http.Request, err error) { s.proxyFailed(w, r, id, err) },
		ErrorLog:     s.stdLog,
	}
	// An agent may answer before the last read of the request's body, which finds only its end. net/http would otherwise close the
	// body at the first byte of the answer, and the transport then break the answer off (8 of 100 downloads of 3 MiB, by POST).
	if err := http.NewResponseController(w).EnableFullDuplex(); err != nil {
		writeError(w, r, err)
		return
	}
	proxy.ServeHTTP(w, r)
}

// errRedirect is a redirection out of a sandbox. The toolbox has none but those that clean up a path; a client that followed
// one would take its API key to wherever the sandbox wants, for instance to our own control plane.
var errRedirect = errors.New("a sandbox may not redirect")

// notRunning is what Daytona answers while there is nothing to connect to.
func notRunning(rec record) error {
	if rec.State == Failed {
		return refuse(http.StatusBadGateway, "the sandbox is in error: %s", rec.ErrorReason)
	}
	return refuse(http.StatusBadRequest, "failed to resolve container IP after 3 attempts: sandbox is %s. Is the Sandbox started?", rec.State)
}

func (s *Server) proxyFailed(w http.ResponseWriter, r *http.Request, id string, err error) {
	switch {
	case errors.Is(err, context.Canceled):
		return // the client has gone
	case errors.Is(err, errRedirect):
		writeError(w, r, refuse(http.StatusNotFound, "the toolbox has no %s", r.URL.Path))
		return
	}
	s.cfg.Logger.Info("toolbox did not answer", zap.String("sandbox_id", id), zap.String("path", r.URL.Path), zap.Error(err))
	writeError(w, r, refuse(http.StatusBadGateway, "the sandbox's toolbox did not answer: %v", err))
}

// keepActive counts a request as activity at its start, and again while it goes on.
func (s *Server) keepActive(id string) (stop func()) {
	s.records.touch(id, time.Now().UTC())
	done := make(chan struct{})
	go func() {
		ticker := time.NewTicker(bumpPeriod)
		defer ticker.Stop()
		for {
			select {
			case <-done:
				return
			case <-ticker.C:
				s.records.touch(id, time.Now().UTC())
			}
		}
	}()
	return func() { close(done) }
}
