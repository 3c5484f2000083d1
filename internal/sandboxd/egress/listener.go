package egress

import (
	"context"
	"io"
	"net"
	"time"
)

// listener accepts by calling: it dials the agent's socket, and waits until a job's connection is spliced to it, which the
// agent says with one byte. So one connection always waits in the sandbox, and the sandbox opens nothing of the host's.
type listener struct {
	egress *Egress
	ctx    context.Context
	stop   context.CancelFunc
	places chan struct{} // one for each connection that may be
}

// redialPause is the wait after a call that found no agent: the sandbox is starting, or about to be gone.
const redialPause = 100 * time.Millisecond

func (l *listener) Accept() (net.Conn, error) {
	select {
	case l.places <- struct{}{}:
	case <-l.ctx.Done():
		return nil, net.ErrClosed
	}
	for {
		conn, err := l.call()
		if err == nil {
			return l.egress.out(conn, func() { <-l.places }), nil
		}
		select {
		case <-time.After(redialPause):
		case <-l.ctx.Done():
			return nil, net.ErrClosed
		}
	}
}

// call waits for as long as no job connects.
func (l *listener) call() (net.Conn, error) {
	conn, err := l.egress.into(l.ctx)
	if err != nil {
		return nil, err
	}
	stop := context.AfterFunc(l.ctx, func() { _ = conn.Close() })
	defer stop()
	if _, err := io.ReadFull(conn, make([]byte, 1)); err != nil {
		_ = conn.Close()
		return nil, err
	}
	return conn, nil
}

func (l *listener) Close() error {
	l.stop()
	return nil
}

func (l *listener) Addr() net.Addr { return &net.UnixAddr{Name: "egress", Net: "unix"} }
