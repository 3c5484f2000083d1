package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"sync"
	"time"

	"go.uber.org/zap"
)

// check is one thing that must answer before this worker is of use.
type check struct {
	name string
	ask  func(ctx context.Context) error
}

const (
	checkBound = 3 * time.Second
	// checkFresh is how long an answer is reused, so that probes cannot load Temporal or the provider.
	checkFresh = 2 * time.Second
)

// health serves /healthz (the process is alive), /readyz (Temporal and Daytona can be reached, and it does not drain) and
// /metrics (for Prometheus).
type health struct {
	checks  []check
	metrics http.Handler
	log     *zap.Logger

	mu       sync.Mutex // guards what follows
	draining bool
	askedAt  time.Time
	problems map[string]string
}

// serve listens on addr until ctx ends. Returns when it listens, or with the reason why it cannot.
func (h *health) serve(ctx context.Context, addr string) error {
	listener, err := net.Listen("tcp", addr)
	if err != nil {
		return fmt.Errorf("listen on PITWALL_HEALTH_ADDR=%s: %w; choose another address there, or stop the program that has this one", addr, err)
	}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprintln(w, "ok") })
	mux.HandleFunc("GET /readyz", h.ready)
	mux.Handle("GET /metrics", h.metrics)
	server := &http.Server{Handler: mux, ReadHeaderTimeout: checkBound, MaxHeaderBytes: 8 << 10}
	context.AfterFunc(ctx, func() { server.Close() })
	go func() {
		if err := server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
			h.log.Error("health endpoint ended", zap.Error(err))
		}
	}()
	h.log.Info("health endpoint listens", zap.String("addr", listener.Addr().String()))
	return nil
}

func (h *health) ready(w http.ResponseWriter, r *http.Request) {
	problems := h.ask(r.Context())
	status := http.StatusOK
	if len(problems) > 0 {
		status = http.StatusServiceUnavailable
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(map[string]any{"ready": len(problems) == 0, "problems": problems})
}

// ask returns the problems by name; none means ready.
func (h *health) ask(ctx context.Context) map[string]string {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.draining {
		return map[string]string{"worker": "draining"}
	}
	if time.Since(h.askedAt) < checkFresh && len(h.problems) == 0 {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, checkBound)
	defer cancel()
	h.problems = map[string]string{}
	for _, check := range h.checks {
		if err := check.ask(ctx); err != nil {
			h.problems[check.name] = err.Error()
		}
	}
	h.askedAt = time.Now()
	return h.problems
}

func (h *health) drain() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.draining = true
}
