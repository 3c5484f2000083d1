package livecheck

import (
	"context"
	"errors"
	"strings"
	"time"
)

// withMinute bounds one call.
func withMinute[T any](ctx context.Context, try func(context.Context) (T, error)) (T, error) {
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	return try(ctx)
}

// pause waits; false when the context ended first.
func pause(ctx context.Context, wait time.Duration) bool {
	timer := time.NewTimer(wait)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-timer.C:
		return true
	}
}

// oneLine joins errors on one line.
func oneLine(all []error) error {
	if len(all) == 0 {
		return nil
	}
	texts := make([]string, len(all))
	for i, err := range all {
		texts[i] = err.Error()
	}
	return errors.New(strings.Join(texts, "; "))
}

func yesNo(yes bool) string {
	if yes {
		return "yes"
	}
	return "no"
}
