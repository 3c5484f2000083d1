package sentryreport

import (
	"context"
	"errors"
	"slices"
	"strconv"
	"time"

	"github.com/getsentry/sentry-go"
	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/interceptor"
	"go.temporal.io/sdk/temporal"

	"pitwall/internal/spec"
	"pitwall/internal/telemetry"
)

// Interceptor reports the failures of activities.
type Interceptor struct {
	interceptor.WorkerInterceptorBase
	Reporter *Reporter
}

// InterceptActivity wraps one execution.
func (i *Interceptor) InterceptActivity(
	_ context.Context, next interceptor.ActivityInboundInterceptor,
) interceptor.ActivityInboundInterceptor {
	return &reporting{interceptor.ActivityInboundInterceptorBase{Next: next}, i.Reporter}
}

type reporting struct {
	interceptor.ActivityInboundInterceptorBase
	reporter *Reporter
}

// ExecuteActivity lets every error and every panic pass as it is.
func (r *reporting) ExecuteActivity(ctx context.Context, in *interceptor.ExecuteActivityInput) (any, error) {
	defer func() {
		if panicked := recover(); panicked != nil {
			r.reporter.panicked(ctx, panicked)
			panic(panicked)
		}
	}()
	result, err := r.Next.ExecuteActivity(ctx, in)
	if err != nil {
		r.reporter.failed(ctx, err)
	}
	return result, err //nolint:wrapcheck // the activity's own words
}

// failed reports an activity's failure, if it is the last.
func (r *Reporter) failed(ctx context.Context, err error) {
	if temporal.IsCanceledError(err) || errors.Is(err, context.Canceled) || !isLast(activity.GetInfo(ctx), err, time.Now()) {
		return
	}
	described := r.options.Describe(err)
	if slices.Contains(r.options.Steers, described.Type) {
		return
	}
	level := sentry.LevelWarning
	if described.Origin == spec.OriginInfra {
		level = sentry.LevelError
	}
	event := errorEvent(described.Type, described.Message, level)
	event.Tags[telemetry.FieldOrigin] = described.Origin
	r.fromActivity(ctx, event)
}

// panicked reports an activity's panic, which Temporal tries again like any error.
func (r *Reporter) panicked(ctx context.Context, panicked any) {
	if isLast(activity.GetInfo(ctx), nil, time.Now()) {
		r.fromActivity(ctx, panicEvent(panicked))
	}
}

func (r *Reporter) fromActivity(ctx context.Context, event *sentry.Event) {
	info := activity.GetInfo(ctx)
	event.Tags["activity"] = info.ActivityType.Name
	event.Tags[telemetry.FieldTry] = strconv.Itoa(int(info.Attempt))
	r.send(ctx, info.ActivityType.Name, event)
}
