package egress

import (
	"context"
	"io"
	"log"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"go.uber.org/zap"
)

// Bounds of one sandbox. A package index and some gigabytes of packages fit; a flood does not.
const (
	maxConns       = 64
	maxBytes       = 16 << 30
	maxHeaderBytes = 64 << 10
	// maxLogged bounds the lines about what was refused: a job can ask for ever.
	maxLogged = 20
)

// Egress is the way out of one sandbox.
type Egress struct {
	allow  Allow
	dialer Dialer
	into   func(context.Context) (net.Conn, error)
	log    *zap.Logger

	server *http.Server
	served sync.WaitGroup
	live   living
	budget atomic.Int64

	admitted, refused atomic.Int64
}

// Open serves a sandbox until Close. into dials the agent's egress socket; it is called again and again.
func Open(allow Allow, dialer Dialer, into func(context.Context) (net.Conn, error), logger *zap.Logger) *Egress {
	e := &Egress{allow: allow, dialer: dialer, into: into, log: logger, live: living{conns: map[*kept]struct{}{}}}
	e.budget.Store(maxBytes)
	e.server = &http.Server{
		Handler: e.handler(), MaxHeaderBytes: maxHeaderBytes, ReadHeaderTimeout: headerTimeout, IdleTimeout: idleTimeout,
		ErrorLog:                     log.New(io.Discard, "", 0), // what a job does with its connections is nobody's concern
		DisableGeneralOptionsHandler: true,
	}
	ctx, stop := context.WithCancel(context.Background())
	calls := &listener{egress: e, ctx: ctx, stop: stop, places: make(chan struct{}, maxConns)}
	e.served.Go(func() { _ = e.server.Serve(calls) })
	return e
}

// out takes a connection out of the sandbox under its bounds; done is called once it is closed.
func (e *Egress) out(conn net.Conn, done func()) net.Conn {
	end := time.AfterFunc(maxLife, func() { _ = conn.Close() })
	return e.live.keep(metered{conn, &e.budget}, func() {
		end.Stop()
		done()
	})
}

// Close ends every connection, and returns when nothing is accepted any more.
func (e *Egress) Close() {
	_ = e.server.Close()
	e.live.end()
	e.served.Wait()
	e.log.Info("egress closed", zap.Int64("admitted", e.admitted.Load()), zap.Int64("refused", e.refused.Load()),
		zap.Int64("bytes", maxBytes-max(0, e.budget.Load())))
}
