package egress

import (
	"errors"
	"io"
	"net"
	"os"
	"sync"
	"sync/atomic"
	"time"
)

// splice passes bytes both ways until both sides have ended, one breaks, or neither has sent for idleTimeout.
func splice(a, b net.Conn) {
	var last atomic.Int64
	last.Store(time.Now().UnixNano())
	var both sync.WaitGroup
	both.Go(func() { pass(a, b, &last) })
	both.Go(func() { pass(b, a, &last) })
	both.Wait()
}

const passBytes = 32 << 10

// pass copies from one connection to the other; last is when either direction had something.
func pass(from, to net.Conn, last *atomic.Int64) {
	buffer := make([]byte, passBytes)
	for {
		_ = from.SetReadDeadline(time.Now().Add(idleTimeout))
		n, err := from.Read(buffer)
		if n > 0 {
			last.Store(time.Now().UnixNano())
			_ = to.SetWriteDeadline(time.Now().Add(idleTimeout))
			if _, err := to.Write(buffer[:n]); err != nil {
				break
			}
		}
		if errors.Is(err, os.ErrDeadlineExceeded) && time.Since(time.Unix(0, last.Load())) < idleTimeout {
			continue // the other direction is at work
		}
		if err != nil {
			if errors.Is(err, io.EOF) && closeWrite(to) == nil {
				return
			}
			break
		}
	}
	_ = from.Close()
	_ = to.Close()
}
