package livecheck

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/google/uuid"

	"pitwall/internal/daytona"
)

// checkAccount tries what needs no sandbox.
func (r *run) checkAccount(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	r.check("health", func() (string, error) { return "", r.client.Health(ctx) })
	r.check("API key's permissions", func() (string, error) { return r.tryKey(ctx) })
	r.check("unknown sandbox is a 404 of Daytona's own", func() (string, error) {
		_, err := r.client.GetSandbox(ctx, uuid.NewString())
		if !errors.Is(err, daytona.ErrNotFound) {
			return "", fmt.Errorf("no removal could be proven here: %w", orNil(err))
		}
		return "", nil
	})
}

func (r *run) tryKey(ctx context.Context) (string, error) {
	key, err := r.client.CurrentAPIKey(ctx)
	var failed *daytona.Error
	switch {
	case errors.As(err, &failed) && (failed.Status == 404 || failed.Status == 501):
		return "the service does not tell", errSkip
	case err != nil:
		return "", err
	}
	for _, needed := range []string{daytona.PermissionWriteSandboxes, daytona.PermissionDeleteSandboxes} {
		if !key.May(needed) {
			return "", fmt.Errorf("the key has no %s: sandboxes could be made or left behind that it cannot handle", needed)
		}
	}
	if !key.ExpiresAt.IsZero() && time.Until(key.ExpiresAt) < 24*time.Hour {
		return "", fmt.Errorf("the key expires at %s", key.ExpiresAt.Format(time.RFC3339))
	}
	return strings.Join(key.Permissions, " "), nil
}

// orNil gives a missing error a text.
func orNil(err error) error {
	if err == nil {
		return errors.New("it was answered as if all were well")
	}
	return err
}
