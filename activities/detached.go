package activities

import (
	"context"
	"errors"
	"fmt"
	"time"

	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/interceptor"
	"go.temporal.io/sdk/temporal"
)

// errTypeDetached: the activity's context ended although nobody cancelled it.
const errTypeDetached = "Detached"

// Detachment is the interceptor of every worker that runs these activities. The SDK ends an activity's context not only for
// a cancel, but also when Temporal did not answer a heartbeat within its bound, or when the attempt is over. What an activity
// then returns says nothing about its work: a read that broke off is no bad input, a call that was not waited for no lost
// sandbox. It is tried again. A cancel is left to the activity.
type Detachment struct {
	interceptor.WorkerInterceptorBase
}

// InterceptActivity wraps one execution.
func (*Detachment) InterceptActivity(_ context.Context, next interceptor.ActivityInboundInterceptor) interceptor.ActivityInboundInterceptor {
	return &detachment{interceptor.ActivityInboundInterceptorBase{Next: next}}
}

type detachment struct {
	interceptor.ActivityInboundInterceptorBase
}

// ExecuteActivity returns Detached, retryable at once, in place of an error that came of a lost context.
func (d *detachment) ExecuteActivity(ctx context.Context, in *interceptor.ExecuteActivityInput) (any, error) {
	result, err := d.Next.ExecuteActivity(ctx, in)
	if err == nil || !detached(ctx) || activity.GetInfo(ctx).IsLocalActivity {
		return result, err //nolint:wrapcheck // the activity's own words
	}
	return nil, retryable(errTypeDetached, fmt.Errorf("%w, after: %w", err, context.Cause(ctx)), 10*time.Millisecond)
}

func detached(ctx context.Context) bool {
	return errors.Is(ctx.Err(), context.Canceled) && !temporal.IsCanceledError(context.Cause(ctx))
}
