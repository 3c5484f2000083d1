package egress

import (
	"context"
	"errors"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httputil"
	"time"

	"go.uber.org/zap"
)

// Times of a connection and of a request. A connection that is silent for idleTimeout is closed; none lives longer than
// maxLife.
const (
	headerTimeout = 10 * time.Second
	answerTimeout = 2 * time.Minute
	idleTimeout   = 2 * time.Minute
	maxLife       = time.Hour
)

// handler is the proxy of one sandbox.
func (e *Egress) handler() http.Handler {
	forward := &httputil.ReverseProxy{
		Transport: &http.Transport{
			DialContext:           func(ctx context.Context, _, address string) (net.Conn, error) { return e.dial(ctx, address) },
			DisableKeepAlives:     true, // each request is judged by itself
			DisableCompression:    true,
			ResponseHeaderTimeout: answerTimeout, MaxResponseHeaderBytes: maxHeaderBytes,
		},
		FlushInterval: -1,
		Rewrite:       func(r *httputil.ProxyRequest) { r.Out.Host = r.In.URL.Host },
		ErrorHandler:  func(w http.ResponseWriter, _ *http.Request, err error) { answer(w, err) },
		ErrorLog:      log.New(io.Discard, "", 0), // what a job does with its connections is nobody's concern
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch {
		case r.Method == http.MethodConnect:
			e.tunnel(w, r)
		case r.URL.Scheme == "http" && r.URL.Host != "":
			forward.ServeHTTP(w, r)
		default:
			answer(w, refuse("ask for http://HOST/PATH, or CONNECT HOST:PORT"))
		}
	})
}

// dial makes a connection for the sandbox, or notes why not.
func (e *Egress) dial(ctx context.Context, hostPort string) (net.Conn, error) {
	conn, err := e.dialer.Dial(ctx, e.allow, hostPort)
	var refused *RefusedError
	switch {
	case err == nil:
		e.admitted.Add(1)
		return e.live.keep(conn, func() {}), nil
	case errors.As(err, &refused):
		if e.refused.Add(1) <= maxLogged {
			e.log.Info("egress refused", zap.String("reason", refused.Reason))
		}
	}
	return nil, err
}

// answer says why there is no answer from outside.
func answer(w http.ResponseWriter, err error) {
	status := http.StatusBadGateway
	if errors.As(err, new(*RefusedError)) {
		status = http.StatusForbidden
	}
	http.Error(w, err.Error(), status)
}

// tunnel answers CONNECT.
func (e *Egress) tunnel(w http.ResponseWriter, r *http.Request) {
	out, err := e.dial(r.Context(), r.Host)
	if err != nil {
		answer(w, err)
		return
	}
	defer out.Close()
	in, buffered, err := http.NewResponseController(w).Hijack()
	if err != nil {
		answer(w, err)
		return
	}
	defer in.Close()
	if _, err := io.WriteString(in, "HTTP/1.1 200 Connection established\r\n\r\n"); err != nil {
		return
	}
	// What the client sent behind its request is with the server's reader.
	early := make([]byte, buffered.Reader.Buffered())
	if _, err := io.ReadFull(buffered, early); err != nil {
		return
	}
	if _, err := out.Write(early); err != nil {
		return
	}
	splice(in, out)
}
