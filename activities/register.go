package activities

import (
	"context"
	"fmt"
	"time"

	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/converter"
	"go.temporal.io/sdk/worker"
	"go.uber.org/zap"

	"pitwall/internal/artifact"
	"pitwall/internal/config"
	"pitwall/internal/daytona"
	"pitwall/internal/leakscan"
	"pitwall/internal/policy"
	"pitwall/internal/redact"
	"pitwall/internal/secrets"
	"pitwall/internal/telemetry"
	"pitwall/internal/webhook"
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
	// Journal may be nil: then nothing is written.
	Journal *telemetry.Journal
	// Redactor knows the worker's own secrets; nil knows none. Secrets are those that jobs may name; nil has none.
	Redactor *redact.Redactor
	Secrets  *secrets.Keeper
	// Scanner looks through artifacts for secrets that nobody named; nil looks for none.
	Scanner *leakscan.Scanner
	// Converter reads what stands in histories and memos. Nil: the SDK's own, for payloads that are not encrypted.
	Converter converter.DataConverter
	// Searchable: Temporal's namespace has Pitwall's search attributes.
	Searchable bool
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
	retaining *Retaining
	telling   *Telling
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
		planning: &Planning{Config: deps.Config, Policy: deps.Policy, Secrets: deps.Secrets, Redactor: deps.Redactor, Searchable: deps.Searchable},
		slots:    NewSlots(ctx, deps.Temporal, deps.Config.Account(), owner, deps.Config.MaxParallelSandboxes),
		sandboxes: &Sandboxes{
			Daytona: deps.Daytona, Temporal: deps.Temporal, Owner: owner, Log: deps.Log, Metrics: deps.Metrics, Journal: deps.Journal, Redactor: deps.Redactor,
			signals: signals, starts: newStartRate(deps.Config.MaxParallelSandboxes),
		},
		jobs: &Jobs{
			Daytona: deps.Daytona, Store: deps.Store, Log: deps.Log, Journal: deps.Journal, Redactor: deps.Redactor,
			Secrets: deps.Secrets, Scanner: deps.Scanner,
		},
		scoring: &Scoring{Store: deps.Store},
		results: &Results{Store: deps.Store, Redactor: deps.Redactor},
		campaigns: &Campaigns{
			Store: deps.Store, Config: deps.Config, Policy: deps.Policy, Secrets: deps.Secrets, Redactor: deps.Redactor,
			Searchable: deps.Searchable,
		},
		reaping: &Reaping{
			Daytona: deps.Daytona, Temporal: deps.Temporal, Converter: deps.Converter, Owner: owner, Log: deps.Log,
			Metrics: deps.Metrics, Journal: deps.Journal,
		},
		retaining: &Retaining{Store: deps.Store, Retain: deps.Config.Retain.Std(), Log: deps.Log, Metrics: deps.Metrics},
		telling:   newTelling(deps),
		stop:      stop,
	}
}

func newTelling(deps Deps) *Telling {
	telling := &Telling{Log: deps.Log, Metrics: deps.Metrics}
	if url := deps.Config.WebhookURL; url != "" {
		telling.Hook = webhook.New(url.Reveal(), deps.Config.WebhookSecret.Reveal())
		deps.Metrics.Exports(telemetry.ExporterWebhook)
	}
	return telling
}

// Close ends what the set does between activities (the slots' watch).
func (s *Set) Close() { s.stop() }

// HeadOfLine is since when the first of those who wait for a slot has waited; false: nobody waits at this worker.
func (s *Set) HeadOfLine() (since time.Time, waits bool) {
	if head := s.slots.head.Load(); head != nil {
		return *head, true
	}
	return time.Time{}, false
}

// RegisterShort registers what belongs to the queue of workflow tasks.
func (s *Set) RegisterShort(r worker.ActivityRegistry) {
	for _, activities := range []any{s.planning, s.sandboxes, s.jobs, s.scoring, s.results, s.campaigns, s.telling} {
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
	r.RegisterActivity(s.retaining)
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
