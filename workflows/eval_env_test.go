//go:build linux

package workflows_test

import (
	"context"
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/api/serviceerror"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/testsuite"
	"go.uber.org/zap"

	"pitwall/activities"
	"pitwall/internal/artifact"
	"pitwall/internal/config"
	"pitwall/internal/daytona"
	"pitwall/internal/daytona/daytonatest"
	"pitwall/internal/spec"
	"pitwall/test/harness"
	"pitwall/workflows"
)

// evalEnv is the SDK's test environment with every real activity, on some Daytona.
type evalEnv struct {
	*testsuite.TestWorkflowEnvironment
	store *artifact.Store
	// told is called when a lease was sent a signal, by the activity that sent it.
	told *func(signal string)
}

func newEvalEnv(t *testing.T, provider *daytona.Client, cfg config.Config) evalEnv {
	t.Helper()
	var suite testsuite.WorkflowTestSuite
	suite.SetLogger(quiet())
	told := func(string) {}
	e := evalEnv{TestWorkflowEnvironment: suite.NewTestWorkflowEnvironment(), told: &told}
	var err error
	e.store, err = artifact.Open(t.Context(), "mem://")
	require.NoError(t, err)
	cfg.DefaultLanguage, cfg.SandboxTTLMinutes, cfg.MaxTTLMinutes = "python", 30, 720
	cfg.MaxParallelSandboxes, cfg.CreateHorizon = 2, 2*time.Minute
	set := activities.New(activities.Deps{
		Temporal: signalsOf{env: e}, Daytona: provider, Store: e.store, Config: cfg,
		Cluster: "11111111-aaaa", Namespace: "22222222-bbbb", Log: zap.NewNop(),
	})
	t.Cleanup(func() {
		set.Close()
		require.NoError(t, e.store.Close())
	})
	set.RegisterShort(e)
	set.RegisterSlots(e)
	workflows.Register(e)
	e.SetTestTimeout(2 * time.Minute)
	return e
}

// signalsOf is what activities need of Temporal's client, within the test environment: signals to leases, and the look at
// a slot, which no lease holds.
type signalsOf struct {
	client.Client
	env evalEnv
}

func (s signalsOf) SignalWorkflow(_ context.Context, id, _, name string, arg any) error {
	err := s.env.SignalWorkflowByID(id, name, arg)
	(*s.env.told)(name)
	return err
}

func (s signalsOf) DescribeWorkflowExecution(context.Context, string, string) (*workflowservice.DescribeWorkflowExecutionResponse, error) {
	return nil, serviceerror.NewNotFound("no lease runs")
}

func (e evalEnv) run(t *testing.T, in spec.EvalInput) spec.EvalResult {
	t.Helper()
	e.ExecuteWorkflow(workflows.EvalWorkflow, in)
	require.True(t, e.IsWorkflowCompleted())
	require.NoError(t, e.GetWorkflowError())
	var result spec.EvalResult
	require.NoError(t, e.GetWorkflowResult(&result))
	return result
}

func enabled() config.Config { return config.Config{Enabled: true} }

func TestEvalInTheTestEnvironmentOnRealSandboxes(t *testing.T) {
	platform := harness.StartPlatform(t)
	e := newEvalEnv(t, platform.Daytona, enabled())
	in := harness.Command("cat in.txt; mkdir out; echo kept >out/a.txt")
	in.Inputs.Files = []spec.File{{Path: "in.txt", Content: "hello\n"}}
	in.Artifacts = []spec.ArtifactRule{{Path: "out/*", Required: true}}
	result := e.run(t, in)
	require.Equal(t, spec.StatusCompleted, result.Status, "%+v", result.Error)
	require.True(t, result.Score.Passed)
	require.Equal(t, "hello\n", result.Job.Steps[0].Stdout.Tail)
	require.Equal(t, spec.ArtifactStored, result.Artifacts[0].Status)
	require.Equal(t, spec.CleanupProven, result.Cleanup)
	require.Equal(t, result.Attempts[0].Sandboxes[0].ID, result.Attempts[0].Sandboxes[0].Removal.SandboxID)
	require.Equal(t, int64(1), platform.Ledger().Destroyed)
	require.Empty(t, platform.Live())
}

func TestEvalWithAnUnknownSnapshotIsTheUsersErrorAndFreesItsSlotAtOnce(t *testing.T) {
	platform := harness.StartPlatform(t)
	e := newEvalEnv(t, platform.Daytona, enabled())
	in := harness.Command("true")
	in.Sandbox.Snapshot = "no-such-snapshot"
	began := e.Now()
	result := e.run(t, in)
	require.Equal(t, spec.StatusError, result.Status)
	require.Equal(t, spec.OriginUser, result.Error.Origin)
	require.Equal(t, activities.ErrTypeCreateRefused, result.Error.Type)
	require.Contains(t, result.Error.Message, "no-such-snapshot")
	require.Len(t, result.Attempts, 1)
	require.Empty(t, result.Attempts[0].Sandboxes)
	require.Equal(t, spec.CleanupProven, result.Cleanup)
	require.Less(t, e.Now().Sub(began), time.Minute, "the lease was told, so nobody waited for the create horizon")
	require.Zero(t, platform.Ledger().Created)
}

func TestEvalAtAFullProviderWaitsAndCostsNoAttempt(t *testing.T) {
	server := daytonatest.Start(t, daytonatest.Options{Execute: func(daytonatest.Execution) (int, string) {
		return 0, "pitwall 1 done\nstep 1 0 0 1 -\n"
	}, Around: relativePaths})
	server.Fail(daytonatest.Fault{Method: http.MethodPost, Path: "/api/sandbox", Times: 3, Do: daytonatest.Answer(http.StatusTooManyRequests, "Rate limit exceeded", "Retry-After", "7")})
	e := newEvalEnv(t, server.Client(t), enabled())
	began := e.Now()
	result := e.run(t, harness.Command("true"))
	require.Equal(t, spec.StatusCompleted, result.Status, "%+v", result.Error)
	require.True(t, result.Score.Passed)
	require.Len(t, result.Attempts, 1)
	require.GreaterOrEqual(t, e.Now().Sub(began), 3*7*time.Second, "as long as the provider asked for, thrice")
	require.Len(t, server.Requests(http.MethodPost, "/api/sandbox"), 4)
	require.Empty(t, server.Living())
}

// A worker that dies between telling the lease of a refusal and answering Temporal: the create that is tried again finds the
// lease closed.
func TestARefusalWhoseAnswerIsLostCostsNoAttempt(t *testing.T) {
	server := daytonatest.Start(t, daytonatest.Options{Execute: func(daytonatest.Execution) (int, string) {
		return 0, "pitwall 1 done\nstep 1 0 0 1 -\n"
	}, Around: relativePaths})
	server.Fail(daytonatest.Fault{Method: http.MethodPost, Path: "/api/sandbox", Times: 1, Do: daytonatest.Answer(http.StatusTooManyRequests, "Rate limit exceeded")})
	e := newEvalEnv(t, server.Client(t), enabled())
	deaths := 0
	*e.told = func(signal string) {
		if signal == activities.SignalRefused {
			deaths++
			panic("the worker dies")
		}
	}
	result := e.run(t, harness.Command("true"))
	require.Equal(t, 1, deaths)
	require.Equal(t, spec.StatusCompleted, result.Status, "%+v", result.Error)
	require.True(t, result.Score.Passed)
	require.Len(t, result.Attempts, 1, "%+v", result.Attempts[0].Error)
	require.Equal(t, spec.CleanupProven, result.Cleanup)
	require.Len(t, server.Requests(http.MethodPost, "/api/sandbox"), 2)
	require.Empty(t, server.Living())
}

// relativePaths makes a sandbox's absolute paths those of the fake's folder.
func relativePaths(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodPost && len(r.URL.Path) > 12 && r.URL.Path[len(r.URL.Path)-12:] == "/bulk-upload" {
			w.Header().Set("Content-Type", "application/json")
			_, _ = w.Write([]byte(`{"files":[]}`))
			return
		}
		next.ServeHTTP(w, r)
	})
}

func TestEvalIsRefusedWhereSandboxesAreSwitchedOff(t *testing.T) {
	server := daytonatest.Start(t, daytonatest.Options{})
	e := newEvalEnv(t, server.Client(t), config.Config{Enabled: false})
	e.ExecuteWorkflow(workflows.EvalWorkflow, harness.Command("true"))
	var app *temporal.ApplicationError
	require.ErrorAs(t, e.GetWorkflowError(), &app)
	require.Equal(t, activities.ErrTypeDisabled, app.Type())
	require.True(t, app.NonRetryable())
	require.Contains(t, app.Message(), "DAYTONA_ENABLED=false")
	require.Empty(t, server.Requests("", ""), "nothing was asked of the provider")
}

func TestEvalWhoseSandboxIsLostTriesAgainInAFreshOne(t *testing.T) {
	var server *daytonatest.Server
	asked := 0
	server = daytonatest.Start(t, daytonatest.Options{Execute: func(daytonatest.Execution) (int, string) {
		asked++
		return 0, "pitwall 1 done\nstep 1 0 0 1 -\n"
	}, Around: relativePaths})
	server.Fail(daytonatest.Fault{Method: http.MethodPost, Path: "/process/execute", Do: func(w http.ResponseWriter, r *http.Request, _ http.HandlerFunc) {
		for _, request := range server.Requests(http.MethodPost, "/process/execute") {
			id := request.Path[len("/toolbox/") : len("/toolbox/")+36]
			server.SetState(id, daytona.StateError, daytona.StateStarted, "the runner died")
		}
		daytonatest.Answer(http.StatusBadGateway, "bad gateway")(w, r, nil)
	}})
	e := newEvalEnv(t, server.Client(t), enabled())
	result := e.run(t, harness.Command("true"))
	require.Equal(t, spec.StatusCompleted, result.Status, "%+v", result.Error)
	require.Len(t, result.Attempts, 2)
	require.Equal(t, spec.OriginInfra, result.Attempts[0].Error.Origin)
	require.Equal(t, activities.ErrTypeSandboxLost, result.Attempts[0].Error.Type)
	require.NotEqual(t, result.Attempts[0].Sandboxes[0].ID, result.Attempts[1].Sandboxes[0].ID)
	require.Equal(t, 1, asked, "nothing ran twice")
	for _, attempt := range result.Attempts {
		require.NotNil(t, attempt.Sandboxes[0].Removal)
	}
	require.Empty(t, server.Living())
}
