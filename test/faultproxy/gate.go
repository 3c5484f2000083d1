package faultproxy

import "sync"

// Point is where a call is stopped.
type Point struct {
	Call Call // empty: any
	Side Side
	// Skip is how many matching calls pass first.
	Skip int
	// Match narrows further; nil: all. It runs under a lock, so it must not use the proxy.
	Match func(Request) bool
}

// Gate stops one call.
type Gate struct {
	point    Point
	reached  chan struct{}
	released chan struct{}
	once     sync.Once
	dropped  bool // written before released is closed

	mu      sync.Mutex
	request Request
}

// Hold stops the first matching call, after Skip of them, until the gate is opened or dropped. Of several gates at one point
// each stops a call of its own.
func (p *Proxy) Hold(point Point) *Gate {
	g := &Gate{point: point, reached: make(chan struct{}), released: make(chan struct{})}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.gates = append(p.gates, g)
	return g
}

// Reached is closed when a call stands at the gate.
func (g *Gate) Reached() <-chan struct{} { return g.reached }

// Request is the call that stands, or stood, at the gate; zero before Reached.
func (g *Gate) Request() Request {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.request
}

// Open lets the call pass. Before the server: it is forwarded even if the client has gone away meanwhile, unless its body is
// over 1 MiB. After it: the answer goes out. Of Open and Drop the first counts; a gate that no call has reached then stops none.
func (g *Gate) Open() { g.once.Do(func() { close(g.released) }) }

// Drop resets the client's connection. Before the server: the call never reaches it. After it: the answer is lost.
func (g *Gate) Drop() { g.once.Do(func() { g.dropped = true; close(g.released) }) }

// gate returns the gate that a call is to stop at, or nil.
func (p *Proxy) gate(side Side, x *exchange) *Gate {
	p.mu.Lock()
	defer p.mu.Unlock()
	var taken *Gate
	kept := p.gates[:0]
	for _, g := range p.gates {
		matches := g.point.Side == side && (g.point.Call == "" || g.point.Call == x.request.Call) &&
			(g.point.Match == nil || g.point.Match(x.request))
		switch {
		case matches && g.point.Skip > 0:
			g.point.Skip--
		case matches && taken == nil:
			taken = g
			continue
		}
		kept = append(kept, g)
	}
	clear(p.gates[len(kept):])
	p.gates, x.gate = kept, taken
	return taken
}

// stop lets a call wait at a gate, if there is one for it; false when the gate was dropped or the proxy closed.
func (x *exchange) stop(side Side) bool {
	g := x.p.gate(side, x)
	if g == nil {
		return true
	}
	g.mu.Lock()
	g.request = x.request
	g.mu.Unlock()
	close(g.reached)
	x.held = true
	return x.await(g.released) && !g.dropped
}
