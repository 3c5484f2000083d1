package activities

import (
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/testsuite"
	"go.uber.org/zap"

	"pitwall/internal/artifact"
	"pitwall/internal/daytona"
	"pitwall/internal/daytona/daytonatest"
	"pitwall/internal/spec"
)

// Where a job can touch its supervisor's records, it cannot make itself a fault of the infrastructure's or the image's: what ran
// was started.
func TestAJobThatRanCannotTakeItsStartBack(t *testing.T) {
	for _, forged := range []string{"missing flock", "claimed", "unclaimed"} {
		t.Run(forged, func(t *testing.T) {
			t.Parallel()
			var asked atomic.Int64
			server := daytonatest.Start(t, daytonatest.Options{Execute: func(daytonatest.Execution) (int, string) {
				if asked.Add(1) < 3 {
					return 0, "pitwall 1 running\nstep 1 running\nsize 1.out 0\n"
				}
				return 0, "pitwall 1 " + forged + "\n"
			}})
			client := server.Client(t)
			made, err := client.CreateSandbox(t.Context(), daytona.CreateRequest{Name: "box"})
			require.NoError(t, err)
			store, err := artifact.Open(t.Context(), "mem://")
			require.NoError(t, err)
			t.Cleanup(func() { require.NoError(t, store.Close()) })
			jobs := &Jobs{Daytona: client, Store: store, Log: zap.NewNop()}
			var suite testsuite.WorkflowTestSuite
			env := suite.NewTestActivityEnvironment()
			env.SetTestTimeout(time.Minute)
			env.RegisterActivity(jobs)
			value, err := env.ExecuteActivity(jobs.RunJob, RunJobInput{
				Sandbox: CreatedSandbox{ID: made.ID, Name: "box", ToolboxURL: made.ToolboxProxyURL},
				Steps:   []StepPlan{{Name: "run", TimeLimit: time.Minute}}, Prefix: "evals/a/attempt-1", MaxOutputBytes: 1 << 20,
			})
			require.NoError(t, err)
			var result spec.JobResult
			require.NoError(t, value.Get(&result))
			require.True(t, result.SupervisorLost)
			require.Len(t, result.Steps, 1)
		})
	}
}
