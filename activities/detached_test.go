package activities

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/interceptor"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/testsuite"
	"go.temporal.io/sdk/worker"
)

// The SDK ends an activity's context also when Temporal does not answer a heartbeat. An error that comes of that is nobody's
// fault, whatever the activity takes it for: seen as InvalidInput of a dataset that could not be read on.
func TestErrorOfAnActivityThatLostTemporalIsRetried(t *testing.T) {
	misjudged := func(ctx context.Context) error {
		return terminal(ErrTypeInvalidInput, fmt.Errorf("read dataset: %w", ctx.Err()))
	}
	for name, test := range map[string]struct {
		cause error
		final bool
	}{
		"Temporal did not answer": {cause: errors.New("heartbeat: context deadline exceeded")},
		"a cancel":                {cause: temporal.NewCanceledError(), final: true},
	} {
		t.Run(name, func(t *testing.T) {
			var suite testsuite.WorkflowTestSuite
			env := suite.NewTestActivityEnvironment()
			background, end := context.WithCancelCause(t.Context())
			end(test.cause)
			env.SetWorkerOptions(worker.Options{BackgroundActivityContext: background, Interceptors: []interceptor.WorkerInterceptor{&Detachment{}}})
			env.RegisterActivity(misjudged)
			_, err := env.ExecuteActivity(misjudged)
			var app *temporal.ApplicationError
			require.ErrorAs(t, err, &app)
			require.Equal(t, test.final, app.NonRetryable(), app)
		})
	}
}
