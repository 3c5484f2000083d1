package sandboxd

import (
	"context"
	"net"
	"sync"

	"go.uber.org/zap"

	"pitwall/internal/sandboxd/egress"
	"pitwall/internal/sandboxd/gvisor"
)

// ways are the ways out of the started sandboxes that have one.
type ways struct {
	mu   sync.Mutex
	open map[string]*egress.Egress
}

func newWays() *ways { return &ways{open: map[string]*egress.Egress{}} }

// connect opens what a started sandbox is reached by, and its own way out if its allow list admits anything.
func (s *Server) connect(rec record) {
	s.proxies.open(rec.ID, s.runtime.Socket(rec.ID))
	allow, err := egress.ParseAllow(rec.NetworkAllowList, rec.DomainAllowList)
	if err != nil || allow.Empty() {
		return // a list that was checked before it was recorded
	}
	socket := s.runtime.EgressSocket(rec.ID)
	into := func(ctx context.Context) (net.Conn, error) { return gvisor.Dial(ctx, socket) }
	way := egress.Open(allow, s.cfg.egress, into, s.cfg.Logger.With(zap.String("sandbox_id", rec.ID)))
	s.ways.mu.Lock()
	defer s.ways.mu.Unlock()
	s.ways.open[rec.ID] = way
}

// disconnect ends what connect opened.
func (s *Server) disconnect(id string) {
	s.proxies.close(id)
	s.ways.mu.Lock()
	way := s.ways.open[id]
	delete(s.ways.open, id)
	s.ways.mu.Unlock()
	if way != nil {
		way.Close()
	}
}

// closeAll ends every way out, for sandboxes that outlive this server.
func (w *ways) closeAll() {
	w.mu.Lock()
	open := w.open
	w.open = map[string]*egress.Egress{}
	w.mu.Unlock()
	for _, way := range open {
		way.Close()
	}
}
