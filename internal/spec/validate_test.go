package spec

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func valid() EvalInput {
	return EvalInput{Job: Job{Steps: []Step{{Command: "true"}}}}
}

func TestValidateAcceptsWhatIsRight(t *testing.T) {
	threshold := 0.5
	in := EvalInput{
		Name:    "ünïcode is fine",
		Trial:   &Trial{Campaign: "nightly/retry-2", Sample: "HumanEval/0", Epoch: 1},
		Sandbox: Sandbox{Image: "python:3.12", Resources: &Resources{CPU: 2}, TTL: Duration(45 * time.Minute), Labels: map[string]string{"team/a": "x"}, Network: Network{Mode: NetworkAllow, AllowCIDRs: []string{"10.0.0.0/8"}, AllowDomains: []string{"*.pythonhosted.org"}}},
		Inputs: Inputs{
			Files: []File{{Path: "a.txt", Content: "x"}, {Path: "/tmp/b", URI: "store:inputs/b", SHA256: strings.Repeat("a", 64)}, {Path: "c", URI: "file:///srv/c"}, {Path: "empty"}},
			Git:   &GitSource{URL: "https://example.org/r.git", Commit: strings.Repeat("0", 40)},
		},
		Job: Job{
			Steps: []Step{
				{Name: "setup", Command: "make", Secrets: []Secret{{Name: "TOKEN"}, {Name: "TOKEN", File: ".netrc"}}},
				{Code: "print(1)", Language: "python", Env: map[string]string{"A": "line\nbreak"}, Secrets: []Secret{{Name: "OTHER", Env: "TOKEN"}}},
			},
			Secrets: []Secret{{Name: "a-key", File: "keys/a"}, {Name: "vault-key", Env: "MODEL_KEY", From: SecretFromDaytona}},
		},
		Artifacts: []ArtifactRule{{Path: "out/**/*.[ch]"}, {Path: "/tmp/core.*", When: WhenAlways}},
		Scorer:    &Scorer{Type: ScorerJSONFile, Path: "score.json", Field: "a.b.0", Threshold: &threshold},
	}
	require.NoError(t, in.Validate())
	require.NoError(t, in.WithDefaults(Defaults{}).Validate())
}

func TestValidateNamesEachProblem(t *testing.T) {
	cases := []struct {
		path  string
		spoil func(*EvalInput)
		want  string
	}{
		{"job.steps", func(in *EvalInput) { in.Job.Steps = nil }, "want 1 to 32"},
		{"job.steps", func(in *EvalInput) { in.Job.Steps = make([]Step, 33) }, "want 1 to 32"},
		{"job.steps[0]", func(in *EvalInput) { in.Job.Steps[0].Code = "x" }, "exactly one"},
		{"job.steps[0].name", func(in *EvalInput) { in.Job.Steps[0].Name = ".." }, "is not usable"},
		{"job.steps[0].name", func(in *EvalInput) { in.Job.Steps[0].Name = "a/b" }, "is not usable"},
		{"job.steps[1].name", func(in *EvalInput) { in.Job.Steps = []Step{{Name: "step-2", Command: "a"}, {Command: "b"}} }, "already the name of job.steps[0]"},
		{"job.steps[0].language", func(in *EvalInput) { in.Job.Steps[0].Language = "python" }, "belongs to code"},
		{"job.steps[0].language", func(in *EvalInput) { in.Job.Steps[0] = Step{Code: "x", Language: "ruby"} }, "want python"},
		{"job.steps[0].command", func(in *EvalInput) { in.Job.Steps[0].Command = "a\x00" }, "NUL"},
		{"job.steps[0].time_limit", func(in *EvalInput) { in.Job.Steps[0].TimeLimit = -1 }, "want more than 0"},
		{"job.steps[0].time_limit", func(in *EvalInput) { in.Job.Steps[0].TimeLimit = Duration(24*time.Hour + 1) }, "at most 24h"},
		{"job.steps[0].env.1A", func(in *EvalInput) { in.Job.Steps[0].Env = map[string]string{"1A": ""} }, "not a variable's name"},
		{"job.env.A", func(in *EvalInput) { in.Job.Env = map[string]string{"A": "\x00"} }, "NUL"},
		{"job.secrets[0].name", func(in *EvalInput) { in.Job.Secrets = []Secret{{Name: "../x", Env: "A"}} }, "not a secret's name"},
		{"job.secrets[0].env", func(in *EvalInput) { in.Job.Secrets = []Secret{{Name: "a-b"}} }, "not a variable's name"},
		{"job.secrets[0]", func(in *EvalInput) { in.Job.Secrets = []Secret{{Name: "A", Env: "A", File: "a"}} }, "both env and file"},
		{"job.secrets[0].file", func(in *EvalInput) { in.Job.Secrets = []Secret{{Name: "A", File: "../a"}} }, "has a .."},
		{"job.secrets[0].from", func(in *EvalInput) { in.Job.Secrets = []Secret{{Name: "A", From: "env"}} }, "want worker, daytona"},
		{"job.secrets[0]", func(in *EvalInput) { in.Job.Secrets = []Secret{{Name: "A", File: "a", From: "daytona"}} }, "of the whole sandbox"},
		{"job.steps[0].secrets[0]", func(in *EvalInput) { in.Job.Steps[0].Secrets = []Secret{{Name: "A", From: "daytona"}} }, "of the whole sandbox"},
		{"job.secrets[1]", func(in *EvalInput) { in.Job.Secrets = []Secret{{Name: "A"}, {Name: "B", Env: "A"}} }, "so does job.secrets[0]"},
		{"job.steps[0].secrets[0]", func(in *EvalInput) {
			in.Job.Secrets = []Secret{{Name: "A", File: HomeDir + "/./k"}}
			in.Job.Steps[0].Secrets = []Secret{{Name: "B", File: "k"}}
		}, "so does job.secrets[0]"},
		{"job.secrets[0]", func(in *EvalInput) {
			in.Job.Secrets, in.Job.Env = []Secret{{Name: "A"}}, map[string]string{"A": "x"}
		}, "so does job.env"},
		{"job.secrets[0]", func(in *EvalInput) {
			in.Job.Secrets, in.Job.Steps[0].Env = []Secret{{Name: "A"}}, map[string]string{"A": "x"}
		}, "so does job.steps[0].env"},
		{"job.secrets", func(in *EvalInput) { in.Job.Secrets = make([]Secret, MaxSecrets+1) }, "more than 32"},
		{"job.cwd", func(in *EvalInput) { in.Job.Cwd = "../x" }, "has a .."},
		{"job.max_output_bytes", func(in *EvalInput) { in.Job.MaxOutputBytes = -1 }, "out of bounds"},
		{"inputs.files[0].path", func(in *EvalInput) { in.Inputs.Files = []File{{Path: ""}} }, "is empty"},
		{"inputs.files[0].path", func(in *EvalInput) { in.Inputs.Files = []File{{Path: "a\nb"}} }, "control character"},
		{"inputs.files[0].path", func(in *EvalInput) { in.Inputs.Files = []File{{Path: "a/"}} }, "names a directory"},
		{"inputs.files[1].path", func(in *EvalInput) { in.Inputs.Files = []File{{Path: "a"}, {Path: HomeDir + "/./a"}} }, "already written"},
		{"inputs.files[0]", func(in *EvalInput) { in.Inputs.Files = []File{{Path: "a", Content: "x", URI: "store:k"}} }, "more than one"},
		{"inputs.files[0]", func(in *EvalInput) { in.Inputs.Files = []File{{Path: "a", Bytes: 5}} }, "belong to a uri"},
		{"inputs.files[0].uri", func(in *EvalInput) { in.Inputs.Files = []File{{Path: "a", URI: "/etc/passwd"}} }, "store:KEY"},
		{"inputs.files[0].uri", func(in *EvalInput) { in.Inputs.Files = []File{{Path: "a", URI: "store:../x"}} }, "store:KEY"},
		{"inputs.files[0].sha256", func(in *EvalInput) { in.Inputs.Files = []File{{Path: "a", URI: "store:k", SHA256: "AB"}} }, "64 lower-case"},
		{"inputs.files[0].content_base64", func(in *EvalInput) { in.Inputs.Files = []File{{Path: "a", ContentBase64: "%"}} }, "base64"},
		{"inputs.git", func(in *EvalInput) {
			in.Inputs.Git = &GitSource{URL: "https://x.org/y", Commit: strings.Repeat("0", 40)}
		}, "needs the network"},
		{"inputs.git.commit", func(in *EvalInput) {
			in.Inputs.Git, in.Sandbox.Network.Mode = &GitSource{URL: "https://x.org/y", Commit: "main"}, NetworkFull
		}, "full commit hash"},
		{"inputs.git.url", func(in *EvalInput) {
			in.Inputs.Git, in.Sandbox.Network.Mode = &GitSource{URL: "ext::sh -c x", Commit: strings.Repeat("0", 40)}, NetworkFull
		}, "not an http(s) URL"},
		{"", func(in *EvalInput) {
			in.Inputs.Files = []File{{Path: "a", Content: strings.Repeat("x", MaxInlineBytes)}}
		}, "upload large files and give uri + sha256"},
		{"sandbox", func(in *EvalInput) { in.Sandbox = Sandbox{Snapshot: "a", Image: "b"} }, "both snapshot and image"},
		{"sandbox.resources", func(in *EvalInput) { in.Sandbox.Resources = &Resources{} }, "only possible with an image"},
		{"sandbox.resources.cpu", func(in *EvalInput) { in.Sandbox = Sandbox{Image: "a", Resources: &Resources{CPU: -1}} }, "out of bounds"},
		{"sandbox.language", func(in *EvalInput) { in.Sandbox.Language = "go" }, "want python, typescript, javascript"},
		{"sandbox.ttl", func(in *EvalInput) { in.Sandbox.TTL = Duration(90 * time.Second) }, "whole minutes"},
		{"sandbox.labels.pitwall-x", func(in *EvalInput) { in.Sandbox.Labels = map[string]string{"pitwall-x": ""} }, "reserved"},
		{"sandbox.labels.managed-by", func(in *EvalInput) { in.Sandbox.Labels = map[string]string{"managed-by": "me"} }, "reserved"},
		{"sandbox.labels.a", func(in *EvalInput) { in.Sandbox.Labels = map[string]string{"a": strings.Repeat("x", 257)} }, "shorten"},
		{"sandbox.labels.a b", func(in *EvalInput) { in.Sandbox.Labels = map[string]string{"a b": ""} }, "not a label's name"},
		{"sandbox.network.mode", func(in *EvalInput) { in.Sandbox.Network.Mode = "open" }, "want none, allow, full"},
		{"sandbox.network", func(in *EvalInput) { in.Sandbox.Network.Mode = NetworkAllow }, "admits nothing"},
		{"sandbox.network", func(in *EvalInput) { in.Sandbox.Network.AllowDomains = []string{"a.org"} }, "need mode allow"},
		{"sandbox.network.allow_cidrs[0]", func(in *EvalInput) { in.Sandbox.Network = Network{Mode: NetworkAllow, AllowCIDRs: []string{"::/0"}} }, "IPv4"},
		{"sandbox.network.allow_domains[0]", func(in *EvalInput) {
			in.Sandbox.Network = Network{Mode: NetworkAllow, AllowDomains: []string{"http://a.org"}}
		}, "host name"},
		{"artifacts[0].path", func(in *EvalInput) { in.Artifacts = []ArtifactRule{{Path: "a[b"}} }, "not a glob"},
		{"artifacts[0].path", func(in *EvalInput) { in.Artifacts = []ArtifactRule{{Path: "a**/b"}} }, "stands alone"},
		{"artifacts[1].path", func(in *EvalInput) { in.Artifacts = []ArtifactRule{{Path: "a"}, {Path: "a"}} }, "stands in artifacts[0] too"},
		{"artifacts[0].when", func(in *EvalInput) { in.Artifacts = []ArtifactRule{{Path: "a", When: "never"}} }, "want success, always"},
		{"scorer.type", func(in *EvalInput) { in.Scorer = &Scorer{Type: "llm"} }, "want exit_code"},
		{"scorer.pattern", func(in *EvalInput) { in.Scorer = &Scorer{Type: ScorerExitCode, Pattern: "x"} }, "is not read by the scorer exit_code"},
		{"scorer.pattern", func(in *EvalInput) { in.Scorer = &Scorer{Type: ScorerRegex, Pattern: "("} }, "missing closing )"},
		{"scorer.pattern", func(in *EvalInput) { in.Scorer = &Scorer{Type: ScorerRegex} }, "is empty"},
		{"scorer.stream", func(in *EvalInput) { in.Scorer = &Scorer{Type: ScorerRegex, Pattern: "x", Stream: "both"} }, "want stdout, stderr"},
		{"scorer.step", func(in *EvalInput) { in.Scorer = &Scorer{Type: ScorerExitCode, Step: "tests"} }, "the steps are step-1"},
		{"scorer.path", func(in *EvalInput) { in.Scorer = &Scorer{Type: ScorerJSONFile} }, "is empty"},
		{"scorer.field", func(in *EvalInput) { in.Scorer = &Scorer{Type: ScorerJSONFile, Path: "a", Field: "a..b"} }, "dotted path"},
		{"scorer.command", func(in *EvalInput) { in.Scorer = &Scorer{Type: ScorerCommand} }, "is empty"},
		{"max_attempts", func(in *EvalInput) { in.MaxAttempts = 11 }, "want 1 to 10"},
		{"priority.key", func(in *EvalInput) { in.Priority.Key = 6 }, "1 is first"},
		{"priority.fairness_key", func(in *EvalInput) { in.Priority.FairnessKey = strings.Repeat("x", 65) }, "shorten"},
		{"priority.fairness_weight", func(in *EvalInput) { in.Priority.FairnessWeight = 1001 }, "0.001 to 1000"},
		{"trial.campaign", func(in *EvalInput) { in.Trial = &Trial{Campaign: "a b", Sample: "s", Epoch: 1} }, "not a campaign's name"},
		{"trial.sample", func(in *EvalInput) { in.Trial = &Trial{Campaign: "a", Epoch: 1} }, "name the sample"},
		{"trial.epoch", func(in *EvalInput) { in.Trial = &Trial{Campaign: "a", Sample: "s"} }, "count from 1"},
		{"kind", func(in *EvalInput) { in.Kind = "training" }, "want evaluation, data_prep, tool_simulation"},
		{"tools", func(in *EvalInput) { in.Tools = []string{"search"} }, "belong to kind tool_simulation"},
		{"tools", func(in *EvalInput) { in.Kind, in.Tools = KindToolSimulation, make([]string, 33) }, "more than 32"},
		{"tools[1]", func(in *EvalInput) { in.Kind, in.Tools = KindToolSimulation, []string{"a", "a"} }, "is named by tools[0] too"},
		{"tools[0]", func(in *EvalInput) { in.Kind, in.Tools = KindToolSimulation, []string{"a b"} }, "is not a tool's name"},
		{"session_id", func(in *EvalInput) { in.SessionID = "a\x1b[0m" }, "control character"},
	}
	for i, c := range cases {
		t.Run(fmt.Sprintf("%d %s", i, c.path), func(t *testing.T) {
			in := valid()
			c.spoil(&in)
			found := problemsOf(t, in.Validate())
			require.Len(t, found, 1, "%v", found)
			require.Equal(t, c.path, found[0].Path)
			require.Contains(t, found[0].Message, c.want)
			require.Error(t, in.WithDefaults(Defaults{}).Validate(), "defaults hide nothing")
		})
	}
}

func TestValidateBoundsItsOwnList(t *testing.T) {
	in := valid()
	for range 200 {
		in.Inputs.Files = append(in.Inputs.Files, File{Path: "../x"})
	}
	require.Len(t, problemsOf(t, in.Validate()), maxProblems)
}

func campaign() CampaignInput {
	return CampaignInput{Dataset: Dataset{URI: "store:d"}, Eval: EvalTemplate{Job: Job{Steps: []Step{{Code: "{{.prompt}}"}}}}}
}

func TestCampaignDefaults(t *testing.T) {
	in := campaign()
	in.Dataset.URI = "x.csv.gz"
	require.NoError(t, in.Validate())
	got := in.WithDefaults(Defaults{})
	require.Equal(t, FormatCSV, got.Dataset.Format)
	require.Equal(t, AnswersJob, got.Answers.From)
	require.Equal(t, 1, got.Epochs)
	require.Equal(t, 16, got.MaxParallel)
	require.Equal(t, []int{1}, got.PassAtK)
	require.InDelta(t, 0.95, *got.Gate.MinCoverage, 0)
	require.Equal(t, got, got.WithDefaults(Defaults{}))
	require.NoError(t, got.Validate())
	require.Equal(t, 200, in.WithDefaults(Defaults{MaxParallelSandboxes: 400}).MaxParallel)

	in.Answers = Answers{From: AnswersSamples, URI: "store:a"}
	require.Zero(t, in.WithDefaults(Defaults{}).Epochs, "the samples file decides")
}

func TestValidateCampaignNamesEachProblem(t *testing.T) {
	half, tenth, negative := 1.5, 0.1, -0.1
	cases := []struct {
		path  string
		spoil func(*CampaignInput)
	}{
		{"name", func(in *CampaignInput) { in.Name = "a/b" }},
		{"dataset.uri", func(in *CampaignInput) { in.Dataset.URI = "" }},
		{"dataset.format", func(in *CampaignInput) { in.Dataset.Format = "parquet" }},
		{"dataset.sha256", func(in *CampaignInput) { in.Dataset.SHA256 = "x" }},
		{"dataset.limit", func(in *CampaignInput) { in.Dataset.Limit = -1 }},
		{"dataset.sample_ids[1]", func(in *CampaignInput) { in.Dataset.SampleIDs = []string{"a", "a"} }},
		{"dataset.category_field", func(in *CampaignInput) { in.Dataset.CategoryField = "{{.a" }},
		{"answers.uri", func(in *CampaignInput) { in.Answers.From = AnswersSamples }},
		{"answers.field", func(in *CampaignInput) { in.Answers.From = AnswersField }},
		{"answers.text", func(in *CampaignInput) { in.Answers.Text = "x" }},
		{"answers.from", func(in *CampaignInput) { in.Answers.From = "model" }},
		{"epochs", func(in *CampaignInput) { in.Epochs = -1 }},
		{"max_parallel", func(in *CampaignInput) { in.MaxParallel = 501 }},
		{"pass_at_k[0]", func(in *CampaignInput) { in.PassAtK = []int{0} }},
		{"gate.min_accuracy", func(in *CampaignInput) { in.Gate.MinAccuracy = &half }},
		{"gate.max_regression", func(in *CampaignInput) { in.Gate.MaxRegression = &tenth }}, // without a baseline
		{"gate.max_regression", func(in *CampaignInput) { in.Baseline, in.Gate.MaxRegression = "b", &negative }},
		{"baseline", func(in *CampaignInput) { in.Baseline = "a/b" }},
		{"baseline", func(in *CampaignInput) { in.Baseline = "a/retry-1" }},
		{"reducer", func(in *CampaignInput) { in.Reducer = "median" }},
		{"reducer", func(in *CampaignInput) { in.Reducer, in.Epochs = "pass@3", 2 }},
		{"cluster_by", func(in *CampaignInput) { in.ClusterBy = "epoch" }},
		{"cluster_by", func(in *CampaignInput) { in.ClusterBy = ClusterCategory }}, // without a category field
		{"canaries", func(in *CampaignInput) { in.Canaries = make([]Canary, MaxCanaries+1) }},
		{"canaries[0].set", func(in *CampaignInput) { in.Canaries = []Canary{{}} }},
		{"canaries[0].set.completion", func(in *CampaignInput) { in.Canaries = []Canary{{Set: map[string]string{"completion": "{{.a"}}} }},
		{"canaries[0].expect", func(in *CampaignInput) { in.Canaries = []Canary{{Set: map[string]string{"a": "b"}, Expect: "maybe"}} }},
		{"canaries[0].samples", func(in *CampaignInput) { in.Canaries = []Canary{{Set: map[string]string{"a": "b"}, Samples: -1}} }},
		{"retry_number", func(in *CampaignInput) { in.RetryNumber = 1 }},
		{"eval.job.steps[0].code", func(in *CampaignInput) { in.Eval.Job.Steps[0].Code = "{{.prompt" }},
		{"eval.job.steps[0].code", func(in *CampaignInput) { in.Eval.Job.Steps[0].Code = "{{nosuch .prompt}}" }},
		{"eval.sandbox.language", func(in *CampaignInput) { in.Eval.Sandbox.Language = "go" }},
		{"eval.trial", func(in *CampaignInput) { in.Eval.Trial = &Trial{Campaign: "c", Sample: "s", Epoch: 1} }},
	}
	for i, c := range cases {
		t.Run(fmt.Sprintf("%d %s", i, c.path), func(t *testing.T) {
			in := campaign()
			c.spoil(&in)
			found := problemsOf(t, in.Validate())
			require.Len(t, found, 1, "%v", found)
			require.Equal(t, c.path, found[0].Path)
		})
	}
}

func TestTemplatesAreNotJudgedBeforeTheyAreRendered(t *testing.T) {
	in := campaign()
	in.Eval.Name, in.Eval.Sandbox.Language = "{{.a}}", "{{.lang}}"
	in.Eval.Sandbox.Network = Network{Mode: "{{.mode}}", AllowDomains: []string{"{{.host}}"}}
	in.Eval.Inputs.Files = []File{{Path: "{{.p}}/../x", URI: "{{.uri}}"}, {Path: "{{.p}}/../x"}}
	in.Eval.Scorer = &Scorer{Type: ScorerRegex, Pattern: "({{.want}}"}
	require.NoError(t, in.Validate())
}

// The names of a campaign's parts are theirs: another campaign under one would take the campaign's trials for its own.
func TestNamesOfPartsBelongToParts(t *testing.T) {
	named := func(name string, change func(*CampaignInput)) error {
		in := CampaignInput{Name: name, Dataset: Dataset{URI: "store:x"}, Eval: EvalTemplate{Job: Job{Steps: []Step{{Command: "x"}}}}}
		change(&in)
		return in.WithDefaults(Defaults{}).Validate()
	}
	nothing := func(*CampaignInput) {}
	retry := func(in *CampaignInput) { in.RetryOf, in.RetryNumber = "foo", 1 }
	extend := func(in *CampaignInput) { in.ExtendOf, in.FirstEpoch, in.Epochs = "foo", 2, 2 }
	require.NoError(t, named("foo", nothing))
	require.NoError(t, named("foo/retry-1", retry))
	require.NoError(t, named("foo/extend-1", extend))
	for name, change := range map[string]func(*CampaignInput){
		"foo/retry-1": nothing, "foo/extend-1": nothing, "foo/retry-2": retry, "bar/retry-1": retry, "bar": retry, "bar/extend-1": extend, "foo": extend,
	} {
		require.ErrorContains(t, named(name, change), "name: ", name)
	}
}
