package sentryreport

import (
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/temporal"
)

func TestOnlyTheLastFailureIsTheLast(t *testing.T) {
	scheduled := time.Date(2026, 11, 26, 12, 0, 0, 0, time.UTC)
	quick := &temporal.RetryPolicy{InitialInterval: time.Second, BackoffCoefficient: 2, MaximumInterval: 10 * time.Second}
	five := &temporal.RetryPolicy{InitialInterval: time.Second, BackoffCoefficient: 2, MaximumAttempts: 5, NonRetryableErrorTypes: []string{"Final"}}
	plain := errors.New("no")
	delayed := temporal.NewApplicationErrorWithOptions("no", "T", temporal.ApplicationErrorOptions{NextRetryDelay: time.Minute})
	for name, test := range map[string]struct {
		policy *temporal.RetryPolicy
		bound  time.Duration
		try    int32
		after  time.Duration
		err    error
		last   bool
	}{
		"a first one":                       {quick, time.Minute, 1, 0, plain, false},
		"one that cannot be mended":         {quick, time.Minute, 1, 0, temporal.NewNonRetryableApplicationError("no", "T", nil), true},
		"wrapped":                           {quick, time.Minute, 1, 0, errors.Join(temporal.NewNonRetryableApplicationError("no", "T", nil)), true},
		"of a type that the policy ends at": {five, time.Hour, 1, 0, temporal.NewApplicationError("no", "Final"), true},
		"fourth of five":                    {five, time.Hour, 4, 0, plain, false},
		"fifth of five":                     {five, time.Hour, 5, 0, plain, true},
		"no time for another":               {quick, time.Minute, 5, 50 * time.Second, plain, true},
		"just time for another":             {quick, time.Minute, 5, 50*time.Second - 1, plain, false},
		"the error's own pause":             {quick, time.Minute, 1, time.Second, delayed, true},
		"a panic that is tried again":       {quick, time.Minute, 1, 0, nil, false},
		"a panic at the end":                {quick, time.Minute, 1, time.Minute, nil, true},
		"no policy came along":              {nil, time.Minute, 1, 0, plain, false},
		"endless, ninth":                    {quick, 0, 9, time.Hour, plain, false},
		"endless, tenth":                    {quick, 0, 10, time.Hour, plain, true},
		"endless, twentieth":                {quick, 0, 20, time.Hour, plain, false},
		"endless, thousandth":               {quick, 365 * 24 * time.Hour, 1000, time.Hour, plain, true},
	} {
		info := activity.Info{RetryPolicy: test.policy, ScheduleToCloseTimeout: test.bound, Attempt: test.try, ScheduledTime: scheduled}
		require.Equal(t, test.last, isLast(info, test.err, scheduled.Add(test.after)), name)
	}
}
