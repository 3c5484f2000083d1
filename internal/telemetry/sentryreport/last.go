package sentryreport

import (
	"errors"
	"math"
	"slices"
	"time"

	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/temporal"
)

// serverPolicy is what Temporal's server applies where nothing else is said (temporal.RetryPolicy).
var serverPolicy = temporal.RetryPolicy{InitialInterval: time.Second, BackoffCoefficient: 2}

// endlessFrom is where an activity counts as one that is tried again without end, as a removal is.
const endlessFrom = 24 * time.Hour

// isLast reports whether Temporal will not try the activity again after this error (nil: a panic), by the rules by which its
// server decides. An activity that is tried without end has no last failure; those of tries 10, 100, 1000 … stand for it.
func isLast(info activity.Info, err error, now time.Time) bool {
	policy := serverPolicy
	if info.RetryPolicy != nil {
		policy = *info.RetryPolicy
	}
	pause := pauseAfter(int(info.Attempt), policy)
	errorType := typePanic
	var app *temporal.ApplicationError
	if errors.As(err, &app) {
		if app.NonRetryable() {
			return true
		}
		errorType = app.Type()
		if app.NextRetryDelay() > 0 {
			pause = app.NextRetryDelay()
		}
	}
	usedUp := policy.MaximumAttempts > 0 && info.Attempt >= policy.MaximumAttempts
	if usedUp || slices.Contains(policy.NonRetryableErrorTypes, errorType) {
		return true
	}
	if info.ScheduleToCloseTimeout == 0 || info.ScheduleToCloseTimeout > endlessFrom {
		return isPowerOfTen(int(info.Attempt))
	}
	return !now.Add(pause).Before(info.ScheduledTime.Add(info.ScheduleToCloseTimeout))
}

// pauseAfter is what lies between the end of a try and the next one.
func pauseAfter(try int, policy temporal.RetryPolicy) time.Duration {
	most := policy.MaximumInterval
	if most == 0 {
		most = 100 * policy.InitialInterval
	}
	pause := float64(policy.InitialInterval) * math.Pow(max(1, policy.BackoffCoefficient), float64(try-1))
	return time.Duration(min(pause, float64(most)))
}

// isPowerOfTen: 10, 100, 1000 …
func isPowerOfTen(n int) bool {
	for n >= 10 && n%10 == 0 {
		n /= 10
		if n == 1 {
			return true
		}
	}
	return false
}
