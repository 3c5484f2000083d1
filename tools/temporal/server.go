package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	uiserver "github.com/temporalio/ui-server/v2/server"
	"go.temporal.io/server/common/authorization"
	"go.temporal.io/server/common/config"
	"go.temporal.io/server/temporal"
)

// stopTimeout bounds a graceful stop. Nothing is lost past it: the database survives a kill.
const stopTimeout = 10 * time.Second

var errStopTimeout = errors.New("stop Temporal: services are still busy after " + stopTimeout.String() + "; ending anyway")

// Server is a running Temporal server, with its web UI unless it is headless.
type Server struct {
	temporal temporal.Server
	ui       *uiserver.Server // nil when headless
}

// Start returns once clients can connect and the namespaces and search attributes are there.
func Start(ctx context.Context, opts Options) (*Server, error) {
	for _, port := range chosenPorts(opts) {
		if err := port.check(); err != nil {
			return nil, err
		}
	}
	store, err := openStore(opts)
	if err != nil {
		return nil, err
	}
	engine, err := newEngine(opts, store)
	if err != nil {
		return nil, err
	}
	if err := engine.Start(); err != nil {
		return nil, fmt.Errorf("start Temporal: %w", err)
	}
	server := &Server{temporal: engine}
	if err := waitReady(ctx, opts); err != nil {
		return nil, errors.Join(err, server.Stop())
	}
	if !opts.Headless {
		server.ui = newUI(opts)
		go func() { _ = server.ui.Start() }() // ends when stopped; its port was seen free, else it ends the process
	}
	return server, nil
}

func newEngine(opts Options, store *config.SQL) (temporal.Server, error) {
	ports, err := servicePorts(opts)
	if err != nil {
		return nil, err
	}
	logger, err := newLogger(opts)
	if err != nil {
		return nil, err
	}
	engine, err := temporal.NewServer(
		temporal.WithConfig(serverConfig(opts, ports, store)),
		temporal.ForServices(temporal.DefaultServices),
		temporal.WithStaticHosts(staticHosts(opts, ports)),
		temporal.WithLogger(logger),
		temporal.WithAuthorizer(authorization.NewNoopAuthorizer()),
		temporal.WithClaimMapper(func(*config.Config) authorization.ClaimMapper { return authorization.NewNoopClaimMapper() }),
		temporal.WithDynamicConfigClient(dynamicConfig(opts.DynamicConfig)),
	)
	if err != nil {
		return nil, fmt.Errorf("configure Temporal: %w", err)
	}
	return engine, nil
}

// Stop ends the UI, then the server, within stopTimeout.
func (s *Server) Stop() error {
	if s.ui != nil {
		s.ui.Stop()
	}
	done := make(chan error, 1)
	go func() { done <- s.temporal.Stop() }()
	select {
	case err := <-done:
		if err != nil {
			return fmt.Errorf("stop Temporal: %w", err)
		}
		return nil
	case <-time.After(stopTimeout):
		return errStopTimeout
	}
}
