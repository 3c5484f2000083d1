package main

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/worker"
	"go.uber.org/zap"

	"pitwall/activities"
	"pitwall/internal/artifact"
	"pitwall/internal/daytona"
	"pitwall/internal/leakscan"
	"pitwall/internal/temporalclient"
	"pitwall/workflows"
)

// startBound is how long a start may wait for what it needs, before it says what is missing.
const startBound = 30 * time.Second

// work serves the chosen queues until ctx ends, and then drains.
func work(ctx context.Context, setup setup) (err error) {
	watch, err := newWatch(ctx, setup)
	if err != nil {
		return usageError{err}
	}
	defer watch.close()
	defer watch.errors.Process(&err)
	needs, err := connect(ctx, setup, watch)
	if err != nil && ctx.Err() != nil {
		setup.log.Info("stopped while starting")
		return nil
	}
	if err != nil {
		return err
	}
	defer needs.close()
	needs.store.LimitFiles(setup.policy.InputFolders())
	setup.log.Info("policy is in force", zap.String("policy_file", setup.config.PolicyFile), zap.String("policy_sha256", setup.policy.SHA256()))

	background, stop := context.WithCancel(context.WithoutCancel(ctx))
	defer stop()
	health := &health{log: setup.log, checks: needs.checks(), metrics: watch.metrics.Handler()}
	if setup.config.HealthAddr != "" {
		if err := health.serve(background, setup.config.HealthAddr); err != nil {
			return usageError{err}
		}
	}
	scanner, err := leakscan.New()
	if err != nil {
		return err
	}
	searchable := needs.searchable(ctx, setup.log)
	set := activities.New(activities.Deps{
		Temporal: needs.temporal, Daytona: needs.daytona, Store: needs.store, Config: setup.config, Policy: setup.policy,
		Cluster: needs.cluster, Namespace: needs.namespace, Log: setup.log,
		Metrics: watch.metrics, Journal: watch.journal, Redactor: setup.redactor, Secrets: setup.secrets, Scanner: scanner,
		Converter: setup.config.Temporal().Converter(), Searchable: searchable,
	})
	defer set.Close()
	if slices.Contains(setup.queues, queueSlots) && setup.config.HealthAddr != "" {
		go newCensus(needs, set, setup, watch).take(background)
	}
	if slices.Contains(setup.queues, queueWorkflows) {
		go needs.keepTemplates(background, setup.log)
	}
	return serve(ctx, setup, needs.temporal, set, watch, health)
}

// serve runs one SDK worker for each queue. The first that dies of a fatal error ends them all.
func serve(ctx context.Context, setup setup, temporal client.Client, set *activities.Set, watch *watch, health *health) error {
	// Of the whole process, and only before its first worker.
	worker.SetStickyWorkflowCacheSize(setup.config.WorkflowCache)
	var running []worker.Worker
	fatal := make(chan error, len(setup.queues))
	for _, queue := range setup.queues {
		served := newWorker(temporal, set, queue, setup, watch, func(err error) {
			fatal <- fmt.Errorf("serve queue %s: %w", queue, err)
		})
		if err := served.Start(); err != nil {
			stopAll(running)
			return fmt.Errorf("start serving queue %s: %w", queue, err)
		}
		running = append(running, served)
		watch.metrics.Serves(queue, true)
	}
	setup.log.Info("worker is serving", zap.Strings("queues", setup.queues), zap.String("account", setup.config.Account()),
		zap.Int("max_parallel_sandboxes", setup.config.MaxParallelSandboxes))
	var err error
	select {
	case <-ctx.Done():
		setup.log.Info("worker is draining")
	case err = <-fatal:
	}
	health.drain()
	stopAll(running)
	setup.log.Info("worker has stopped")
	return err
}

// stopAll stops all workers at the same time, so that the drain takes as long as the slowest.
func stopAll(running []worker.Worker) {
	var wg sync.WaitGroup
	for _, served := range running {
		wg.Go(served.Stop)
	}
	wg.Wait()
}

// needs is what the worker is connected to.
type needs struct {
	temporal           client.Client
	daytona            *daytona.Client
	store              *artifact.Store
	cluster, namespace string
	// temporalNamespace is the name of Temporal's namespace, whose UUID is namespace.
	temporalNamespace string
}

// connect reaches everything that the worker needs, or says in one line what is missing.
func connect(ctx context.Context, setup setup, watch *watch) (*needs, error) {
	ctx, cancel := context.WithTimeout(ctx, startBound)
	defer cancel()
	access := setup.config.Daytona()
	access.Tracer = watch.tracing.Tracer()
	provider, err := daytona.New(access)
	if err != nil {
		return nil, usageError{err}
	}
	if setup.config.Enabled {
		if err := checkKey(ctx, provider, askPause); err != nil {
			return nil, err
		}
	}
	store, err := artifact.Open(ctx, setup.config.Store)
	if err != nil {
		return nil, err
	}
	connected := &needs{daytona: provider, store: store}
	if err := store.Check(ctx); err != nil {
		connected.close()
		return nil, err
	}
	options, err := watch.over(setup, setup.config.Temporal())
	if err != nil {
		connected.close()
		return nil, err
	}
	options.Redactor = setup.redactor
	resolved, err := temporalclient.Resolve(options)
	if err != nil {
		connected.close()
		return nil, usageError{err}
	}
	connected.temporal, err = temporalclient.Dial(ctx, options, setup.log)
	if err != nil {
		connected.close()
		return nil, err
	}
	connected.temporalNamespace = resolved.Namespace
	connected.cluster, connected.namespace, err = temporalclient.Identity(ctx, connected.temporal, resolved.Namespace)
	if err == nil {
		err = workflows.EnsureReaperSchedule(ctx, connected.temporal, setup.config.ReaperInterval)
	}
	if err == nil {
		err = workflows.EnsureRetentionSchedule(ctx, connected.temporal, setup.config.SchedulesRetention())
	}
	if err != nil {
		connected.close()
		return nil, err
	}
	return connected, nil
}

func (n *needs) close() {
	if n.temporal != nil {
		n.temporal.Close()
	}
	n.daytona.CloseIdle()
	_ = n.store.Close() // nothing is being written any more
}

func (n *needs) checks() []check {
	return []check{
		{"temporal", func(ctx context.Context) error {
			_, err := n.temporal.CheckHealth(ctx, &client.CheckHealthRequest{})
			return err
		}},
		{"daytona", n.daytona.Health},
	}
}
