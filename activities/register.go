package activities

import (
	"context"
	"fmt"

	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/worker"
	"go.uber.org/zap"

	"pitwall/internal/artifact"
	"pitwall/internal/config"
	"pitwall/internal/daytona"
	"pitwall/internal/policy"
	"pitwall/internal/telemetry"
)

// Deps are what the activities need of a worker process.
type Deps struct {
	Temporal client.Client
	Daytona  *daytona.Client
	Store    *artifact.Store
	Config   config.Config
	// Policy bounds what evals may ask for. Nil means the built-in one.
	Policy *policy.Policy
	// Cluster and Namespace are the UUIDs of Temporal's cluster and namespace: they mark what is ours at the provider.
	Cluster, Namespace string
	Log                *zap.Logger
	// Metrics may be nil: then nothing is counted.
	Metrics *telemetry.Metrics
}

// Set is every activity of Pitwall, ready to be registered queue by queue.
type Set struct {
	planning  *Planning
	slots     *Slots
	sandboxes *Sandboxes
	jobs      *Jobs
	scoring   *Scoring
	results   *Results
	campaigns *Campaigns
	reaping   *Reaping
	stop      context.CancelFunc
}

// New builds the set. Close it when its workers have stopped.
func New(deps Deps) *Set {
	if deps.Policy == nil {
		deps.Policy = policy.Default()
	}
	ctx, stop := context.WithCancel(context.Background())
	owner := Owner{Cluster: deps.Cluster, Namespace: deps.Namespace}
	signals := leaseSignals{client: deps.Temporal}
	return &Set{
		planning:  &Planning{Config: deps.Config, Policy: deps.Policy},
		slots:     NewSlots(ctx, deps.Temporal, deps.Config.Account(), owner, deps.Config.MaxParallelSandboxes),
		sandboxes: &Sandboxes{Daytona: deps.Daytona, Temporal: deps.Temporal, Owner: owner, Log: deps.Log, Metrics: deps.Metrics, signals: signals},
		jobs:      &Jobs{Daytona: deps.Daytona, Store: deps.Store, Log: deps.Log},
		scoring:   &Scoring{Store: deps.Store},
		results:   &Results{Store: deps.Store},
		campaigns: &Campaigns{Store: deps.Store, Config: deps.Config, Policy: deps.Policy},
		reaping:   &Reaping{Daytona: deps.Daytona, Temporal: deps.Temporal, Owner: owner, Log: deps.Log, Metrics: deps.Metrics},
		stop:      stop,
	}
}

// Close ends what the set does between activities (the slots' watch).
func (s *Set) Close() { s.stop() }

// RegisterShort registers what belongs to the queue of workflow tasks.
func (s *Set) RegisterShort(r worker.ActivityRegistry) {
	for _, activities := range []any{s.planning, s.sandboxes, s.jobs, s.scoring, s.results, s.campaigns} {
		r.RegisterActivity(activities)
	}
}

// RegisterJobs registers what belongs to the jobs queue.
func (s *Set) RegisterJobs(r worker.ActivityRegistry) { r.RegisterActivity(s.jobs) }

// RegisterSlots registers what belongs to the slots queue.
func (s *Set) RegisterSlots(r worker.ActivityRegistry) { r.RegisterActivity(s.slots) }

// RegisterCleanup registers what belongs to the cleanup queue.
func (s *Set) RegisterCleanup(r worker.ActivityRegistry) {
	r.RegisterActivity(s.sandboxes)
	r.RegisterActivity(s.reaping)
}

// Owner says whose sandboxes these are: the UUIDs of a Temporal cluster and namespace.
type Owner struct{ Cluster, Namespace string }

// SandboxName is the only name a sandbox in slot i may have, so that the provider's unique names fence the slot.
func (o Owner) SandboxName(slot int) string {
	return fmt.Sprintf("pitwall-%s-%s-%d", short(o.Cluster), short(o.Namespace), slot)
}

func short(uuid string) string {
	if len(uuid) > 8 {
		return uuid[:8]
	}
	return uuid
}
