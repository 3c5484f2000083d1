package activities

import (
	"context"
	"errors"
	"fmt"
	"time"

	"go.temporal.io/api/serviceerror"
	"go.temporal.io/sdk/client"

	"pitwall/internal/spec"
)

// Execution names one run of a workflow.
type Execution struct {
	ID    string `json:"id"`
	RunID string `json:"run_id"`
}

// Signals of a SandboxLease. They are sent by activities, through the worker's own client and to an explicit run: a
// signal sent by workflow code in the task that completes the workflow is dropped by the server.
const (
	SignalCreated  = "created"
	SignalReleased = "released"
	SignalRefused  = "refused"
)

// CreatedSignal tells the lease which sandbox it guards.
type CreatedSignal struct {
	ID        string    `json:"id"`
	CreatedAt time.Time `json:"created_at"`
	// MoreMayCome: an earlier request of the same lease had no answer, and was not the one that made this sandbox. It may
	// yet take effect, until the create horizon, as soon as the name is free. Without an ID it is a warning ahead of time.
	MoreMayCome bool `json:"more_may_come,omitempty"`
}

// ReleasedSignal hands the proof of removal to the lease.
type ReleasedSignal struct {
	ID          string           `json:"id"`
	Certificate spec.Certificate `json:"certificate"`
}

// RefusedSignal tells the lease that the provider definitely created nothing for it.
type RefusedSignal struct {
	Reason string `json:"reason"`
}

type leaseSignals struct{ client client.Client }

// errLeaseClosed: the lease's run is over, so whatever it guarded belongs to nobody.
var errLeaseClosed = errors.New("the lease is closed")

// send delivers a signal to exactly this run of the lease. Returns errLeaseClosed when that run is over.
func (s leaseSignals) send(ctx context.Context, lease Execution, name string, arg any) error {
	err := s.client.SignalWorkflow(ctx, lease.ID, lease.RunID, name, arg)
	var notFound *serviceerror.NotFound
	if errors.As(err, &notFound) {
		return errLeaseClosed
	}
	if err != nil {
		return fmt.Errorf("signal %s to lease %s: %w", name, lease.ID, err)
	}
	return nil
}
