package policy

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"pitwall/internal/spec"
)

const examples = "../../deploy/policy"

func TestTheExamplesAreValid(t *testing.T) {
	files, err := filepath.Glob(filepath.Join(examples, "*.yaml"))
	require.NoError(t, err)
	require.NotEmpty(t, files)
	for _, file := range files {
		_, err := Load(file)
		require.NoError(t, err, file)
	}
}

// The production example does what its page says of it.
func TestTheProductionExample(t *testing.T) {
	p, err := Load(filepath.Join(examples, "production.yaml"))
	require.NoError(t, err)
	in := spec.EvalInput{
		Kind: spec.KindToolSimulation, Tools: []string{"shell"},
		Sandbox: spec.Sandbox{Snapshot: "evals-3", Network: spec.Network{Mode: spec.NetworkFull}},
		Job:     spec.Job{Steps: []spec.Step{{Command: "pip install requests", TimeLimit: spec.Duration(time.Hour)}}},
	}
	require.Equal(t, []string{"max_time_limit", "max_job_time", "network.mode", "tools", "refuse.commands.package-managers"}, broken(t, p, in))
	text, err := os.ReadFile("../../docs/policy.md")
	require.NoError(t, err)
	require.Contains(t, string(text), p.Check(in.WithDefaults(spec.Defaults{})).Error(), "the page shows this violation")
	in.Tools, in.Sandbox.Network, in.Job.Steps = []string{"files/read"}, spec.Network{}, []spec.Step{{Command: "true"}}
	require.Empty(t, broken(t, p, in))
}
