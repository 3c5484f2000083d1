package faultproxy

import (
	"net/http"
	"time"
)

// Cut takes the network away, or gives it back. While it is cut, connections with a call under way are reset, and new calls
// get no answer: they wait until the cut ends, or until their client gives up, and then never reach the server. Calls that the
// server was asked already, or that stand at a gate or are late, are past the network: only their client is reset.
func (p *Proxy) Cut(cut bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	switch {
	case cut && p.uncut == nil:
		p.uncut = make(chan struct{})
		for x := range p.live {
			x.sever()
		}
	case !cut && p.uncut != nil:
		close(p.uncut)
		p.uncut = nil
	}
}

// sever takes a call its client, from any goroutine: whatever it waits for ends, and the call then resets the connection.
func (x *exchange) sever() {
	x.once.Do(func() { close(x.severed) })
	x.cancel()
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.conn != nil {
		abort(x.conn)
		return
	}
	past := time.Now().Add(-time.Second)
	control := http.NewResponseController(x.w)
	_ = control.SetReadDeadline(past)
	_ = control.SetWriteDeadline(past)
}

// reachable waits while the network is cut; false when there is no client left afterwards. One that has sent only a part of
// its request is cut off then, for whether it is still there cannot be known.
func (x *exchange) reachable() bool {
	for {
		x.p.mu.Lock()
		uncut := x.p.uncut
		x.p.mu.Unlock()
		if uncut == nil {
			return true
		}
		select {
		case <-uncut:
		case <-x.r.Context().Done():
			x.reset()
			return false
		case <-x.p.base.Done():
			x.reset()
			return false
		}
		if !x.whole {
			x.reset()
			return false
		}
	}
}
