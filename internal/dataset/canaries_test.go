package dataset

import (
	"testing"

	"github.com/stretchr/testify/require"

	"pitwall/internal/spec"
)

func withCanaries(canaries ...spec.Canary) spec.CampaignInput {
	in := greet()
	in.Canaries = canaries
	return in
}

func TestCanariesStandBeforeTheTrialsOfTheFirstSamples(t *testing.T) {
	in := withCanaries(
		spec.Canary{Samples: 2, Set: map[string]string{"name": "known {{.id}}"}},
		spec.Canary{Set: map[string]string{"name": "wrong"}, Expect: spec.ExpectFail})
	in.Epochs, in.Dataset.CategoryField = 2, "lang"
	trials, err := planned(t, in, people, "")
	require.NoError(t, err)
	require.Equal(t, "canary-1:a1 canary-2:a1 a1 a2 canary-1:b1 b1 b2 c1 c2", keys(trials))
	require.Equal(t, "echo known a 1", trials[0].Input.Job.Steps[0].Command)
	require.Equal(t, []string{"pass", "fail", ""}, []string{trials[0].Canary, trials[1].Canary, trials[2].Canary})
	require.Equal(t, &spec.Trial{Campaign: "nightly", Sample: "canary-1:a", Epoch: 1, Category: "py"}, trials[0].Input.Trial)
	require.Equal(t, "echo Ada 1", trials[2].Input.Job.Steps[0].Command, "the sample's own values are untouched")
}

func TestCanaryStandsInForTheAnswer(t *testing.T) {
	in := withCanaries(spec.Canary{Set: map[string]string{"completion": "{{.name}}"}})
	in.Answers = spec.Answers{From: spec.AnswersText, Text: "guess"}
	in.Eval.Job.Steps[0].Command = "judge {{.completion}}"
	trials, err := planned(t, in, people, "")
	require.NoError(t, err)
	require.Equal(t, "judge Ada", trials[0].Input.Job.Steps[0].Command)
	require.Equal(t, "judge guess", trials[1].Input.Job.Steps[0].Command)
}

func TestCanariesThatCannotBe(t *testing.T) {
	_, err := planned(t, withCanaries(spec.Canary{Set: map[string]string{"name": "{{.nosuch}}"}}), people, "")
	require.ErrorContains(t, err, "canaries[0]")
	require.ErrorContains(t, err, "nosuch")
	in := withCanaries(spec.Canary{Samples: 3, Set: map[string]string{"name": "x"}})
	for _, rows := range []string{
		people + `{"id":"canary-1:a","name":"x","lang":"py"}` + "\n",
		`{"id":"canary-1:b","name":"x","lang":"py"}` + "\n" + people,
	} {
		_, err = planned(t, in, rows, "")
		var file *FileError
		require.ErrorAs(t, err, &file)
		require.ErrorContains(t, err, "canary-1:")
	}
}
