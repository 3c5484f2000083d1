package spec

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestSetOverridesBeforeValidation(t *testing.T) {
	in, err := DecodeCampaign([]byte("dataset: {}\neval: {job: {steps: [{command: x}]}}\n"),
		Set[CampaignInput]("dataset.uri", "store:x"),
		Set[CampaignInput]("epochs", "3"),
		Set[CampaignInput]("pass_at_k", "[1, 3]"),
		Set[CampaignInput]("gate.min_accuracy", "0.5"),
		Set[CampaignInput]("eval.job.steps[0].time_limit", "5s"),
		Set[CampaignInput]("eval.sandbox.resources.cpu", "2"),
		Set[CampaignInput]("eval.sandbox.image", "a: b"),
		Set[CampaignInput]("eval.sandbox.env.DEBUG", "010"),
	)
	require.NoError(t, err)
	require.Equal(t, "store:x", in.Dataset.URI)
	require.Equal(t, 3, in.Epochs)
	require.Equal(t, []int{1, 3}, in.PassAtK)
	require.InDelta(t, 0.5, *in.Gate.MinAccuracy, 0)
	require.Equal(t, Duration(5*time.Second), in.Eval.Job.Steps[0].TimeLimit)
	require.Equal(t, 2, in.Eval.Sandbox.Resources.CPU)
	require.Equal(t, "a: b", in.Eval.Sandbox.Image)
	require.Equal(t, "010", in.Eval.Sandbox.Env["DEBUG"])
}

func TestSetRefuses(t *testing.T) {
	for path, want := range map[string]string{
		"nosuch":                 "unknown field",
		"job.steps[7].command":   "there is no [7]",
		"job..x":                 "is not a path",
		"":                       "is not a path",
		"job.steps[0].command.x": "has no fields",
		"max_attempts":           "want a whole decimal number",
		"job.steps[0]":           "want an object",
	} {
		_, err := DecodeEval([]byte(smallest), Set[EvalInput](path, "many"))
		require.ErrorContains(t, err, want, path)
	}
}
