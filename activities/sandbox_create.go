package activities

import (
	"context"
	"errors"
	"fmt"
	"time"

	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/serviceerror"
	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/temporal"
	"go.uber.org/zap"

	"pitwall/internal/daytona"
	"pitwall/internal/redact"
	"pitwall/internal/spec"
	"pitwall/internal/telemetry"
)

// Sandboxes creates and removes sandboxes, each under the lease that guards it.
type Sandboxes struct {
	Daytona  *daytona.Client
	Temporal client.Client
	Owner    Owner
	Log      *zap.Logger
	Metrics  *telemetry.Metrics
	Journal  *telemetry.Journal
	Redactor *redact.Redactor

	signals leaseSignals
	starts  *startRate
}

// CreateSandboxInput is the input of CreateSandbox.
type CreateSandboxInput struct {
	Slot          int          `json:"slot"`
	Name          string       `json:"name"`
	Lease         Execution    `json:"lease"`
	Eval          Execution    `json:"eval"`
	Trial         *spec.Trial  `json:"trial,omitempty"`
	SessionID     string       `json:"session_id,omitempty"`
	NegotiationID string       `json:"negotiation_id,omitempty"`
	Sandbox       spec.Sandbox `json:"sandbox"`
	// VaultSecrets maps variables of the sandbox to secrets of Daytona's vault.
	VaultSecrets map[string]string `json:"vault_secrets,omitempty"`
	// GrantedTo is the run of the eval that claimed the slot; empty from evals that are older than the field.
	GrantedTo string `json:"granted_to,omitempty"`
	// TTL is the provider's own clock for this sandbox.
	TTL time.Duration `json:"ttl"`
	// ExpiresAt is after every clock of the eval.
	ExpiresAt time.Time `json:"expires_at"`
	// SendUntil is the last moment at which a POST may be sent: the create horizon less what a POST may take.
	SendUntil time.Time `json:"send_until"`
}

// CreatedSandbox is the sandbox that a lease guards.
type CreatedSandbox struct {
	ID         string    `json:"id"`
	Name       string    `json:"name"`
	ToolboxURL string    `json:"toolbox_url"`
	CreatedAt  time.Time `json:"created_at"`
}

// CreateTimeout bounds one POST: Daytona itself holds it for up to 30 s.
const CreateTimeout = 35 * time.Second

// hiddenRowPatience is how long 409 on create and 404 on get may contradict each other before it is called a fault:
// Daytona hides deleted rows in state error, which still own their name.
const hiddenRowPatience = 30 * time.Second

// CreateSandbox creates the slot's sandbox, or adopts the one that an earlier try of the same lease made, tells the
// lease its id, and waits until it is started. It returns
//
//	Capacity, CreateRefused  the provider refused, nothing was created, and the lease has been told so; Capacity also where
//	                         this worker sends no more just now, because the provider refused others
//	Zombie                   the lease is over, or another living lease owns the name; what this call made is gone
//	EvalReset                the eval was reset since the claim; nothing was sent
//	PolicyNotApplied         by the provider's word the sandbox may reach more than was asked for; the details hold the CreatedSandbox
//	CreateFailed             anything else; the details hold the CreatedSandbox when its id is known
func (s *Sandboxes) CreateSandbox(ctx context.Context, in CreateSandboxInput) (CreatedSandbox, error) {
	if err := sameRun(ctx, in.GrantedTo); err != nil {
		return CreatedSandbox{}, err
	}
	create := creation{Sandboxes: s, in: in, beats: startPulse(ctx, "creating")}
	defer create.beats.end()
	if activity.GetInfo(ctx).Attempt > 1 {
		// An earlier attempt may have sent POSTs whose answers nobody saw.
		create.ambiguous = true
		if err := create.warn(ctx); err != nil {
			return CreatedSandbox{}, err
		}
	}
	sandbox, err := create.paced(ctx)
	if err != nil {
		return CreatedSandbox{}, err
	}
	created := CreatedSandbox{ID: sandbox.ID, Name: in.Name, ToolboxURL: sandbox.ToolboxProxyURL, CreatedAt: createdAt(sandbox)}
	if err := create.report(ctx, created); err != nil {
		return CreatedSandbox{}, err
	}
	if !sandbox.Started() {
		create.beats.set("starting " + sandbox.ID)
		if sandbox, err = s.Daytona.WaitStarted(ctx, created.ID); err != nil {
			return CreatedSandbox{}, terminal(ErrTypeCreateFailed, fmt.Errorf("start sandbox %s: %w", created.ID, err), created)
		}
		created.ToolboxURL = sandbox.ToolboxProxyURL
	}
	if err := weaker(in.Sandbox.Network, sandbox.Network); err != nil {
		return CreatedSandbox{}, terminal(ErrTypePolicyWeaker, fmt.Errorf("create sandbox %s: %w: it is removed, and nothing ran in it", in.Name, err), created)
	}
	return created, nil
}

// creation is one run of CreateSandbox.
type creation struct {
	*Sandboxes
	in    CreateSandboxInput
	beats *pulse
	// ambiguous: a POST may have taken effect without our knowing.
	ambiguous bool
	// unanswered POSTs may have taken effect, or may yet.
	unanswered int
	// hiddenSince is when the name was first both taken and not to be found.
	hiddenSince time.Time
}

// paced is obtain within the bound on creates that are under way. An attempt that may have sent something already has to look
// for it, whatever the provider's state.
func (c *creation) paced(ctx context.Context) (daytona.Sandbox, error) {
	if c.ambiguous {
		return c.obtain(ctx)
	}
	c.beats.set("waiting for capacity: the provider refused others")
	ok, wait := c.starts.begin(ctx)
	if !ok {
		if ctx.Err() != nil {
			return daytona.Sandbox{}, ctx.Err()
		}
		cause := fmt.Errorf("create sandbox %s: the provider refused others for lack of capacity; nothing was sent", c.in.Name)
		return daytona.Sandbox{}, c.refusedFor(ctx, ErrTypeCapacity, cause, wait, unsent)
	}
	c.beats.set("creating")
	sandbox, err := c.obtain(ctx)
	outcome := startUnknown
	var refused *temporal.ApplicationError
	switch {
	case err == nil:
		outcome = startCreated
	case errors.As(err, &refused) && refused.Type() == ErrTypeCapacity:
		outcome = startRefused
		_ = refused.Details(&wait)
	}
	c.Metrics.Starts(c.starts.end(outcome, wait))
	return sandbox, err
}

// obtain loops POST and GET by name until the slot's name belongs to this lease run.
func (c *creation) obtain(ctx context.Context) (daytona.Sandbox, error) {
	for delay := 50 * time.Millisecond; ; delay = min(2*delay, 2*time.Second) {
		if time.Now().After(c.in.SendUntil) {
			return daytona.Sandbox{}, terminal(ErrTypeCreateFailed, fmt.Errorf(
				"create sandbox %s: the create horizon is over; no further request may be sent", c.in.Name))
		}
		sandbox, err := c.post(ctx)
		switch {
		case err == nil:
			return sandbox, nil
		case errors.Is(err, daytona.ErrConflict):
			sandbox, mine, err := c.settleName(ctx, true)
			if err != nil || mine {
				return sandbox, err
			}
		case daytona.Ambiguous(err):
			c.ambiguous = true
			if daytona.Unanswered(err) {
				c.unanswered++
			}
			c.Log.Warn("create is ambiguous; looking by name", zap.String("sandbox_name", c.in.Name), zap.Error(err))
			sandbox, mine, err := c.settleName(ctx, false)
			if err != nil || mine {
				return sandbox, err
			}
		case errors.Is(err, daytona.ErrRateLimited), errors.Is(err, daytona.ErrQuota), errors.Is(err, daytona.ErrNoCapacity):
			return daytona.Sandbox{}, c.refused(ctx, ErrTypeCapacity, err)
		case daytona.Transient(err):
			c.Log.Warn("create was not sent; trying again", zap.String("sandbox_name", c.in.Name), zap.Error(err))
		default:
			return daytona.Sandbox{}, c.refused(ctx, ErrTypeCreateRefused, err)
		}
		if err := pause(ctx, delay); err != nil {
			return daytona.Sandbox{}, err
		}
	}
}

// post sends one POST. Once sent it is waited for also when the eval is cancelled: its answer holds the id.
func (c *creation) post(ctx context.Context) (daytona.Sandbox, error) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), CreateTimeout)
	defer cancel()
	return c.Daytona.CreateSandbox(ctx, c.request())
}

// request asks for the sandbox with all of Daytona's own clocks set: ttl whatever the state, auto-stop no earlier than
// that (a quiet job looks idle to it), and ephemeral, so that a stop is a removal.
func (c *creation) request() daytona.CreateRequest {
	ttl := int(c.in.TTL / time.Minute)
	ephemeral := 0
	box := c.in.Sandbox
	labels := c.Owner.Labels(c.in)
	for key, value := range labels {
		labels[key] = c.Redactor.String(value)
	}
	request := daytona.CreateRequest{
		Name: c.in.Name, Snapshot: box.Snapshot, Image: box.Image, Language: box.Language,
		Env: box.Env, Labels: labels, VaultSecrets: c.in.VaultSecrets,
		AutoStopMinutes: &ttl, AutoDeleteMinutes: &ephemeral, TTLMinutes: &ttl,
	}
	if r := box.Resources; r != nil {
		request.Resources = &daytona.Resources{CPU: r.CPU, MemoryGiB: r.MemoryGiB, DiskGiB: r.DiskGiB}
	}
	switch box.Network.Mode {
	case spec.NetworkFull:
	case spec.NetworkAllow:
		request.NetworkAllowList, request.DomainAllowList = box.Network.AllowCIDRs, box.Network.AllowDomains
	default:
		request.NetworkBlockAll = true
	}
	return request
}

// settleName looks who has the slot's name, which the provider says is taken, or does not say. mine: it is this lease run's sandbox.
// Not mine and no error: it is free now.
func (c *creation) settleName(ctx context.Context, taken bool) (sandbox daytona.Sandbox, mine bool, err error) {
	sandbox, err = c.Daytona.GetSandbox(ctx, c.in.Name)
	switch {
	case errors.Is(err, daytona.ErrNotFound) && taken:
		return daytona.Sandbox{}, false, c.hidden()
	case errors.Is(err, daytona.ErrNotFound):
		c.hiddenSince = time.Time{}
		return daytona.Sandbox{}, false, nil
	case err != nil && daytona.Transient(err):
		return daytona.Sandbox{}, false, nil
	case err != nil:
		return daytona.Sandbox{}, false, terminal(ErrTypeCreateFailed, err)
	}
	c.hiddenSince = time.Time{}
	run := sandbox.Labels[LabelLeaseRun]
	if run == c.in.Lease.RunID {
		c.unanswered = max(0, c.unanswered-1) // it was one of them that made it
		return sandbox, true, nil
	}
	return daytona.Sandbox{}, false, c.evict(ctx, sandbox, run)
}

func (c *creation) hidden() error {
	if c.hiddenSince.IsZero() {
		c.hiddenSince = time.Now()
	}
	c.beats.set("the name " + c.in.Name + " is taken and hidden since " + c.hiddenSince.Format(time.RFC3339))
	if time.Since(c.hiddenSince) < hiddenRowPatience {
		return nil
	}
	return terminal(ErrTypeCreateFailed, fmt.Errorf(
		"create sandbox %s: the provider says both that the name is taken and that there is no such sandbox (an errored row that it hides): the slot rests", c.in.Name))
}

// evict removes the sandbox of an earlier lease of this slot, if that lease is really over.
func (c *creation) evict(ctx context.Context, sandbox daytona.Sandbox, run string) error {
	if sandbox.Labels[LabelManagedBy] != ManagedBy || run == "" {
		return terminal(ErrTypeCreateFailed, fmt.Errorf("create sandbox %s: the name belongs to a sandbox that Pitwall did not make; remove or rename it", c.in.Name))
	}
	open, err := leaseOpen(ctx, c.Temporal, Execution{ID: sandbox.Labels[LabelLease], RunID: run})
	if err != nil {
		return terminal(ErrTypeCreateFailed, err)
	}
	if open {
		return terminal(ErrTypeZombie, fmt.Errorf("create sandbox %s: lease run %s holds the slot now; this attempt is over", c.in.Name, run))
	}
	c.Log.Warn("removing the sandbox that an earlier lease of this slot left", zap.String("sandbox_id", sandbox.ID), zap.String("lease_run", run))
	certificate, err := c.remover().remove(ctx, leftBehind(sandbox), c.beats.removal)
	if err != nil {
		return terminal(ErrTypeCreateFailed, err)
	}
	// That lease is over and cannot take the proof, so it is kept in this one's history, where the audit finds it.
	proof := ReleasedSignal{ID: sandbox.ID, Certificate: certificate}
	if err := c.signals.send(ctx, c.in.Lease, SignalReleased, proof); err != nil && !errors.Is(err, errLeaseClosed) {
		c.Log.Warn("keep the proof of a removal", zap.String("sandbox_id", sandbox.ID), zap.Error(err))
	}
	return nil
}

// refused: the provider said no.
func (c *creation) refused(ctx context.Context, errType string, cause error) error {
	return c.refusedFor(ctx, errType, cause, daytona.RetryAfter(cause), !unsent)
}

// unsent marks a refusal of our own: the provider was not asked.
const unsent = true

// refusedFor tells the lease that there is nothing to guard, where nothing is ambiguous. The error's details are the wait before
// the next try, and whether the provider was not asked at all.
func (c *creation) refusedFor(ctx context.Context, errType string, cause error, wait time.Duration, unsent bool) error {
	if c.ambiguous {
		return terminal(ErrTypeCreateFailed, cause)
	}
	// A signal goes past what redacts an activity's error.
	reason := bounded(c.Redactor.String(cause.Error()), maxErrorBytes)
	if err := c.signals.send(ctx, c.in.Lease, SignalRefused, RefusedSignal{Reason: reason}); err != nil {
		return terminal(ErrTypeCreateFailed, fmt.Errorf("%w (and %w)", cause, err))
	}
	return terminal(errType, cause, wait, unsent)
}

// warn tells the lease, before anything more is sent, that what it knows may not be all: it keeps the slot until the create
// horizon, and looks once more. How many requests an attempt sent that died is known to nobody.
func (c *creation) warn(ctx context.Context) error {
	err := c.signals.send(ctx, c.in.Lease, SignalCreated, CreatedSignal{MoreMayCome: true})
	if errors.Is(err, errLeaseClosed) {
		return terminal(ErrTypeZombie, fmt.Errorf("create sandbox %s: the lease closed meanwhile; nothing was sent", c.in.Name))
	}
	if err != nil {
		return retryable(ErrTypeTransport, err, 0)
	}
	return nil
}

// report tells the lease which sandbox it guards. That it could be told proves that the lease is open; if it is not,
// what was made here belongs to nobody and is removed at once.
func (c *creation) report(ctx context.Context, created CreatedSandbox) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), CreateTimeout)
	defer cancel()
	c.beats.set("created " + created.ID)
	told := CreatedSignal{ID: created.ID, CreatedAt: created.CreatedAt, MoreMayCome: c.unanswered > 0}
	err := c.signals.send(ctx, c.in.Lease, SignalCreated, told)
	if errors.Is(err, errLeaseClosed) {
		if _, err := c.remover().remove(ctx, condemned{id: created.ID, created: created.CreatedAt}, c.beats.removal); err != nil {
			return terminal(ErrTypeCreateFailed, err, created)
		}
		return terminal(ErrTypeZombie, fmt.Errorf("create sandbox %s: the lease closed meanwhile; the sandbox was removed again", created.Name))
	}
	if err != nil {
		return retryable(ErrTypeTransport, err, 0, created)
	}
	return nil
}

// leaseOpen asks Temporal whether a lease run is open. A run that Temporal does not know is an error: it may mean a lost
// database, and then nothing is known of any sandbox.
func leaseOpen(ctx context.Context, temporal client.Client, lease Execution) (bool, error) {
	described, err := temporal.DescribeWorkflowExecution(ctx, lease.ID, lease.RunID)
	var notFound *serviceerror.NotFound
	if errors.As(err, &notFound) {
		return false, fmt.Errorf("lease run %s of %s is unknown to Temporal: %w", lease.RunID, lease.ID, errLeaseUnknown)
	}
	if err != nil {
		return false, fmt.Errorf("describe lease run %s: %w", lease.RunID, err)
	}
	return described.GetWorkflowExecutionInfo().GetStatus() == enumspb.WORKFLOW_EXECUTION_STATUS_RUNNING, nil
}

var errLeaseUnknown = errors.New("it is past Temporal's retention, or another database's")

func createdAt(sandbox daytona.Sandbox) time.Time {
	if sandbox.CreatedAt.IsZero() {
		return time.Now().UTC()
	}
	return sandbox.CreatedAt.UTC()
}

// pause waits, unless the context ends first.
func pause(ctx context.Context, wait time.Duration) error {
	select {
	case <-time.After(wait):
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
