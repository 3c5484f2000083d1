package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/cenkalti/backoff/v5"

	"pitwall/internal/daytona"
)

// askTries and askPause bound a start's asking: a service that is there may answer one call badly, and one that restarts is
// back within seconds.
const (
	askTries = 5
	askPause = time.Second
)

// checkKey asks the provider whether it knows our key, so that a wrong one is found at the start and not by every eval.
func checkKey(ctx context.Context, provider *daytona.Client, pause time.Duration) error {
	_, err := backoff.Retry(ctx, func() (struct{}, error) {
		err := askProvider(ctx, provider)
		if errors.As(err, new(usageError)) {
			err = backoff.Permanent(err)
		}
		return struct{}{}, err
	}, backoff.WithBackOff(backoff.NewConstantBackOff(pause)), backoff.WithMaxTries(askTries))
	return err
}

func askProvider(ctx context.Context, provider *daytona.Client) error {
	for _, err := range provider.ListSandboxes(ctx, daytona.ListOptions{PageSize: 1, Labels: map[string]string{"managed-by": "pitwall-probe"}}) {
		if err != nil {
			return explainProvider(provider, err)
		}
	}
	return nil
}

func explainProvider(provider *daytona.Client, err error) error {
	switch {
	case errors.Is(err, daytona.ErrUnauthorized), errors.Is(err, daytona.ErrForbidden):
		return usageError{fmt.Errorf("use Daytona at %s: it refuses the API key: set DAYTONA_API_KEY to one of that account (%w)", provider.APIURL(), err)}
	case errors.Is(err, daytona.ErrNotFound), errors.Is(err, daytona.ErrBadAnswer):
		return usageError{fmt.Errorf("use %s: it does not answer like Daytona: DAYTONA_API_URL must name its API, such as %s (%w)", provider.APIURL(), daytona.DefaultAPIURL, err)}
	}
	return fmt.Errorf("reach Daytona at %s: %w; check DAYTONA_API_URL, or start a local one with: starter dev", provider.APIURL(), err)
}
