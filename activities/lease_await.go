package activities

import (
	"context"
	"errors"
	"fmt"

	"go.temporal.io/api/serviceerror"
	"go.temporal.io/sdk/temporal"

	"pitwall/internal/spec"
)

// AwaitLeaseInput is the input of AwaitLease.
type AwaitLeaseInput struct {
	Lease Execution `json:"lease"`
}

// LeaseProof is what a lease's result says of the sandboxes that it guarded.
type LeaseProof struct {
	Certificates []spec.Certificate `json:"certificates,omitempty"`
}

// AwaitLease waits for the end of a lease that is no child of the asking run, and returns its proof. Returns Zombie when
// the lease ended without a result, because somebody terminated it: then the reaper owes the proof.
func (s *Sandboxes) AwaitLease(ctx context.Context, in AwaitLeaseInput) (LeaseProof, error) {
	defer startPulse(ctx, "waiting for lease run "+in.Lease.RunID).end()
	var proof LeaseProof
	err := s.Temporal.GetWorkflow(ctx, in.Lease.ID, in.Lease.RunID).Get(ctx, &proof)
	var ended *temporal.WorkflowExecutionError
	var unknown *serviceerror.NotFound
	switch {
	case errors.As(err, &ended), errors.As(err, &unknown):
		return LeaseProof{}, terminal(ErrTypeZombie, fmt.Errorf("await lease run %s: %w", in.Lease.RunID, err))
	case err != nil:
		return LeaseProof{}, retryable(ErrTypeTransport, fmt.Errorf("await lease run %s: %w", in.Lease.RunID, err), 0)
	}
	return proof, nil
}
