package dataset

import (
	"context"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"pitwall/internal/spec"
)

const people = `{"id":"a","name":"Ada","lang":"py","answers":["1","2"]}
{"id":"b","name":"Bob","lang":"sh","answers":["3"]}
{"id":"c","name":"Cy","lang":"py","answers":["4"]}
`

func greet() spec.CampaignInput {
	return spec.CampaignInput{
		Name:    "nightly",
		Dataset: spec.Dataset{Format: spec.FormatJSONL, URI: "store:x"},
		Eval:    spec.EvalTemplate{Job: spec.Job{Steps: []spec.Step{{Command: "echo {{.name}} {{.epoch}}"}}}},
	}
}

func planned(t *testing.T, in spec.CampaignInput, rows, samples string) ([]Trial, error) {
	t.Helper()
	in = in.WithDefaults(spec.Defaults{})
	require.NoError(t, in.Validate())
	d, err := Open(context.Background(), strings.NewReader(rows), in.Dataset.Format)
	require.NoError(t, err)
	var answers io.Reader
	if samples != "" {
		answers = strings.NewReader(samples)
	}
	var trials []Trial
	for trial, err := range Plan(context.Background(), in, d, answers) {
		if err != nil {
			return trials, err
		}
		trials = append(trials, trial)
	}
	return trials, nil
}

func keys(trials []Trial) string {
	var b strings.Builder
	for _, trial := range trials {
		b.WriteString(trial.Sample + strconv.Itoa(trial.Epoch) + " ")
	}
	return strings.TrimSpace(b.String())
}

func TestPlanRendersEachTrial(t *testing.T) {
	in := greet()
	in.Epochs = 2
	in.Dataset.CategoryField = "lang"
	trials, err := planned(t, in, people, "")
	require.NoError(t, err)
	require.Equal(t, "a1 a2 b1 b2 c1 c2", keys(trials))
	require.Equal(t, "echo Bob 2", trials[3].Input.Job.Steps[0].Command)
	require.Equal(t, &spec.Trial{Campaign: "nightly", Sample: "b", Epoch: 2, Category: "sh"}, trials[3].Input.Trial)
	require.Equal(t, "sh", trials[3].Category)

	in.Name, in.RetryOf, in.RetryNumber = "nightly/retry-2", "nightly", 2
	in.Dataset.CategoryField = "{{.lang}}/{{len .name}}"
	trials, err = planned(t, in, people, "")
	require.NoError(t, err)
	require.Equal(t, &spec.Trial{Campaign: "nightly", Sample: "b", Epoch: 2, Category: "sh/3", Retry: 2}, trials[3].Input.Trial)
}

func TestPlanChoosesSamples(t *testing.T) {
	in := greet()
	in.Dataset.SampleIDs = []string{"c", "b"}
	trials, err := planned(t, in, people, "")
	require.NoError(t, err)
	require.Equal(t, "b1 c1", keys(trials))
	in.Dataset.Limit = 1
	trials, err = planned(t, in, people, "")
	require.NoError(t, err)
	require.Equal(t, "b1", keys(trials))
	in.Dataset.SampleIDs = append(in.Dataset.SampleIDs, "z", "x")
	_, err = planned(t, in, people, "")
	require.EqualError(t, err, "dataset.sample_ids: the dataset has no x, z: it has 3 samples, such as a, b, c")
}

func TestPlanTakesAnswersFromAField(t *testing.T) {
	in := greet()
	in.Answers = spec.Answers{From: spec.AnswersField, Field: "answers"}
	in.Eval.Job.Steps[0].Command = "echo {{.completion}}"
	trials, err := planned(t, in, people, "")
	require.NoError(t, err)
	require.Equal(t, "a1 a2 b1 c1", keys(trials))
	require.Equal(t, "echo 2", trials[1].Input.Job.Steps[0].Command)
	in.Epochs = 3
	trials, err = planned(t, in, people, "")
	require.NoError(t, err)
	require.Equal(t, "a1 a2 a3 b1 b2 b3 c1 c2 c3", keys(trials))
	require.Equal(t, "echo 1", trials[2].Input.Job.Steps[0].Command, "answers go round")
	in.Answers.Field = "answer"
	_, err = planned(t, in, people, "")
	require.EqualError(t, err, `dataset: row 1 (line 1): has no field "answer", from which the answers come; its fields are answers, id, lang, name`)
	in.Answers.Field = "answers"
	_, err = planned(t, in, `{"id":"a","name":"x","answers":[]}`, "")
	require.ErrorContains(t, err, "has no answer")
}

func TestPlanTakesAnswersFromSamples(t *testing.T) {
	in := greet()
	in.Answers = spec.Answers{From: spec.AnswersSamples, URI: "store:s"}
	in.Eval.Job.Steps[0].Command = "echo {{.completion}}"
	samples := `{"task_id":"b","completion":"B"}
{"task_id":"a","completion":"A1"}
{"task_id":"c","completion":""}
{"task_id":"a","completion":"A2"}
`
	trials, err := planned(t, in, people, samples)
	require.NoError(t, err)
	require.Equal(t, "a1 a2 b1 c1", keys(trials))
	require.Equal(t, "echo A2", trials[1].Input.Job.Steps[0].Command)

	_, err = planned(t, in, people, samples+`{"task_id":"x","completion":""}`)
	require.EqualError(t, err, `samples file: row 5 answers "x", which the dataset does not have (unknown: x): is it of another dataset?`)
	_, err = planned(t, in, people, `{"task_id":"a","completion":""}`)
	require.EqualError(t, err, `samples file: it has no answer for 2 of 3 samples: b, c: add them, or choose with limit or sample_ids`)
	_, err = planned(t, in, people, `{"task_id":"a","text":""}`)
	require.EqualError(t, err, `samples file: row 1 (line 1): has no text "completion"; its fields are task_id, text`)
	_, err = planned(t, in, people, "{")
	require.ErrorContains(t, err, "samples file: row 1 (line 1): is not a JSON object")

	in.Dataset.SampleIDs = []string{"a"}
	trials, err = planned(t, in, people, `{"task_id":"a","completion":"A"}`+"\n"+`{"task_id":"c","completion":"C"}`)
	require.NoError(t, err, "what is not asked for needs no answer")
	require.Equal(t, "a1", keys(trials))
	in.Dataset.SampleIDs, in.Dataset.Limit = nil, 1
	trials, err = planned(t, in, people, `{"task_id":"a","completion":"A"}`)
	require.NoError(t, err)
	require.Equal(t, "a1", keys(trials))
}

func TestPlanGivesTheSameTextToAll(t *testing.T) {
	in := greet()
	in.Answers = spec.Answers{From: spec.AnswersText, Text: "    pass\n"}
	in.Eval.Job.Steps[0].Command = "x{{.completion}}"
	trials, err := planned(t, in, people, "")
	require.NoError(t, err)
	require.Len(t, trials, 3)
	require.Equal(t, "x    pass\n", trials[2].Input.Job.Steps[0].Command)
}

func TestPlanLaysARowsSettingsOverItsEval(t *testing.T) {
	in := greet()
	in.Dataset.OverridesField = "settings"
	in.Eval.Sandbox.Image = "python:{{.version}}"
	trials, err := planned(t, in, `{"id":"a","name":"x","version":3.10,"settings":{"sandbox":{"resources":{"cpu":2}},"job":{"env":{"A":"1"}}}}
{"id":"b","name":"x","version":"4"}
`, "")
	require.NoError(t, err)
	require.Equal(t, spec.Sandbox{Image: "python:3.10", Resources: &spec.Resources{CPU: 2}}, trials[0].Input.Sandbox)
	require.Equal(t, "1", trials[0].Input.Job.Env["A"])
	require.Equal(t, spec.Sandbox{Image: "python:4"}, trials[1].Input.Sandbox)

	in.Dataset.Format = spec.FormatCSV
	trials, err = planned(t, in, "id,name,version,settings\na,x,1,\"{\"\"max_attempts\"\": 5}\"\nb,x,1,\n", "")
	require.NoError(t, err)
	require.Equal(t, 5, trials[0].Input.MaxAttempts)
	_, err = planned(t, in, "id,name,version,settings\na,x,1,\"{\"\"cpu\"\": 5}\"\n", "")
	require.ErrorContains(t, err, `sample "a", epoch 1: its field "settings": invalid input: cpu: unknown field "cpu"`)
}

func TestPlanNamesWhatIsWrong(t *testing.T) {
	for name, c := range map[string]struct {
		spoil func(*spec.CampaignInput)
		rows  string
		want  string
	}{
		"an unknown field":     {func(in *spec.CampaignInput) { in.Eval.Job.Steps[0].Command = "{{.nam}}" }, people, `sample "a", epoch 1: eval.job.steps[0].command: the template names the field "nam", and the fields are answers, campaign, epoch, id, lang, name, sample_id`},
		"no completion":        {func(in *spec.CampaignInput) { in.Eval.Job.Steps[0].Command = "{{.completion}}" }, people, `names the field "completion"`},
		"an unknown category":  {func(in *spec.CampaignInput) { in.Dataset.CategoryField = "level" }, people, `dataset.category_field: the template names the field "level"`},
		"a rendered problem":   {func(in *spec.CampaignInput) { in.Eval.Sandbox.Language = "{{.lang}}" }, people, `sample "a", epoch 1: invalid input: sandbox.language: "py" is not known`},
		"no rows":              {func(*spec.CampaignInput) {}, "\n", "dataset: it has no rows"},
		"a double id":          {func(*spec.CampaignInput) {}, people + `{"id":"b"}`, `dataset: row 4 (line 4): its id "b" is that of row 2 too`},
		"no id field":          {func(*spec.CampaignInput) {}, `{"key":"a"}`, "has none of the id fields id, task_id, instance_id, sample_id; its fields are key"},
		"a missing id":         {func(in *spec.CampaignInput) { in.Dataset.IDField = "key" }, people, `has no id field "key"; its fields are answers, id, lang, name`},
		"a structured id":      {func(*spec.CampaignInput) {}, `{"id":["a"]}`, "neither a text nor a number"},
		"an id with an escape": {func(*spec.CampaignInput) {}, `{"id":"\u001b[2J"}`, "has control characters"},
		"an answer over 64 KiB": {func(in *spec.CampaignInput) {
			in.Answers = spec.Answers{From: spec.AnswersField, Field: "name"}
			in.Eval.Job.Steps[0].Command = "{{.completion}}"
		}, `{"id":"a","name":"` + strings.Repeat("x", spec.MaxInlineBytes+1) + `"}`, "upload large files"},
	} {
		t.Run(name, func(t *testing.T) {
			in := greet()
			c.spoil(&in)
			_, err := planned(t, in, c.rows, "")
			require.ErrorContains(t, err, c.want)
		})
	}
}

func TestPlanAdmitsLargeFiles(t *testing.T) {
	in := greet()
	in.Eval.Inputs.Files = []spec.File{{Path: "a", Content: "{{.name}}"}}
	in.Eval.Job.Steps[0].Command = "cat a"
	large := strings.Repeat("x", 2*spec.MaxInlineBytes)
	trials, err := planned(t, in, `{"id":"a","name":"`+large+`"}`, "")
	require.NoError(t, err)
	require.Equal(t, large, trials[0].Input.Inputs.Files[0].Content)
	require.Error(t, trials[0].Input.Validate(), "an eval may not carry it")
}

func TestPlanCanBeLeft(t *testing.T) {
	in := greet().WithDefaults(spec.Defaults{})
	d, err := Open(context.Background(), strings.NewReader(people), spec.FormatJSONL)
	require.NoError(t, err)
	for _, err := range Plan(context.Background(), in, d, nil) {
		require.NoError(t, err)
		break
	}
}

// data opens a published file, or says that this part was not run.
func data(t *testing.T, name string) *os.File {
	t.Helper()
	folder := os.Getenv("PITWALL_TEST_DATA")
	if folder == "" {
		if os.Getenv("PITWALL_TEST_STRICT") == "1" {
			t.Fatal("not run: planning HumanEval, because PITWALL_TEST_DATA does not name the folder with humaneval/")
		}
		t.Skip("not run: planning HumanEval, because PITWALL_TEST_DATA does not name the folder with humaneval/")
	}
	file, err := os.Open(filepath.Join(folder, "humaneval", name))
	require.NoError(t, err)
	t.Cleanup(func() { file.Close() })
	return file
}

func humanEval(t *testing.T) spec.CampaignInput {
	t.Helper()
	text, err := os.ReadFile("../../examples/humaneval/campaign.yaml")
	require.NoError(t, err)
	in, err := spec.DecodeCampaign(text)
	require.NoError(t, err)
	in.Name = "humaneval"
	return in
}

func TestHumanEvalAsPublished(t *testing.T) {
	in := humanEval(t).WithDefaults(spec.Defaults{})
	d, err := Open(context.Background(), data(t, "HumanEval.jsonl.gz"), in.Dataset.Format)
	require.NoError(t, err)
	n := 0
	for trial, err := range Plan(context.Background(), in, d, nil) {
		require.NoError(t, err)
		require.Equal(t, "HumanEval/"+strconv.Itoa(n), trial.Sample)
		require.NoError(t, trial.Input.WithDefaults(spec.Defaults{}).Validate())
		n++
	}
	require.Equal(t, 164, n)
}

func TestHumanEvalExampleSamples(t *testing.T) {
	in := humanEval(t)
	in.Answers = spec.Answers{From: spec.AnswersSamples, URI: "store:samples"}
	in = in.WithDefaults(spec.Defaults{})
	d, err := Open(context.Background(), data(t, "example_problem.jsonl"), in.Dataset.Format)
	require.NoError(t, err)
	var programs []string
	for trial, err := range Plan(context.Background(), in, d, data(t, "example_samples.jsonl")) {
		require.NoError(t, err)
		require.Equal(t, "test/0", trial.Sample)
		require.Equal(t, len(programs)+1, trial.Epoch)
		programs = append(programs, trial.Input.Inputs.Files[0].Content)
	}
	require.Len(t, programs, 6)
	// prompt + completion + "\n" + test + "\n" + "check(entry_point)", to the byte (openai/human-eval, execution.py).
	require.Equal(t, "def return1():\n    return 1\ndef check(candidate):\n    assert candidate() == 1\ncheck(return1)", programs[3])
}
