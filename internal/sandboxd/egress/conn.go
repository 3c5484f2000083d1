package egress

import (
	"errors"
	"net"
	"sync"
	"sync/atomic"
)

// errSpent ends the connections of a sandbox that has moved all the bytes that it may.
var errSpent = errors.New("pitwall egress: this sandbox has used up its bytes")

// metered counts what passes a connection out of the sandbox, both ways, against the sandbox's budget.
type metered struct {
	net.Conn
	budget *atomic.Int64
}

func (m metered) Read(p []byte) (int, error) {
	n, err := m.Conn.Read(p)
	if err == nil && m.budget.Add(-int64(n)) < 0 {
		return 0, errSpent
	}
	return n, err
}

func (m metered) Write(p []byte) (int, error) {
	if m.budget.Add(-int64(len(p))) < 0 {
		return 0, errSpent
	}
	return m.Conn.Write(p)
}

// CloseWrite tells the other side that no more will come.
func (m metered) CloseWrite() error { return closeWrite(m.Conn) }

func closeWrite(conn net.Conn) error {
	if half, ok := conn.(interface{ CloseWrite() error }); ok {
		return half.CloseWrite()
	}
	return errors.ErrUnsupported
}

// living are the connections that there are, to be closed at the end.
type living struct {
	mu    sync.Mutex
	conns map[*kept]struct{}
	ended bool
}

// kept is a connection among the living. It may be closed more than once: by server, handler, timer and the sandbox's end.
type kept struct {
	net.Conn
	close func()
	once  sync.Once
}

// keep adds a connection; done is called once it is closed. After the end it is closed at once.
func (l *living) keep(conn net.Conn, done func()) net.Conn {
	k := &kept{Conn: conn}
	k.close = func() {
		l.mu.Lock()
		delete(l.conns, k)
		l.mu.Unlock()
		done()
	}
	l.mu.Lock()
	ended := l.ended
	if !ended {
		l.conns[k] = struct{}{}
	}
	l.mu.Unlock()
	if ended {
		_ = k.Close()
	}
	return k
}

func (k *kept) Close() error {
	err := k.Conn.Close()
	k.once.Do(k.close)
	return err
}

// CloseWrite tells the other side that no more will come.
func (k *kept) CloseWrite() error { return closeWrite(k.Conn) }

func (l *living) end() {
	l.mu.Lock()
	conns := l.conns
	l.conns, l.ended = nil, true
	l.mu.Unlock()
	for k := range conns {
		_ = k.Close()
	}
}
