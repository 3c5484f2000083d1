package main

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net"
	"slices"

	"go.uber.org/zap"

	"pitwall/internal/sandboxd"
	"pitwall/test/faultproxy"
)

// loadFaults reads the script of --faults; none, where the flag is not given.
func (o sandboxdOptions) loadFaults() (faultproxy.Script, error) {
	if o.faults == "" {
		return faultproxy.Script{}, nil
	}
	script, err := faultproxy.Load(o.faults)
	if err != nil {
		return script, &UsageError{Err: err, Hint: "examples/faults has scripts, docs/local-platform.md the faults"}
	}
	return script, nil
}

// serveWithFaults puts the fault proxy on the listener that clients know, and the server behind it on a port of its own.
func serveWithFaults(ctx context.Context, server *sandboxd.Server, listener net.Listener, script faultproxy.Script, log *zap.Logger) error {
	behind, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return errors.Join(fmt.Errorf("listen behind faults: %w", err), listener.Close())
	}
	proxy, err := faultproxy.New("http://"+behind.Addr().String(), script)
	if err != nil {
		return errors.Join(err, listener.Close(), behind.Close())
	}
	proxy.OnFault(func(fault faultproxy.Fault, r faultproxy.Request) {
		log.Warn("injected a fault", zap.String("fault", string(fault)), zap.String("call", string(r.Call)),
			zap.String("path", r.Path), zap.String("sandbox_id", r.SandboxID), zap.String("sandbox_name", r.Name))
	})
	// A front that fails takes the server with it, and the other way round.
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	front := make(chan error, 1)
	go func() {
		defer cancel()
		front <- proxy.Serve(listener)
	}()
	err = server.Serve(ctx, behind)
	proxy.Close()
	err = errors.Join(err, <-front)
	counts := proxy.Injected()
	for _, fault := range slices.Sorted(maps.Keys(counts)) {
		log.Info("faults injected", zap.String("fault", string(fault)), zap.Int("times", counts[fault]))
	}
	return err
}
