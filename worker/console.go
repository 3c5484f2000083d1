package main

import (
	"context"
	"time"

	"go.uber.org/zap"

	"pitwall/workflows"
)

const (
	// templateInterval is how long a form may show somebody's input who left the template's ID in it. It is far below the
	// shortest retention that Temporal admits, one day.
	templateInterval = 5 * time.Minute
	consoleBound     = 30 * time.Second
)

// searchable says whether workflows may set search attributes: one that the namespace lacks would block them.
func (n *needs) searchable(ctx context.Context, log *zap.Logger) bool {
	ctx, cancel := context.WithTimeout(ctx, consoleBound)
	defer cancel()
	missing, err := workflows.MissingSearchAttributes(ctx, n.temporal, n.temporalNamespace)
	if err != nil || len(missing) > 0 {
		log.Warn("evals and campaigns get no search attributes: the namespace lacks some; docs/temporal-ui.md says how to add them",
			zap.Strings("missing", missing), zap.Error(err))
	}
	return err == nil && len(missing) == 0
}

// keepTemplates keeps the executions that fill in the UI's Start Workflow form, until ctx ends.
func (n *needs) keepTemplates(ctx context.Context, log *zap.Logger) {
	ticker := time.NewTicker(templateInterval)
	defer ticker.Stop()
	for {
		bounded, cancel := context.WithTimeout(ctx, consoleBound)
		err := workflows.EnsureTemplates(bounded, n.temporal, n.store)
		cancel()
		if err != nil && ctx.Err() == nil {
			log.Warn("the templates of the Start Workflow form are missing", zap.Error(err))
		}
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
	}
}
