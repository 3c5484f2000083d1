//go:build linux

package toolbox

import (
	"context"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/coder/websocket"
)

// outputMode is the shape in which a client library expects a session's output, by its version.
type outputMode int

const (
	// combined is one text without markers: libraries before 0.27, and callers that name no version.
	combined outputMode = iota
	// marked is one text with markers, which the library takes apart: 0.27 to 0.166.
	marked
	// split is stdout and stderr apart, and the marked text besides: 0.167 on, and development versions.
	split
)

const versionHeader = "X-Daytona-SDK-Version"

// versionProtocol is how a browser, which cannot set headers, names its version: as a WebSocket subprotocol.
const versionProtocol = versionHeader + "~"

func outputModeOf(r *http.Request) outputMode {
	if r.Header.Get("X-Daytona-Split-Output") == "true" {
		return split
	}
	version := r.Header.Get(versionHeader)
	for _, protocol := range offeredProtocols(r) {
		if rest, ok := strings.CutPrefix(protocol, versionProtocol); ok && version == "" {
			version = rest
		}
	}
	return outputModeOfVersion(version)
}

func outputModeOfVersion(version string) outputMode {
	if strings.Contains(version, "dev") {
		return split
	}
	parts := strings.SplitN(strings.TrimPrefix(version, "v"), ".", 3)
	if len(parts) < 2 {
		return combined
	}
	major, errMajor := strconv.Atoi(parts[0])
	minor, errMinor := strconv.Atoi(parts[1])
	switch {
	case errMajor != nil || errMinor != nil:
		return combined
	case major > 0 || minor >= 167:
		return split
	case minor >= 27:
		return marked
	}
	return combined
}

// logsBody is a command's output. In split mode output has the markers; otherwise stdout and stderr are null.
type logsBody struct {
	Output string  `json:"output"`
	Stdout *string `json:"stdout"`
	Stderr *string `json:"stderr"`
}

func readLogs(c *sessionCommand, mode outputMode) (logsBody, error) {
	text, err := c.journal.read()
	if err != nil {
		return logsBody{}, err
	}
	valid := func(b []byte) string { return strings.ToValidUTF8(string(b), "\uFFFD") }
	switch mode {
	case combined:
		return logsBody{Output: valid(combine(text))}, nil
	case marked:
		return logsBody{Output: valid(text)}, nil
	}
	out, errOut := demux(text)
	o, e := valid(out), valid(errOut)
	return logsBody{valid(text), &o, &e}, nil
}

// commandLogs serves GET .../command/{command}/logs: what there is, as JSON or text by the library's version; or with
// follow=true, or over a WebSocket, the journal from its beginning.
func (s *Server) commandLogs(w http.ResponseWriter, r *http.Request) error {
	_, c, err := s.sessionCommandOf(r)
	if err != nil {
		return err
	}
	mode, follow := outputModeOf(r), r.URL.Query().Get("follow") == "true"
	switch {
	case strings.EqualFold(r.Header.Get("Upgrade"), "websocket"):
		return s.streamWebSocket(w, r, c, mode, follow)
	case follow:
		return streamHTTP(w, r, c, mode)
	}
	logs, err := readLogs(c, mode)
	if err != nil {
		return err
	}
	if mode == split {
		writeJSON(w, http.StatusOK, logs)
		return nil
	}
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	_, _ = io.WriteString(w, logs.Output)
	return nil
}

// journalWriter is what gets a journal in mode: for combined its markers are stripped on the way.
func journalWriter(mode outputMode, w io.Writer) io.Writer {
	if mode == combined {
		return &demuxer{stdout: w, stderr: w}
	}
	return w
}

// streamHTTP sends the journal in chunks until the command has ended.
func streamHTTP(w http.ResponseWriter, r *http.Request, c *sessionCommand, mode outputMode) error {
	w.Header().Set("Content-Type", "application/octet-stream")
	controller := http.NewResponseController(w)
	target := journalWriter(mode, w)
	err := c.journal.send(r.Context(), true, func(chunk []byte) error {
		if _, err := target.Write(chunk); err != nil {
			return err
		}
		return controller.Flush()
	})
	if err != nil {
		// The client must not take what it got for the whole.
		panic(http.ErrAbortHandler)
	}
	return nil
}

// messageTimeout bounds the sending of one message to a client that does not read.
const messageTimeout = 30 * time.Second

// streamWebSocket sends the journal as binary messages and closes with 1000 after its last byte; any other code says that
// something is missing.
func (s *Server) streamWebSocket(w http.ResponseWriter, r *http.Request, c *sessionCommand, mode outputMode, follow bool) error {
	conn, err := websocket.Accept(w, r, &websocket.AcceptOptions{
		// A client that offers subprotocols fails unless one is chosen; which one does not matter.
		Subprotocols: offeredProtocols(r),
		// The sandbox server is the only one who can connect, and has checked its client.
		InsecureSkipVerify: true,
	})
	if err != nil {
		// Accept has answered.
		return nil
	}
	defer conn.CloseNow()
	// Clients send nothing, but their close must be seen.
	ctx := conn.CloseRead(r.Context())
	target := journalWriter(mode, messageWriter{ctx, conn})
	err = c.journal.send(ctx, follow, func(chunk []byte) error {
		_, err := target.Write(chunk)
		return err
	})
	if err != nil {
		s.cfg.Logger.Info("log stream broke off", "command", c.id, "error", err)
		_ = conn.Close(websocket.StatusInternalError, "log stream broke off")
		return nil
	}
	_ = conn.Close(websocket.StatusNormalClosure, "")
	return nil
}

// messageWriter sends each write as a message.
type messageWriter struct {
	ctx  context.Context
	conn *websocket.Conn
}

// Write implements io.Writer.
func (m messageWriter) Write(p []byte) (int, error) {
	if len(p) == 0 {
		return 0, nil
	}
	ctx, cancel := context.WithTimeout(m.ctx, messageTimeout)
	defer cancel()
	return len(p), m.conn.Write(ctx, websocket.MessageBinary, p)
}

// offeredProtocols are the WebSocket subprotocols that a request offers.
func offeredProtocols(r *http.Request) []string {
	var offered []string
	for _, header := range r.Header.Values("Sec-WebSocket-Protocol") {
		for protocol := range strings.SplitSeq(header, ",") {
			offered = append(offered, strings.TrimSpace(protocol))
		}
	}
	return offered
}
