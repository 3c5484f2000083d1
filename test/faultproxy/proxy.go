package faultproxy

import (
	"context"
	"fmt"
	"io"
	"log"
	"maps"
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"
	"slices"
	"sync"
	"time"
)

const (
	maxExchanges  = 1024 // at once, as many as the server takes; more are answered 503
	idleTimeout   = 30 * time.Second
	headerTimeout = 10 * time.Second
)

// Proxy stands in front of one server. Its methods may be called at any time, from anywhere.
type Proxy struct {
	server    *url.URL
	transport *http.Transport
	seed      uint64
	sandboxes *sandboxes
	quiet     *log.Logger // what net/http has to say of broken connections, which are this package's trade

	base context.Context // ends with Close
	end  context.CancelFunc
	work sync.WaitGroup // exchanges and the deletes that faults left for later

	mu        sync.Mutex
	closed    bool
	rules     []*armed
	added     int // rules so far, cleared ones included
	injected  map[Fault]int
	gates     []*Gate
	observers []observer
	onFault   func(Fault, Request)
	live      map[*exchange]struct{}
	uncut     chan struct{} // not nil while the network is cut; closed when that ends
	cleared   chan struct{} // closed by Clear
	http      *http.Server
}

type observer struct {
	side Side
	call func(ctx context.Context, r Request, status int)
}

// New makes a proxy in front of a server, such as http://127.0.0.1:3986. Returns an error that names rule and key if the
// script is wrong.
func New(server string, script Script) (*Proxy, error) {
	target, err := url.Parse(server)
	if err != nil || target.Scheme != "http" || target.Host == "" {
		return nil, fmt.Errorf("make fault proxy: server %q is not of the form http://HOST:PORT", server)
	}
	base, end := context.WithCancel(context.Background())
	p := &Proxy{
		server: target, seed: script.Seed, sandboxes: newSandboxes(), quiet: log.New(io.Discard, "", 0), base: base, end: end,
		transport: &http.Transport{
			DisableCompression: true, MaxIdleConnsPerHost: 64, IdleConnTimeout: idleTimeout, ExpectContinueTimeout: time.Second,
			DialContext: (&net.Dialer{Timeout: headerTimeout}).DialContext,
		},
		injected: map[Fault]int{}, live: map[*exchange]struct{}{}, cleared: make(chan struct{}),
	}
	if err := p.Add(script.Rules...); err != nil {
		end()
		return nil, err
	}
	return p, nil
}

// Add appends rules; with an error none is.
func (p *Proxy) Add(rules ...Rule) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.rules)+len(rules) > maxRules {
		return fmt.Errorf("add rules: more than %d of them", maxRules)
	}
	var more []*armed
	for i, rule := range rules {
		a, err := rule.arm(p.seed, p.added+i)
		if err != nil {
			return fmt.Errorf("rule %d: %w", i+1, err)
		}
		more = append(more, a)
	}
	p.rules = append(p.rules, more...)
	p.added += len(more)
	return nil
}

// Clear ends every fault: there are no more rules, gates are open, the network is whole, what is late or slow goes on at once,
// sandboxes are shown as they are, and deletes that were to be done later are done.
func (p *Proxy) Clear() {
	p.mu.Lock()
	gates := p.gates
	p.rules, p.gates = nil, nil
	for x := range p.live {
		if x.gate != nil {
			gates = append(gates, x.gate)
		}
	}
	close(p.cleared)
	p.cleared = make(chan struct{})
	p.mu.Unlock()
	for _, g := range gates {
		g.Open()
	}
	p.sandboxes.unmask()
	p.Cut(false)
}

// Injected counts the calls that met each fault so far.
func (p *Proxy) Injected() map[Fault]int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return maps.Clone(p.injected)
}

// Observe has fn called at a side of every call that gets there, while the call waits: Before with status 0; After with the
// server's status, 0 when it gave no answer, and not at all when a fault kept the call from the server. The context ends with
// the proxy, not with the client. The deletes of faults are observed Before too.
func (p *Proxy) Observe(side Side, fn func(ctx context.Context, r Request, status int)) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.observers = append(p.observers, observer{side, fn})
}

// OnFault has fn called with each call that meets a fault, before anything else happens to it.
func (p *Proxy) OnFault(fn func(Fault, Request)) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.onFault = fn
}

func (p *Proxy) tell(side Side, request Request, status int) {
	p.mu.Lock()
	observers := slices.Clone(p.observers)
	p.mu.Unlock()
	for _, o := range observers {
		if o.side == side {
			o.call(p.base, request, status)
		}
	}
}

// meet decides which fault a call meets. A Clear from now on ends it.
func (p *Proxy) meet(x *exchange) {
	p.mu.Lock()
	x.cleared = p.cleared
	for _, a := range p.rules {
		if a.matches(&x.request) && a.takes() {
			x.rule, x.turn = a, a.fired
			p.injected[a.Fault]++
			break
		}
	}
	tell := p.onFault
	p.mu.Unlock()
	if x.rule != nil && tell != nil {
		tell(x.rule.Fault, x.request)
	}
}

// Serve answers on a listener until Close, and returns nil then. It may be called once; a server of the caller's own will do
// as well, HTTP/1 only.
func (p *Proxy) Serve(listener net.Listener) error {
	server := &http.Server{Handler: p, ReadHeaderTimeout: headerTimeout, IdleTimeout: idleTimeout, ErrorLog: p.quiet}
	p.mu.Lock()
	p.http = server
	closed := p.closed
	p.mu.Unlock()
	if closed {
		return listener.Close()
	}
	if err := server.Serve(listener); err != http.ErrServerClosed { //nolint:errorlint // documented as it is
		return fmt.Errorf("serve faults: %w", err)
	}
	return nil
}

// Close breaks off everything, and returns when nothing of the proxy runs. What was to happen later does not.
func (p *Proxy) Close() {
	p.mu.Lock()
	p.closed = true
	server := p.http
	for x := range p.live {
		x.sever()
	}
	p.mu.Unlock()
	p.end()
	if server != nil {
		_ = server.Close()
	}
	p.work.Wait()
	p.transport.CloseIdleConnections()
}

// ServeHTTP takes one call through the proxy.
func (p *Proxy) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	x, ok := p.enter(w, r)
	if !ok {
		http.Error(w, "more requests at once than the fault proxy takes, or it is closed", http.StatusServiceUnavailable)
		return
	}
	defer p.leave(x)
	if x.read() && x.reachable() && x.before() {
		reverse := &httputil.ReverseProxy{
			Transport: x, FlushInterval: -1, ErrorLog: p.quiet,
			Rewrite: func(pr *httputil.ProxyRequest) {
				// The Host stays: the server makes the toolboxes' addresses of it.
				pr.Out.URL.Scheme, pr.Out.URL.Host, pr.Out.URL.RawQuery = p.server.Scheme, p.server.Host, pr.In.URL.RawQuery
			},
			ErrorHandler: func(http.ResponseWriter, *http.Request, error) { x.reset() },
		}
		reverse.ServeHTTP(x.writer(), x.r)
	}
}
