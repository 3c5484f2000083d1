//go:build linux

package workflows_test

import (
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/temporal"

	"pitwall/internal/daytona"
	"pitwall/internal/daytona/daytonatest"
	"pitwall/internal/spec"
	"pitwall/test/harness"
	"pitwall/workflows"
)

// losing is a provider whose sandboxes die when a job is launched.
func losing(t *testing.T) *daytonatest.Server {
	server := daytonatest.Start(t, daytonatest.Options{Execute: func(daytonatest.Execution) (int, string) {
		return 0, "pitwall 1 done\nstep 1 0 0 1 -\n"
	}, Around: relativePaths})
	server.Fail(daytonatest.Fault{Method: http.MethodPost, Path: "/process/execute", Do: func(w http.ResponseWriter, r *http.Request, _ http.HandlerFunc) {
		for _, request := range server.Requests(http.MethodPost, "/process/execute") {
			server.SetState(request.Path[len("/toolbox/"):len("/toolbox/")+36], daytona.StateError, daytona.StateStarted, "the runner died")
		}
		daytonatest.Answer(http.StatusBadGateway, "bad gateway")(w, r, nil)
	}})
	return server
}

func TestACancelBetweenTwoAttemptsIsACancelAndNoError(t *testing.T) {
	e := newEvalEnv(t, losing(t).Client(t), enabled())
	e.SetOnTimerScheduledListener(func(_ string, d time.Duration) {
		if d == 2*time.Second { // the pause between two attempts
			e.CancelWorkflow()
		}
	})
	e.ExecuteWorkflow(workflows.EvalWorkflow, harness.Command("true"))
	var cancelled *temporal.CanceledError
	require.ErrorAs(t, e.GetWorkflowError(), &cancelled)
	var result spec.EvalResult
	require.NoError(t, cancelled.Details(&result))
	require.Equal(t, spec.StatusCancelled, result.Status)
	require.Nil(t, result.Error)
}
