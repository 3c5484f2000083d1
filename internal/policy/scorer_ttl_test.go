package policy_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"pitwall/internal/policy"
	"pitwall/internal/spec"
)

func TestMaxTTLBoundsTheScorersSandbox(t *testing.T) {
	p, err := policy.Decode([]byte("version: 1\nall:\n  max_ttl: 40m\n  max_job_time: 10m\n"))
	require.NoError(t, err)
	in := spec.EvalInput{
		Job:    spec.Job{Steps: []spec.Step{{Command: "true", TimeLimit: spec.Duration(time.Minute)}}},
		Scorer: &spec.Scorer{Type: spec.ScorerCommand, Command: "sleep 36000", TimeLimit: spec.Duration(10 * time.Hour)},
	}.WithDefaults(spec.Defaults{})
	require.NoError(t, in.Validate())
	require.ErrorContains(t, p.Check(in), "max_ttl")
	in.Scorer.TimeLimit = spec.Duration(time.Minute)
	require.NoError(t, p.Check(in))
}
