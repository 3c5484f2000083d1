//go:build linux

package toolbox

import (
	"context"
	"fmt"
	"io"
	"net"
	"sync"
	"time"
)

// Bounds of the way out. Its other end, on the host, has its own.
const (
	// maxEgressConns is how many connections of the sandbox's go out at once; more wait to be accepted.
	maxEgressConns = 64
	// egressWait is how long one waits for the host to call: it does so within milliseconds, unless the host is gone.
	egressWait = 10 * time.Second
	// waitingCalls is how many calls of the host's wait for a connection. The host makes one at a time.
	waitingCalls = 4
)

// egress is the sandbox's side of its way out. It judges nothing: the host does.
//
//	job ──TCP──> connections ──┐
//	                           ├── pair: one byte says "begin", then both are spliced
//	host ──Unix──> calls ──────┘
type egress struct {
	calls, connections net.Listener
	waiting            chan net.Conn
	places             chan struct{}
}

// listenEgress opens both ends.
func listenEgress(socket, address string) (*egress, error) {
	calls, err := Listen(socket)
	if err != nil {
		return nil, fmt.Errorf("open the way out: %w", err)
	}
	connections, err := net.Listen("tcp", address)
	if err != nil {
		calls.Close()
		return nil, fmt.Errorf("open the way out: %w", err)
	}
	return &egress{calls: calls, connections: connections, waiting: make(chan net.Conn, waitingCalls), places: make(chan struct{}, maxEgressConns)}, nil
}

// serve passes connections on until ctx ends.
func (e *egress) serve(ctx context.Context) {
	context.AfterFunc(ctx, func() {
		e.calls.Close()
		e.connections.Close()
	})
	go e.acceptCalls()
	for {
		e.places <- struct{}{}
		conn, err := e.connections.Accept()
		if err != nil {
			return // closed: a listener on loopback fails for no other reason that passes
		}
		go func() {
			defer func() { <-e.places }()
			e.pair(conn)
		}()
	}
}

func (e *egress) acceptCalls() {
	for {
		call, err := e.calls.Accept()
		if err != nil {
			return
		}
		select {
		case e.waiting <- call:
		default:
			call.Close()
		}
	}
}

// pair splices a connection to the next call that is still alive.
func (e *egress) pair(conn net.Conn) {
	defer conn.Close()
	timeout := time.NewTimer(egressWait)
	defer timeout.Stop()
	for {
		select {
		case call := <-e.waiting:
			if _, err := call.Write([]byte{1}); err != nil {
				call.Close() // of a host that is gone
				continue
			}
			spliceBoth(conn, call)
			return
		case <-timeout.C:
			return
		}
	}
}

// spliceBoth passes bytes both ways until both sides have ended, or one breaks.
func spliceBoth(a, b net.Conn) {
	defer b.Close()
	var both sync.WaitGroup
	for _, way := range [][2]net.Conn{{a, b}, {b, a}} {
		both.Go(func() {
			from, to := way[0], way[1]
			if _, err := io.Copy(to, from); err == nil {
				if half, ok := to.(interface{ CloseWrite() error }); ok && half.CloseWrite() == nil {
					return
				}
			}
			from.Close()
			to.Close()
		})
	}
	both.Wait()
}
