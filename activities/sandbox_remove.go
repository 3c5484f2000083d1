package activities

import (
	"context"
	"errors"
	"fmt"
	"time"

	"pitwall/internal/daytona"
	"pitwall/internal/spec"
)

// RemoveSandboxInput is the input of RemoveSandbox.
type RemoveSandboxInput struct {
	Sandbox CreatedSandbox `json:"sandbox"`
	Lease   Execution      `json:"lease"`
}

// RemoveSandbox removes a sandbox to proof by id, and hands the proof to the lease, which frees the slot.
// It gives up only when its context ends; a DELETE that the provider denies is CleanupBlocked, and retried.
func (s *Sandboxes) RemoveSandbox(ctx context.Context, in RemoveSandboxInput) (spec.Certificate, error) {
	beats := startPulse(ctx, "removing "+in.Sandbox.ID)
	defer beats.end()
	certificate, err := s.remove(ctx, in.Sandbox.ID, in.Sandbox.CreatedAt, beats)
	if err != nil {
		return spec.Certificate{}, err
	}
	err = s.signals.send(ctx, in.Lease, SignalReleased, ReleasedSignal{ID: in.Sandbox.ID, Certificate: certificate})
	if err != nil && !errors.Is(err, errLeaseClosed) {
		return spec.Certificate{}, retryable(ErrTypeTransport, err, 0)
	}
	return certificate, nil
}

func (s *Sandboxes) remove(ctx context.Context, id string, created time.Time, beats *pulse) (spec.Certificate, error) {
	certificate, err := s.remover().remove(ctx, condemned{id: id, created: created}, beats.removal)
	if errors.Is(err, daytona.ErrDeleteDenied) {
		return spec.Certificate{}, retryable(ErrTypeCleanupBlocked, err, cleanupBlockedDelay)
	}
	if err != nil {
		return spec.Certificate{}, retryable(ErrTypeTransport, err, 0)
	}
	return certificate, nil
}

func (s *Sandboxes) remover() remover {
	return remover{provider: s.Daytona, metrics: s.Metrics, journal: s.Journal}
}

// cleanupBlockedDelay: a key without the permission does not get it within seconds; an operator has to act.
const cleanupBlockedDelay = 30 * time.Second

// Certify turns a proven removal into the certificate, with what the provider is paid for.
func Certify(removal daytona.Removal, created time.Time) spec.Certificate {
	certificate := spec.Certificate{
		SandboxID: removal.SandboxID, RequestedAt: removal.RequestedAt,
		ConfirmedAt: removal.ConfirmedAt, ConfirmedBy: removal.ConfirmedBy,
	}
	if !created.IsZero() && removal.ConfirmedAt.After(created) {
		certificate.SandboxSeconds = removal.ConfirmedAt.Sub(created).Seconds()
	}
	return certificate
}

// GuardSandboxInput is the input of GuardSandbox.
type GuardSandboxInput struct {
	Lease Execution `json:"lease"`
	Name  string    `json:"name"`
	// Known are the sandboxes that CreateSandbox reported.
	Known []CreatedSignal `json:"known,omitempty"`
}

// GuardSandboxResult holds the proof for every sandbox that was found.
type GuardSandboxResult struct {
	Certificates []spec.Certificate `json:"certificates,omitempty"`
}

// GuardSandbox is the lease's own removal: by id, by name and by label, to proof. An empty result means that nothing
// was there to remove at the moment of the look.
func (s *Sandboxes) GuardSandbox(ctx context.Context, in GuardSandboxInput) (GuardSandboxResult, error) {
	beats := startPulse(ctx, "looking for "+in.Name)
	defer beats.end()
	targets, err := s.guarded(ctx, in)
	if err != nil {
		return GuardSandboxResult{}, retryable(ErrTypeTransport, err, 0)
	}
	certificates, errs := make([]spec.Certificate, len(targets)), make([]error, len(targets))
	beside := newRemovers() // one that shows no end keeps none of the others alive
	for i, target := range targets {
		beside.run(func() { certificates[i], errs[i] = s.remove(ctx, target.ID, target.CreatedAt, beats) })
	}
	beside.wait()
	for _, err := range errs {
		if err != nil {
			return GuardSandboxResult{}, err
		}
	}
	return GuardSandboxResult{Certificates: certificates}, nil
}

// guarded lists what carries this lease run: what was reported, what has its name, what has its label. The list may lag,
// so it only adds.
func (s *Sandboxes) guarded(ctx context.Context, in GuardSandboxInput) ([]CreatedSignal, error) {
	found := append([]CreatedSignal(nil), in.Known...)
	add := func(sandbox daytona.Sandbox) {
		if sandbox.Labels[LabelLeaseRun] != in.Lease.RunID {
			return
		}
		for _, known := range found {
			if known.ID == sandbox.ID {
				return
			}
		}
		found = append(found, CreatedSignal{ID: sandbox.ID, CreatedAt: createdAt(sandbox)})
	}
	byName, err := s.Daytona.GetSandbox(ctx, in.Name)
	if err == nil {
		add(byName)
	} else if !errors.Is(err, daytona.ErrNotFound) {
		return nil, fmt.Errorf("look for sandbox %s by name: %w", in.Name, err)
	}
	options := daytona.ListOptions{Labels: map[string]string{LabelLeaseRun: in.Lease.RunID}}
	for sandbox, err := range s.Daytona.ListSandboxes(ctx, options) {
		if err != nil {
			return nil, fmt.Errorf("look for sandboxes of lease run %s: %w", in.Lease.RunID, err)
		}
		add(sandbox)
	}
	return found, nil
}
