package daytonatest

import (
	"bytes"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
)

// Fault is what happens to the next Times requests whose method and path match, instead of their being served.
type Fault struct {
	Method string // empty: any
	Path   string // a part of the escaped path
	Times  int    // 0 means 1
	// Do answers; serve is what would have happened.
	Do func(w http.ResponseWriter, r *http.Request, serve http.HandlerFunc)
}

// Fail adds faults; the first that matches a request applies to it.
func (s *Server) Fail(faults ...Fault) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, fault := range faults {
		fault.Times = max(fault.Times, 1)
		s.faults = append(s.faults, &fault)
	}
}

func (s *Server) takeFault(method, path string) *Fault {
	for i, fault := range s.faults {
		if fault.Method != "" && fault.Method != method || !strings.Contains(path, fault.Path) {
			continue
		}
		if fault.Times--; fault.Times == 0 {
			s.faults = append(s.faults[:i:i], s.faults[i+1:]...)
		}
		return fault
	}
	return nil
}

// Answer gives a status with a message in Daytona's shape, and nothing happens.
func Answer(status int, message string, headers ...string) func(http.ResponseWriter, *http.Request, http.HandlerFunc) {
	return func(w http.ResponseWriter, r *http.Request, _ http.HandlerFunc) {
		for i := 0; i+1 < len(headers); i += 2 {
			w.Header().Set(headers[i], headers[i+1])
		}
		writeError(w, r, status, message)
	}
}

// Raw gives a status with a body as it stands: a gateway's page, a daemon's empty answer.
func Raw(status int, contentType, body string) func(http.ResponseWriter, *http.Request, http.HandlerFunc) {
	return func(w http.ResponseWriter, _ *http.Request, _ http.HandlerFunc) {
		w.Header().Set("Content-Type", contentType)
		w.WriteHeader(status)
		_, _ = io.WriteString(w, body)
	}
}

// ResetBefore breaks the connection before anything happens.
func ResetBefore(w http.ResponseWriter, _ *http.Request, _ http.HandlerFunc) { reset(w) }

// ResetAfter lets it happen and breaks the connection instead of saying so.
func ResetAfter(w http.ResponseWriter, r *http.Request, serve http.HandlerFunc) {
	serve(httptest.NewRecorder(), r)
	reset(w)
}

// HangAfter lets it happen and then says nothing until the client goes away.
func HangAfter(w http.ResponseWriter, r *http.Request, serve http.HandlerFunc) {
	serve(httptest.NewRecorder(), r)
	<-r.Context().Done()
}

// FailAfter lets it happen and answers with an error in Daytona's shape.
func FailAfter(status int, message string) func(http.ResponseWriter, *http.Request, http.HandlerFunc) {
	return func(w http.ResponseWriter, r *http.Request, serve http.HandlerFunc) {
		serve(httptest.NewRecorder(), r)
		writeError(w, r, status, message)
	}
}

// CutAfter serves and breaks the connection after that many bytes of the body.
func CutAfter(count int) func(http.ResponseWriter, *http.Request, http.HandlerFunc) {
	return func(w http.ResponseWriter, r *http.Request, serve http.HandlerFunc) {
		recorder := httptest.NewRecorder()
		serve(recorder, r)
		for name, values := range recorder.Header() {
			w.Header()[name] = values
		}
		w.WriteHeader(recorder.Code)
		body := recorder.Body.Bytes()
		_, _ = w.Write(body[:min(count, len(body))])
		_ = http.NewResponseController(w).Flush()
		reset(w)
	}
}

// reset closes the connection with a TCP reset.
func reset(w http.ResponseWriter) {
	conn, _, err := http.NewResponseController(w).Hijack()
	if err != nil {
		panic(http.ErrAbortHandler) // HTTP/2, or hijacked already: the server cuts it
	}
	if tcp, ok := conn.(*net.TCPConn); ok {
		_ = tcp.SetLinger(0)
	}
	_ = conn.Close()
}

// keepBody reads a request's body and puts it back.
func (s *Server) keepBody(r *http.Request) string {
	raw, err := io.ReadAll(io.LimitReader(r.Body, 1<<20))
	if err != nil {
		s.t.Logf("read request: %v", err)
	}
	r.Body = io.NopCloser(bytes.NewReader(raw))
	return string(raw)
}
