package daytona

import (
	"context"
	"errors"
	"time"

	"github.com/cenkalti/backoff/v5"
)

// oneCallTimeout bounds each request inside a loop, so that one hung connection cannot eat the loop's whole time.
// Daytona answers a GET or DELETE in well under a second; 30 s is also its own bound on holding a POST.
const oneCallTimeout = 30 * time.Second

// longestPause bounds one pause of a loop, whatever Retry-After says: a slot waits. Daytona's rate windows last a minute.
const longestPause = time.Minute

// newPacer grows from first to last by half each time, with a tenth of jitter.
func newPacer(first, last time.Duration) *backoff.ExponentialBackOff {
	pacer := backoff.NewExponentialBackOff()
	pacer.InitialInterval, pacer.MaxInterval = first, last
	pacer.Multiplier, pacer.RandomizationFactor = 1.5, 0.1
	pacer.Reset()
	return pacer
}

// sleep waits, or returns the context's error when that ends first.
func sleep(ctx context.Context, wait time.Duration) error {
	timer := time.NewTimer(wait)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-timer.C:
		return nil
	}
}

// withCallTimeout runs one request of a loop under its own bound. A request that only this bound ended is an ordinary
// lost answer, so its error does not look like the end of the caller's own context.
func withCallTimeout[T any](ctx context.Context, request func(context.Context) (T, error)) (T, error) {
	bounded, cancel := context.WithTimeout(ctx, oneCallTimeout)
	defer cancel()
	value, err := request(bounded)
	var failed *Error
	if errors.As(err, &failed) && failed.Err != nil && bounded.Err() != nil && ctx.Err() == nil {
		failed.Err = errors.New("no answer within " + oneCallTimeout.String())
	}
	return value, err
}
