//go:build linux

package toolbox

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"
	"time"
)

// Bounds of the HTTP server.
const (
	maxHeaderBytes = 64 << 10
	// maxRequests bounds what is served at once; more is answered 503. Commands that are waited for count.
	maxRequests = 128
	// maxJSONBytes bounds a JSON request; a command or a program travels in one.
	maxJSONBytes = 16 << 20
	// headerTimeout and idleTimeout are those of Daytona's own daemon.
	headerTimeout = 10 * time.Second
	idleTimeout   = 70 * time.Second
	// shutdownTimeout is how long Serve lets requests end.
	shutdownTimeout = 2 * time.Second
)

// Server is the agent.
type Server struct {
	cfg        Config
	user, root identity
	env        *environment
	procs      *processes
	watcher    *watcher // nil: SingleUser
	sessions   *sessions
	slots      chan struct{}
	// stopped is closed when Serve no longer waits for requests to end.
	stopped chan struct{}
}

// New prepares an agent. It starts nothing yet, but mounts the sandbox's control groups.
func New(cfg Config) (*Server, error) {
	cfg = cfg.WithDefaults()
	err := cfg.Validate()
	if err != nil {
		return nil, fmt.Errorf("toolbox configuration: %w", err)
	}
	if err := os.MkdirAll(cfg.StateDir, 0o700); err != nil {
		return nil, fmt.Errorf("make state dir: %w", err)
	}
	s := &Server{
		cfg:   cfg,
		user:  identity{name: cfg.User, uid: cfg.UID, gid: cfg.GID, home: cfg.Home},
		root:  identity{name: "root", home: cfg.Home, current: true, root: true},
		env:   newEnvironment(cfg.Env),
		slots: make(chan struct{}, maxRequests), stopped: make(chan struct{}),
	}
	if s.sessions, err = newSessions(filepath.Join(cfg.StateDir, "sessions")); err != nil {
		return nil, err
	}
	if cfg.SingleUser {
		s.user = identity{name: cfg.User, uid: os.Getuid(), gid: os.Getgid(), home: cfg.Home, current: true}
		s.root = s.user
		s.procs = newProcesses(nil, nil)
		return s, nil
	}
	if err := os.MkdirAll(cfg.StateDir, 0o700); err != nil {
		return nil, fmt.Errorf("make state dir: %w", err)
	}
	if err := ownHome(cfg); err != nil {
		return nil, err
	}
	groups, err := newGroups(cfg.CgroupDir, cfg.Limits)
	if err != nil {
		return nil, err
	}
	s.procs = newProcesses(groups, cfg.Limits.resourceLimits())
	s.watcher = &watcher{
		groups: groups, limits: cfg.Limits, uid: cfg.UID, events: &limitEvents{path: cfg.LimitEvents}, logger: cfg.Logger, started: s.procs.started,
		pressure: make(chan LimitEvent, 1),
	}
	return s, nil
}

// ownHome gives the user its home: a rootless server cannot make a directory of another user, so in its root file system the
// home is root's.
func ownHome(cfg Config) error {
	if err := os.MkdirAll(cfg.Home, 0o755); err != nil {
		return fmt.Errorf("make home: %w", err)
	}
	if err := os.Lchown(cfg.Home, cfg.UID, cfg.GID); err != nil {
		return fmt.Errorf("give home to %s: %w", cfg.User, err)
	}
	return nil
}

// Serve answers on l until ctx ends, reaping the sandbox's processes meanwhile. It closes l.
func (s *Server) Serve(ctx context.Context, l net.Listener) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	if s.cfg.EgressSocket != "" {
		out, err := listenEgress(s.cfg.EgressSocket, s.cfg.EgressListen)
		if err != nil {
			l.Close()
			return err
		}
		go out.serve(ctx)
	}
	go s.procs.reapUntil(ctx)
	if s.watcher != nil {
		go s.watcher.run(ctx)
	}
	server := &http.Server{
		Handler: s.Handler(), MaxHeaderBytes: maxHeaderBytes, ReadHeaderTimeout: headerTimeout, IdleTimeout: idleTimeout,
	}
	context.AfterFunc(ctx, func() {
		grace, cancel := context.WithTimeout(context.Background(), shutdownTimeout)
		defer cancel()
		if err := server.Shutdown(grace); err != nil {
			_ = server.Close()
		}
		close(s.stopped)
	})
	if err := server.Serve(l); !errors.Is(err, http.ErrServerClosed) {
		return fmt.Errorf("serve toolbox: %w", err)
	}
	<-s.stopped
	return nil
}

// Listen opens the socket at path in place of one that an earlier agent left. Its directory becomes the owner's alone, so that
// nobody else reaches the socket whatever its own permissions. Each call on the host's file system here costs a millisecond
// of the sandbox's start.
func Listen(path string) (net.Listener, error) {
	dir := filepath.Dir(path)
	info, err := os.Stat(dir)
	if err != nil {
		return nil, fmt.Errorf("find socket's directory: %w", err)
	}
	if info.Mode().Perm()&0o077 != 0 {
		if err := os.Chmod(dir, 0o700); err != nil {
			return nil, fmt.Errorf("protect socket's directory: %w", err)
		}
	}
	if err := os.Remove(path); err != nil && !errors.Is(err, os.ErrNotExist) {
		return nil, fmt.Errorf("remove old socket: %w", err)
	}
	l, err := net.Listen("unix", path)
	if err != nil {
		return nil, fmt.Errorf("listen: %w", err)
	}
	return l, nil
}

// handler serves a request, or returns the error to answer with, before which it has written nothing.
type handler func(w http.ResponseWriter, r *http.Request) error

// Handler is the toolbox API, at the root: /process/execute, /files/..., /version.
func (s *Server) Handler() http.Handler {
	mux := http.NewServeMux()
	for pattern, h := range s.routes() {
		mux.HandleFunc(pattern, s.serve(h))
	}
	return mux
}

func (s *Server) serve(h handler) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		select {
		case s.slots <- struct{}{}:
			defer func() { <-s.slots }()
		default:
			writeError(w, r, &apiError{http.StatusServiceUnavailable, "BAD_REQUEST", fmt.Sprintf("more than %d requests at once", maxRequests)})
			return
		}
		if err := h(w, r); err != nil {
			writeError(w, r, err)
		}
	}
}

// readJSON decodes a bounded body. Unknown fields pass: newer client libraries send more.
func readJSON(w http.ResponseWriter, r *http.Request, into any) error {
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxJSONBytes))
	if err != nil {
		return fmt.Errorf("read request: %w", err)
	}
	if err := json.Unmarshal(body, into); err != nil {
		return &apiError{http.StatusBadRequest, "INVALID_REQUEST_BODY", "invalid request body: " + err.Error()}
	}
	return nil
}

// Signals returns a context that ends when the sandbox is stopped.
func Signals(ctx context.Context) (context.Context, context.CancelFunc) {
	return signal.NotifyContext(ctx, os.Interrupt, syscall.SIGTERM)
}
