package activities

import (
	"context"

	"go.temporal.io/sdk/interceptor"

	"pitwall/internal/telemetry"
	"pitwall/internal/telemetry/galileo"
)

// Observing is the interceptor that hands each result to Galileo, once it is written. A result that is written again, because
// its workflow's task was executed again, has the same ids there.
type Observing struct {
	interceptor.WorkerInterceptorBase
	Evals *galileo.Exporter
}

// InterceptActivity wraps one execution.
func (o *Observing) InterceptActivity(
	_ context.Context, next interceptor.ActivityInboundInterceptor,
) interceptor.ActivityInboundInterceptor {
	return &observing{interceptor.ActivityInboundInterceptorBase{Next: next}, o.Evals}
}

type observing struct {
	interceptor.ActivityInboundInterceptorBase
	evals *galileo.Exporter
}

// ExecuteActivity changes nothing.
func (o *observing) ExecuteActivity(ctx context.Context, in *interceptor.ExecuteActivityInput) (any, error) {
	result, err := o.Next.ExecuteActivity(ctx, in)
	if err != nil || len(in.Args) != 1 {
		return result, err //nolint:wrapcheck // the activity's own words
	}
	if written, ok := in.Args[0].(WriteResultInput); ok {
		eval := written.Result
		if stored, ok := result.(WriteResultResult); ok && !stored.FinishedAt.IsZero() {
			eval.FinishedAt = stored.FinishedAt
		}
		o.evals.Export(telemetry.ActivityCorrelation(ctx), eval)
	}
	return result, nil
}
