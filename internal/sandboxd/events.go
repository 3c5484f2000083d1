package sandboxd

import (
	"context"
	"encoding/json"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/coder/websocket"
	"github.com/google/uuid"
)

// The event stream is the least of Socket.IO 4 over Engine.IO 4 that Daytona's SDKs use: WebSocket only, one namespace, server
// to client. A packet is a text message; its first digit is Engine.IO's type, the second Socket.IO's.
const (
	packetOpen      = "0"
	packetPing      = "2"
	packetConnect   = "40"
	packetEvent     = "42"
	packetRefused   = "44"
	packetBye       = "41"
	pingInterval    = 25 * time.Second
	pingTimeout     = 20 * time.Second
	maxListeners    = 256
	listenerBacklog = 256 // events; a listener that is further behind is cut off, and polls or dials again
)

// hub hands each change of a sandbox's state to every listener.
type hub struct {
	mu        sync.Mutex
	closed    bool
	listeners map[*listener]bool
}

type listener struct {
	host   string
	events chan string
}

func newHub() *hub { return &hub{listeners: map[*listener]bool{}} }

// created tells of a new sandbox.
func (h *hub) created(s *Server, r record) {
	h.send(func(host string) []any { return []any{"sandbox.created", s.dto(&r, host)} })
}

// changed tells of a change of state, if there is one.
func (h *hub) changed(s *Server, r record, old State) {
	if r.State == old {
		return
	}
	h.send(func(host string) []any {
		return []any{"sandbox.state.updated", map[string]any{"sandbox": s.dto(&r, host), "oldState": old, "newState": r.State}}
	})
}

func (h *hub) send(event func(host string) []any) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for l := range h.listeners {
		text, err := json.Marshal(event(l.host))
		if err != nil {
			continue
		}
		select {
		case l.events <- packetEvent + string(text):
		default:
			delete(h.listeners, l)
			close(l.events)
		}
	}
}

func (h *hub) join(host string) *listener {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.closed || len(h.listeners) >= maxListeners {
		return nil
	}
	l := &listener{host: host, events: make(chan string, listenerBacklog)}
	h.listeners[l] = true
	return l
}

func (h *hub) leave(l *listener) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.listeners[l] {
		delete(h.listeners, l)
		close(l.events)
	}
}

// close ends every stream.
func (h *hub) close() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.closed = true
	for l := range h.listeners {
		delete(h.listeners, l)
		close(l.events)
	}
}

// serveEvents speaks with one SDK. The API key comes in its connect packet.
func (s *Server) serveEvents(w http.ResponseWriter, r *http.Request) {
	if r.URL.Query().Get("transport") != "websocket" {
		writeError(w, r, refuse(http.StatusBadRequest, "Transport unknown"))
		return
	}
	conn, err := websocket.Accept(w, r, nil)
	if err != nil {
		return // Accept has answered
	}
	defer conn.CloseNow()
	conn.SetReadLimit(64 << 10)
	ctx, cancel := context.WithCancel(r.Context())
	defer cancel()
	if !s.greet(ctx, conn) {
		return
	}
	// Joined before the client hears that it is connected: from then on it counts on every event.
	l := s.events.join(r.Host)
	if l == nil {
		return
	}
	defer s.events.leave(l)
	if sendPacket(ctx, conn, packetConnect+`{"sid":"`+uuid.NewString()+`"}`) != nil {
		return
	}
	go func() {
		defer cancel()
		readPongs(ctx, conn)
	}()
	writeEvents(ctx, conn, l)
	_ = conn.Close(websocket.StatusNormalClosure, "")
}

// greet opens the session and checks the key.
func (s *Server) greet(ctx context.Context, conn *websocket.Conn) bool {
	ctx, cancel := context.WithTimeout(ctx, pingTimeout)
	defer cancel()
	open, _ := json.Marshal(map[string]any{
		"sid": uuid.NewString(), "upgrades": []string{}, "pingInterval": pingInterval.Milliseconds(),
		"pingTimeout": pingTimeout.Milliseconds(), "maxPayload": 1_000_000,
	})
	if sendPacket(ctx, conn, packetOpen+string(open)) != nil {
		return false
	}
	_, message, err := conn.Read(ctx)
	body, isConnect := strings.CutPrefix(string(message), packetConnect)
	var auth struct {
		Token string `json:"token"`
	}
	if err != nil || !isConnect || json.Unmarshal([]byte(body), &auth) != nil || !s.keyHash.matches(auth.Token) {
		_ = sendPacket(ctx, conn, packetRefused+`{"message":"Unauthorized"}`)
		_ = conn.Close(websocket.StatusPolicyViolation, "")
		return false
	}
	return true
}

// writeEvents sends events and pings until the listener is cut off or the connection ends.
func writeEvents(ctx context.Context, conn *websocket.Conn, l *listener) {
	ticker := time.NewTicker(pingInterval)
	defer ticker.Stop()
	for {
		packet := packetPing
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		case event, open := <-l.events:
			if !open {
				return
			}
			packet = event
		}
		if sendPacket(ctx, conn, packet) != nil {
			return
		}
	}
}

// readPongs reads until the client says goodbye or is silent for longer than a ping and its answer take.
func readPongs(ctx context.Context, conn *websocket.Conn) {
	for {
		bounded, cancel := context.WithTimeout(ctx, pingInterval+pingTimeout)
		_, message, err := conn.Read(bounded)
		cancel()
		if err != nil || strings.HasPrefix(string(message), packetBye) {
			return
		}
	}
}

func sendPacket(ctx context.Context, conn *websocket.Conn, packet string) error {
	ctx, cancel := context.WithTimeout(ctx, pingTimeout)
	defer cancel()
	return conn.Write(ctx, websocket.MessageText, []byte(packet))
}
