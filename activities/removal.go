package activities

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"pitwall/internal/daytona"
	"pitwall/internal/spec"
	"pitwall/internal/telemetry"
)

// remover removes sandboxes: whatever removes one does so through it.
type remover struct {
	provider *daytona.Client
	metrics  *telemetry.Metrics
	journal  *telemetry.Journal
}

// condemned is a sandbox that is to go.
type condemned struct {
	id string
	// created may be zero; since is when it was to go, zero for the activity's own time.
	created, since time.Time
	// eval is whose it was; empty for that of the activity.
	eval telemetry.Correlation
}

// leftBehind is a sandbox whose lease is over: its labels say whose it was.
func leftBehind(sandbox daytona.Sandbox) condemned {
	return condemned{id: sandbox.ID, created: createdAt(sandbox), since: time.Now(), eval: labelled(sandbox)}
}

// remove removes a sandbox to proof by id, counts what it meets, and writes the journal's line. observe may be nil.
func (r remover) remove(ctx context.Context, target condemned, observe func(daytona.RemovalProgress)) (spec.Certificate, error) {
	began, try := time.Now(), r.metrics.RemovalBegins(target.id)
	removal, err := r.provider.RemoveSandbox(ctx, target.id, func(progress daytona.RemovalProgress) {
		if progress.Step == "delete" && (progress.Err == nil || errors.Is(progress.Err, daytona.ErrNotFound)) {
			try.Accepted()
		}
		if observe != nil {
			observe(progress)
		}
	})
	var certificate spec.Certificate
	switch {
	case err == nil:
		try.Proven(removal.ConfirmedAt.Sub(removal.RequestedAt))
		certificate = Certify(removal, target.created)
	case errors.Is(err, daytona.ErrDeleteDenied):
		try.Denied()
		err = fmt.Errorf("%s: %w", denial(target.id, err), err)
	default:
		try.GaveUp()
	}
	target.eval.SandboxID = target.id
	r.journal.Write(ctx, removedBy(err, telemetry.Entry{
		Event: telemetry.SandboxRemoved, Correlation: target.eval, CreatedAt: target.since, StartedAt: began,
		FinishedAt: certificate.ConfirmedAt, ConfirmedBy: certificate.ConfirmedBy, SandboxSeconds: certificate.SandboxSeconds,
	}))
	return certificate, err
}

// removedBy says how a try to remove ended.
func removedBy(err error, entry telemetry.Entry) telemetry.Entry {
	if entry = ended(entry, err); errors.Is(err, daytona.ErrDeleteDenied) {
		entry.ErrorType = ErrTypeCleanupBlocked
	} else if entry.Status == telemetry.StatusFailed {
		entry.ErrorType = ErrTypeTransport
	}
	return entry
}

// isDenial: the provider's answer to a DELETE is that this key may not.
func isDenial(err error) bool {
	return errors.Is(err, daytona.ErrForbidden) || errors.Is(err, daytona.ErrUnauthorized)
}

// denial says what an operator has to do, in the words that Temporal's UI, `starter doctor` and the log show.
func denial(id string, err error) string {
	if errors.Is(err, daytona.ErrUnauthorized) {
		return fmt.Sprintf("the provider refuses the API key (%d), so %s cannot be removed: set DAYTONA_API_KEY to one of that account", http.StatusUnauthorized, id)
	}
	return fmt.Sprintf("the provider denies the DELETE of %s (%d): give the API key %s", id, http.StatusForbidden, daytona.PermissionDeleteSandboxes)
}
