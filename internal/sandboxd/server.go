package sandboxd

import (
	"context"
	"errors"
	"fmt"
	"log"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"sync"
	"time"

	"go.uber.org/zap"

	"pitwall/internal/sandboxd/gvisor"
)

// Bounds of the HTTP server. Header and idle times are those of Daytona's own.
const (
	maxHeaderBytes = 64 << 10
	maxBodyBytes   = 1 << 20 // of a control plane request
	maxRequests    = 1024    // served at once, open streams included; more are answered 503
	headerTimeout  = 10 * time.Second
	idleTimeout    = 70 * time.Second
	shutdownGrace  = 5 * time.Second
)

// Server is the local control plane.
type Server struct {
	cfg     Config
	key     string
	keyHash keyHash
	runtime *gvisor.Runtime
	records *registry
	ledger  *ledger
	events  *hub
	proxies *proxies
	ways    *ways
	slots   chan struct{}
	stdLog  *log.Logger // what net/http has to say, at debug level

	mu       sync.Mutex
	draining bool           // no more transitions begin
	work     sync.WaitGroup // transitions under way
}

// New opens the state directory, and adopts or removes what an earlier server left there. It returns gvisor's
// ErrNoUserNamespaces, or one error that names what is wrong with directory or programs.
func New(ctx context.Context, cfg Config) (*Server, error) {
	cfg = cfg.WithDefaults()
	if err := cfg.validate(); err != nil {
		return nil, err
	}
	if err := os.MkdirAll(cfg.StateDir, 0o700); err != nil {
		return nil, fmt.Errorf("make state directory: %w", err)
	}
	runtime, err := gvisor.New(ctx, cfg.gvisor())
	if err != nil {
		return nil, err
	}
	s := &Server{cfg: cfg, runtime: runtime, events: newHub(), proxies: newProxies(), ways: newWays(), slots: make(chan struct{}, maxRequests)}
	if s.stdLog, err = zap.NewStdLogAt(cfg.Logger, zap.DebugLevel); err == nil {
		err = s.open(ctx)
	}
	if err != nil {
		runtime.Close()
		return nil, err
	}
	return s, nil
}

func (s *Server) open(ctx context.Context) (err error) {
	if s.key = s.cfg.APIKey; s.key == "" {
		if s.key, err = loadKey(s.cfg.StateDir); err != nil {
			return err
		}
	}
	s.keyHash = hashKey(s.key)
	if s.ledger, err = openLedger(s.cfg.StateDir, s.cfg.Logger); err != nil {
		return err
	}
	s.records, err = openRegistry(filepath.Join(s.cfg.StateDir, "sandboxes"), func(file string, err error) {
		s.cfg.Logger.Error("set aside an unreadable record", zap.String("file", file), zap.Error(err))
	})
	if err != nil {
		return err
	}
	return s.recover(ctx)
}

// APIKey is what clients must send as a bearer token.
func (s *Server) APIKey() string { return s.key }

// Bounds says how limits are held on this host.
func (s *Server) Bounds() []gvisor.Bound { return s.runtime.Bounds() }

// Serve answers on listener until ctx ends; then it removes all sandboxes, or with KeepOnShutdown leaves them, and returns nil.
// It may be called once.
func (s *Server) Serve(ctx context.Context, listener net.Listener) error {
	background, stop := context.WithCancel(ctx)
	defer stop()
	go s.watchExits(background)
	go s.runClocks(background)
	server := &http.Server{
		Handler: s.Handler(), MaxHeaderBytes: maxHeaderBytes, ReadHeaderTimeout: headerTimeout, IdleTimeout: idleTimeout,
		ErrorLog: s.stdLog,
	}
	failed := make(chan error, 1)
	go func() { failed <- server.Serve(listener) }()
	var err error
	select {
	case err = <-failed:
		err = fmt.Errorf("serve sandboxes: %w", err)
	case <-ctx.Done():
	}
	stop()
	return errors.Join(err, s.shutdown(context.WithoutCancel(ctx), server))
}

func (s *Server) shutdown(ctx context.Context, server *http.Server) error {
	s.mu.Lock()
	s.draining = true
	s.mu.Unlock()
	s.work.Wait() // each transition is bounded by the runtime
	var err error
	if !s.cfg.KeepOnShutdown {
		err = s.removeAll(ctx)
	}
	s.ways.closeAll()
	s.events.close()
	grace, cancel := context.WithTimeout(ctx, shutdownGrace)
	defer cancel()
	if server.Shutdown(grace) != nil {
		_ = server.Close() // streams that would go on for ever
	}
	err = errors.Join(err, s.records.flush(), s.ledger.file.Close())
	s.runtime.Close()
	return err
}

// begin lets a transition start, unless the server is shutting down; the caller calls s.work.Done when it ends.
func (s *Server) begin() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.draining {
		return refuse(http.StatusServiceUnavailable, "The sandbox server is shutting down")
	}
	s.work.Add(1)
	return nil
}
