package daytona

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/cenkalti/backoff/v5"
)

const (
	// A local sandbox is gone within milliseconds and a slot waits for the proof, so the first looks come soon.
	removePollFirst = 10 * time.Millisecond
	removePollLast  = time.Second
	// Refused deletes: a transition takes Daytona seconds, a rate limit a minute.
	deleteRetryFirst = 250 * time.Millisecond
	deleteRetryLast  = 10 * time.Second
	// deleteAgainAfter is how long an accepted delete may show no end before it is sent again.
	deleteAgainAfter = 30 * time.Second
	// deleteLostAfter is the same for a sandbox that does not even show that it is to go.
	deleteLostAfter = 2 * time.Second
	// observeEvery is how often the observer hears of a pause, so that its heartbeats go on.
	observeEvery = 3 * time.Second
)

// How a removal was confirmed.
const (
	ConfirmedByAbsence    = "404"
	ConfirmedByState      = "destroyed"
	ConfirmedByErrorState = "404-after-error" // Daytona hides errored sandboxes: the row is gone from sight, no more is known
)

// Removal proves that a sandbox is gone.
type Removal struct {
	SandboxID   string
	RequestedAt time.Time // the first DELETE
	ConfirmedAt time.Time
	ConfirmedBy string // ConfirmedByAbsence, ConfirmedByState or ConfirmedByErrorState
}

// RemovalProgress is what one step of a removal met; it is given to an observer, for heartbeats and logs.
type RemovalProgress struct {
	SandboxID string
	Step      string // "delete", "confirm", or "wait" every 3 s of a pause between them
	Attempt   int    // of this step, from 1; 0 for a wait
	State     string // the last state seen; empty when none was
	Err       error  // nil: the step was answered; of a wait: what it is for
}

// DeleteSandbox sends exactly one DELETE. Success means accepted, not gone: see RemoveSandbox. Returns ErrNotFound if
// there is no such sandbox and ErrConflict if it is changing state.
func (c *Client) DeleteSandbox(ctx context.Context, id string) error {
	_, err := c.deleteOnce(ctx, id)
	return err
}

// deleteOnce also returns the sandbox of the answer, whose name is mangled by then; zero when the answer holds none.
func (c *Client) deleteOnce(ctx context.Context, id string) (Sandbox, error) {
	cl := call{op: "delete sandbox", method: http.MethodDelete, path: sandboxPath(id)}
	if id == "" {
		return Sandbox{}, cl.refuse(fmt.Errorf("%w: no sandbox named", ErrInvalidRequest))
	}
	sandbox, err := c.sandboxCall(ctx, cl)
	var failed *Error
	if errors.As(err, &failed) && failed.Status/100 == 2 {
		return Sandbox{}, nil // accepted, whatever the body
	}
	return sandbox, err
}

// RemoveSandbox deletes a sandbox and asks for it by id until it is proven gone. It gives up only when its context ends,
// or with ErrDeleteDenied when the key may not delete. The observer may be nil. The id must be an id, for a name is free
// again at once and proves nothing.
func (c *Client) RemoveSandbox(ctx context.Context, id string, observe func(RemovalProgress)) (Removal, error) {
	if id == "" {
		_, err := c.deleteOnce(ctx, id)
		return Removal{}, err
	}
	if observe == nil {
		observe = func(RemovalProgress) {}
	}
	r := &removal{client: c, id: id, observe: observe, proof: Removal{SandboxID: id, RequestedAt: time.Now().UTC()}}
	for {
		if err := r.delete(ctx); err != nil {
			return Removal{}, err
		}
		proven, err := r.confirm(ctx)
		if err != nil {
			return Removal{}, err
		}
		if proven {
			return r.proof, nil
		}
	}
}

// removal is one run of RemoveSandbox.
type removal struct {
	client  *Client
	id      string
	observe func(RemovalProgress)
	proof   Removal
	deletes int
	looks   int
	state   string // the last one seen
}

// delete sends DELETE until one is accepted.
func (r *removal) delete(ctx context.Context) error {
	pacer := newPacer(deleteRetryFirst, deleteRetryLast)
	for {
		sandbox, err := withCallTimeout(ctx, func(ctx context.Context) (Sandbox, error) { return r.client.deleteOnce(ctx, r.id) })
		r.see(sandbox)
		r.deletes++
		r.observe(RemovalProgress{SandboxID: r.id, Step: "delete", Attempt: r.deletes, State: r.state, Err: err})
		switch {
		case err == nil, errors.Is(err, ErrNotFound):
			return nil
		case errors.Is(err, ErrUnauthorized), errors.Is(err, ErrForbidden):
			return fmt.Errorf("remove sandbox %s: %w: %w", r.id, ErrDeleteDenied, err)
		case errors.Is(err, ErrConflict) && r.leaving(ctx):
			return nil // somebody's delete is at work already
		}
		if err := r.wait(ctx, pacer, err); err != nil {
			return err
		}
	}
}

// leaving looks whether a refused delete is unneeded.
func (r *removal) leaving(ctx context.Context) bool {
	sandbox, err := withCallTimeout(ctx, func(ctx context.Context) (Sandbox, error) { return r.client.GetSandbox(ctx, r.id) })
	r.see(sandbox)
	return errors.Is(err, ErrNotFound) || err == nil && sandbox.ID == r.id && sandbox.Leaving()
}

// confirm asks for the sandbox by id until it is gone; false when it stayed so long that it is to be deleted again.
func (r *removal) confirm(ctx context.Context) (bool, error) {
	pacer := newPacer(removePollFirst, removePollLast)
	accepted, patience := time.Now(), deleteAgainAfter
	for time.Since(accepted) < patience {
		sandbox, err := withCallTimeout(ctx, func(ctx context.Context) (Sandbox, error) { return r.client.GetSandbox(ctx, r.id) })
		r.see(sandbox)
		r.looks++
		r.observe(RemovalProgress{SandboxID: r.id, Step: "confirm", Attempt: r.looks, State: r.state, Err: err})
		switch {
		case errors.Is(err, ErrNotFound) && (r.state == StateError || r.state == StateBuildFailed):
			return r.prove(ConfirmedByErrorState), nil
		case errors.Is(err, ErrNotFound):
			return r.prove(ConfirmedByAbsence), nil
		case err == nil && sandbox.ID == r.id && sandbox.State == StateDestroyed:
			return r.prove(ConfirmedByState), nil
		case err == nil && !sandbox.Leaving():
			patience = deleteLostAfter
		}
		if err := r.wait(ctx, pacer, err); err != nil {
			return false, err
		}
	}
	return false, nil
}

func (r *removal) prove(by string) bool {
	r.proof.ConfirmedAt, r.proof.ConfirmedBy = time.Now().UTC(), by
	return true
}

func (r *removal) see(sandbox Sandbox) {
	if sandbox.ID == r.id {
		r.state = sandbox.State
	}
}

// wait pauses before the next try, no less than the server wishes.
func (r *removal) wait(ctx context.Context, pacer *backoff.ExponentialBackOff, met error) error {
	left := min(max(pacer.NextBackOff(), RetryAfter(met)), longestPause)
	for {
		step := min(left, observeEvery)
		if err := sleep(ctx, step); err != nil {
			last := r.state
			if met != nil {
				last = met.Error()
			}
			return fmt.Errorf("remove sandbox %s, last %s: %w", r.id, last, err)
		}
		if left -= step; left <= 0 {
			return nil
		}
		r.observe(RemovalProgress{SandboxID: r.id, Step: "wait", State: r.state, Err: met})
	}
}
