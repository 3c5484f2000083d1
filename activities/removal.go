package activities

import (
	"context"
	"errors"
	"fmt"
	"net/http"

	"pitwall/internal/daytona"
	"pitwall/internal/telemetry"
)

// provenRemoval removes a sandbox to proof by id, and counts what it meets. observe may be nil.
func provenRemoval(ctx context.Context, provider *daytona.Client, metrics *telemetry.Metrics, id string, observe func(daytona.RemovalProgress)) (daytona.Removal, error) {
	try := metrics.RemovalBegins(id)
	removal, err := provider.RemoveSandbox(ctx, id, func(progress daytona.RemovalProgress) {
		if progress.Step == "delete" && (progress.Err == nil || errors.Is(progress.Err, daytona.ErrNotFound)) {
			try.Accepted()
		}
		if observe != nil {
			observe(progress)
		}
	})
	switch {
	case err == nil:
		try.Proven(removal.ConfirmedAt.Sub(removal.RequestedAt))
	case errors.Is(err, daytona.ErrDeleteDenied):
		try.Denied()
		err = fmt.Errorf("%s: %w", denial(id, err), err)
	default:
		try.GaveUp()
	}
	return removal, err
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
