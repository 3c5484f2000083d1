package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"go.temporal.io/sdk/client"

	"pitwall/activities"
	"pitwall/internal/artifact"
	"pitwall/internal/audit"
	"pitwall/internal/daytona"
	"pitwall/internal/temporalclient"
)

// Bounds of one audit. What is past them makes it incomplete, and it says so.
const (
	maxAuditRuns  = 100_000   // of leases, and of evals: a busy week at 8 slots
	maxAuditAsked = 20_000    // sandboxes that the provider is asked about by id
	maxAuditKeys  = 5_000_000 // objects of the store that are looked at
	auditAtOnce   = 8         // calls on their way
)

// auditCollector reads an audit's sources: what is written later is read earlier, so that no race makes a finding.
type auditCollector struct {
	audit.Sources
	provider *daytona.Client
	temporal client.Client
	options  temporalclient.Options // of that connection
	store    *artifact.Store        // nil when it cannot be opened, for storeErr
	storeErr error
	retain   time.Duration // of evals of no campaign in the store; 0: for ever
	mu       sync.Mutex    // of what is gathered
}

func newAuditCollector(ctx context.Context, target deployment, span span) (*auditCollector, error) {
	provider, err := newProvider(target)
	if err != nil {
		return nil, err
	}
	temporal, err := dialTemporal(ctx, target)
	if err != nil {
		return nil, err
	}
	c := &auditCollector{provider: provider, temporal: temporal, options: target.temporal, retain: target.Retain.Std()}
	c.Since, c.Until, c.LeasePrefix = span.since.UTC(), span.until.UTC(), leasePrefix(target.Account())
	if c.Cluster, c.Namespace, err = temporalclient.Identity(ctx, temporal, target.namespace()); err != nil {
		c.close()
		return nil, err
	}
	c.store, c.storeErr = openStore(ctx, target)
	return c, nil
}

// leasePrefix is what the IDs of an account's leases begin with.
func leasePrefix(account string) string {
	return strings.TrimSuffix(activities.LeaseID(account, 0), "0")
}

func (c *auditCollector) close() {
	c.temporal.Close()
	c.provider.CloseIdle()
	if c.store != nil {
		c.store.Close()
	}
}

// gap notes a source that could not be read to its end.
func (c *auditCollector) gap(source string, err error) {
	if err == nil {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if gap := fmt.Sprintf("%s: %v", source, err); !slices.Contains(c.Gaps, gap) {
		c.Gaps = append(c.Gaps, gap)
	}
}

func (c *auditCollector) collect(ctx context.Context) audit.Sources {
	c.gap("the reaper's runs", c.readReaper(ctx))
	c.gap("eval runs", c.readEvals(ctx))
	c.gap("lease runs", c.readLeases(ctx))
	err := c.readStore(ctx)
	c.ResultsPartial = err != nil
	c.gap("the store's results", err)
	c.readMade(ctx)
	listed, err := c.list(ctx)
	c.gap("the provider's list", err)
	c.gap("the lease runs that sandboxes name", c.readNamedLeases(ctx, listed))
	c.readMade(ctx) // again, for the ends of those whose leases were read just now
	c.ask(ctx, listed)
	c.Now = time.Now().UTC()
	return c.Sources
}

// readMade reads what was created: the sandbox server's ledger, or what the leases were told.
func (c *auditCollector) readMade(ctx context.Context) {
	made, err := readLedger(ctx, c.provider, c.Since)
	if errors.Is(err, daytona.ErrNoLedger) {
		c.Record, c.Made = audit.RecordTemporal, madeByLeases(c.Sources)
		return
	}
	c.Record, c.Made = audit.RecordServer, made
	c.gap("the sandbox server's ledger", err)
}

// causeDeleted and causeStopped are the causes of an end that somebody asked for; the others are the provider's own.
const (
	causeDeleted = "delete"
	causeStopped = "stop"
)

func readLedger(ctx context.Context, provider *daytona.Client, since time.Time) ([]audit.Made, error) {
	var made []audit.Made
	at := map[string]int{}
	for entry, err := range provider.Ledger(ctx, since) {
		if err != nil {
			return made, err
		}
		i, known := at[entry.ID]
		switch {
		case entry.Event == daytona.LedgerCreated:
			at[entry.ID] = len(made)
			made = append(made, audit.Made{ID: entry.ID, Name: entry.Name, Owner: ownerOf(entry.Labels), At: entry.Time})
		case entry.Event == daytona.LedgerDestroyed && known:
			made[i].EndedAt = entry.Time
			if entry.Cause != causeDeleted && entry.Cause != causeStopped {
				made[i].ByProvider = entry.Cause
			}
		}
	}
	return made, nil
}

func ownerOf(labels map[string]string) audit.Owner {
	return audit.Owner{
		Managed: labels[activities.LabelManagedBy] == activities.ManagedBy,
		Cluster: labels[activities.LabelCluster], Namespace: labels[activities.LabelNamespace],
		LeaseID: labels[activities.LabelLease], LeaseRun: labels[activities.LabelLeaseRun],
		EvalID: labels[activities.LabelEval], EvalRun: labels[activities.LabelEvalRun],
		Campaign: labels[activities.LabelCampaign],
	}
}

// list reads every page of the provider's list of Pitwall's sandboxes. It may lag behind, so each is asked about again.
func (c *auditCollector) list(ctx context.Context) ([]audit.Alive, error) {
	var listed []audit.Alive
	labels := map[string]string{activities.LabelManagedBy: activities.ManagedBy}
	for sandbox, err := range c.provider.ListSandboxes(ctx, daytona.ListOptions{Labels: labels}) {
		if err != nil {
			return listed, err
		}
		listed = append(listed, aliveOf(sandbox))
	}
	return listed, nil
}

func aliveOf(sandbox daytona.Sandbox) audit.Alive {
	return audit.Alive{ID: sandbox.ID, Name: sandbox.Name, State: sandbox.State, Owner: ownerOf(sandbox.Labels), At: sandbox.CreatedAt}
}

func (c *auditCollector) ours(owner audit.Owner) bool {
	return owner.Managed && owner.Cluster == c.Cluster && owner.Namespace == c.Namespace
}

// ask asks the provider by id about each of ours that is listed, or whose end nobody recorded.
func (c *auditCollector) ask(ctx context.Context, listed []audit.Alive) {
	var ids []string
	wanted := map[string]bool{}
	want := func(id string) {
		if !wanted[id] {
			wanted[id] = true
			ids = append(ids, id)
		}
	}
	for _, alive := range listed {
		if c.ours(alive.Owner) {
			want(alive.ID)
		} else {
			c.Alive = append(c.Alive, alive)
		}
	}
	for _, made := range c.Made {
		if made.EndedAt.IsZero() && c.ours(made.Owner) && !made.At.After(c.Until) {
			want(made.ID)
		}
	}
	if len(ids) > maxAuditAsked {
		c.gap("the provider, by id", fmt.Errorf("%d sandboxes, of which %d are asked about; audit a shorter range", len(ids), maxAuditAsked))
		ids = ids[:maxAuditAsked]
	}
	err := eachAtOnce(ctx, ids, func(ctx context.Context, id string) error {
		sandbox, err := c.provider.GetSandbox(ctx, id)
		if errors.Is(err, daytona.ErrNotFound) || err == nil && (sandbox.ID != id || sandbox.State == daytona.StateDestroyed) {
			return nil
		}
		if err != nil {
			return err
		}
		c.mu.Lock()
		defer c.mu.Unlock()
		c.Alive = append(c.Alive, aliveOf(sandbox))
		return nil
	})
	c.gap("the provider, by id", err)
}

// eachAtOnce does some work for each item, auditAtOnce at a time, and returns the first error, after which nothing begins.
func eachAtOnce[T any](ctx context.Context, items []T, work func(context.Context, T) error) error {
	ctx, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	slots := make(chan struct{}, auditAtOnce)
	var all sync.WaitGroup
	for _, item := range items {
		slots <- struct{}{}
		if ctx.Err() != nil {
			break
		}
		all.Go(func() {
			defer func() { <-slots }()
			if err := work(ctx, item); err != nil {
				stop(err)
			}
		})
	}
	all.Wait()
	return context.Cause(ctx)
}
