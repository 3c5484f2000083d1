package policy

import (
	"encoding/base64"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"pitwall/internal/spec"
)

const strict = `version: 1
all:
  languages: [python]
  snapshots: ["", "team-*"]
  images: ["python:3.12-*"]
  max_ttl: 40m
  max_time_limit: 2m
  max_job_time: 3m
  max_output_bytes: 1000
  max_artifact_bytes: 2000
  resources: {cpu: 2, memory_gib: 4, disk_gib: 8}
  network: {mode: allow, cidrs: [203.0.113.0/24], domains: [pypi.org, "*.pythonhosted.org"]}
  input_folders: [/srv/in]
  secrets: [MODEL_*]
  tools: [search, math/*]
  refuse:
    commands: [{name: curl, pattern: '\bcurl\b'}]
    code: [{name: ctypes, pattern: 'import\s+ctypes'}]
    unseen_files: true
`

func decoded(t testing.TB, text string) *Policy {
	t.Helper()
	p, err := Decode([]byte(text))
	require.NoError(t, err)
	return p
}

// admitted is an eval that breaks no rule of strict.
func admitted() spec.EvalInput {
	return spec.EvalInput{
		Sandbox:   spec.Sandbox{Snapshot: "team-a", TTL: spec.Duration(30 * time.Minute)},
		Job:       spec.Job{Steps: []spec.Step{{Command: "true"}, {Code: "print(1)"}}, MaxOutputBytes: 1000},
		Artifacts: []spec.ArtifactRule{{Path: "x", MaxBytes: 2000}},
		Scorer:    &spec.Scorer{Type: spec.ScorerCommand, Command: "true"},
	}
}

// broken returns the rules that an input, with its defaults, breaks.
func broken(t testing.TB, p *Policy, in spec.EvalInput) []string {
	t.Helper()
	err := p.Check(in.WithDefaults(spec.Defaults{}))
	if err == nil {
		return nil
	}
	var v *Violation
	require.ErrorAs(t, err, &v, "%v", err)
	require.NotEmpty(t, v.Broken)
	require.Len(t, v.Problems(), len(v.Broken))
	var rules []string
	for _, b := range v.Broken {
		require.Contains(t, err.Error(), b.Rule)
		rules = append(rules, b.Rule)
	}
	return rules
}

func TestEachRuleRefusesWhatItDoesNotAdmit(t *testing.T) {
	p := decoded(t, strict)
	require.Empty(t, broken(t, p, admitted()))
	simulation := func(tools ...string) func(*spec.EvalInput) {
		return func(in *spec.EvalInput) { in.Kind, in.Tools = spec.KindToolSimulation, tools }
	}
	network := func(n spec.Network) func(*spec.EvalInput) {
		return func(in *spec.EvalInput) { in.Sandbox.Network = n }
	}
	file := func(f spec.File) func(*spec.EvalInput) {
		return func(in *spec.EvalInput) { in.Inputs.Files = []spec.File{f} }
	}
	for name, c := range map[string]struct {
		change func(*spec.EvalInput)
		want   []string
	}{
		"language of the sandbox":   {func(in *spec.EvalInput) { in.Sandbox.Language = "javascript" }, []string{"languages"}},
		"language of a step":        {func(in *spec.EvalInput) { in.Job.Steps[1].Language = "bash" }, []string{"languages"}},
		"snapshot":                  {func(in *spec.EvalInput) { in.Sandbox.Snapshot = "other" }, []string{"snapshots"}},
		"the provider's own":        {func(in *spec.EvalInput) { in.Sandbox.Snapshot = "" }, nil},
		"image":                     {func(in *spec.EvalInput) { in.Sandbox.Snapshot, in.Sandbox.Image = "", "python:3.11" }, []string{"images"}},
		"an image that is admitted": {func(in *spec.EvalInput) { in.Sandbox.Snapshot, in.Sandbox.Image = "", "python:3.12-slim" }, nil},
		"resources": {func(in *spec.EvalInput) {
			in.Sandbox.Snapshot, in.Sandbox.Image = "", "python:3.12-slim"
			in.Sandbox.Resources = &spec.Resources{CPU: 3, MemoryGiB: 5, DiskGiB: 9}
		}, []string{"resources.cpu", "resources.memory_gib", "resources.disk_gib"}},
		"ttl":                          {func(in *spec.EvalInput) { in.Sandbox.TTL = spec.Duration(41 * time.Minute) }, []string{"max_ttl"}},
		"time limit":                   {func(in *spec.EvalInput) { in.Job.Steps[0].TimeLimit = spec.Duration(2*time.Minute + 1) }, []string{"max_time_limit", "max_job_time"}},
		"time limit of the judge":      {func(in *spec.EvalInput) { in.Scorer.TimeLimit = spec.Duration(time.Hour) }, []string{"max_time_limit", "max_ttl"}},
		"output":                       {func(in *spec.EvalInput) { in.Job.MaxOutputBytes = 1001 }, []string{"max_output_bytes"}},
		"output that is not said":      {func(in *spec.EvalInput) { in.Job.MaxOutputBytes = 0 }, []string{"max_output_bytes"}},
		"artifact":                     {func(in *spec.EvalInput) { in.Artifacts[0].MaxBytes = 2001 }, []string{"max_artifact_bytes"}},
		"full network":                 {network(spec.Network{Mode: spec.NetworkFull}), []string{"network.mode"}},
		"network that is admitted":     {network(spec.Network{Mode: spec.NetworkAllow, AllowCIDRs: []string{"203.0.113.128/25"}, AllowDomains: []string{"pypi.org", "files.pythonhosted.org"}}), nil},
		"wider network":                {network(spec.Network{Mode: spec.NetworkAllow, AllowCIDRs: []string{"203.0.112.0/23"}}), []string{"network.cidrs"}},
		"every address":                {network(spec.Network{Mode: spec.NetworkAllow, AllowCIDRs: []string{"0.0.0.0/0"}}), []string{"network.cidrs"}},
		"another domain":               {network(spec.Network{Mode: spec.NetworkAllow, AllowDomains: []string{"*.pypi.org"}}), []string{"network.domains"}},
		"unseen file":                  {file(spec.File{Path: "a", URI: "store:a"}), []string{"refuse.unseen_files"}},
		"file of the host":             {file(spec.File{Path: "a", URI: "file:///srv/in/a"}), []string{"refuse.unseen_files"}},
		"file beside the folder":       {file(spec.File{Path: "a", URI: "file:///srv/inside"}), []string{"input_folders", "refuse.unseen_files"}},
		"file out of the folder":       {file(spec.File{Path: "a", URI: "file:///srv/in/%2e%2e/%2e%2e/etc/passwd"}), []string{"input_folders", "refuse.unseen_files"}},
		"command":                      {func(in *spec.EvalInput) { in.Job.Steps[0].Command = "echo; curl x" }, []string{"refuse.commands.curl"}},
		"command of the judge":         {func(in *spec.EvalInput) { in.Scorer.Command = "curl x" }, []string{"refuse.commands.curl"}},
		"code":                         {func(in *spec.EvalInput) { in.Job.Steps[1].Code = "import  ctypes" }, []string{"refuse.code.ctypes"}},
		"code on stdin":                {func(in *spec.EvalInput) { in.Job.Steps[1].Stdin = "import ctypes" }, []string{"refuse.code.ctypes"}},
		"code in a file":               {file(spec.File{Path: "a", Content: "import ctypes"}), []string{"refuse.code.ctypes"}},
		"code in base64":               {file(spec.File{Path: "a", ContentBase64: base64.StdEncoding.EncodeToString([]byte("import ctypes"))}), []string{"refuse.code.ctypes"}},
		"secrets":                      {func(in *spec.EvalInput) { in.Job.Secrets = []spec.Secret{{Name: "MODEL_KEY"}, {Name: "AWS_KEY"}} }, []string{"secrets"}},
		"a secret of a step":           {func(in *spec.EvalInput) { in.Job.Steps[0].Secrets = []spec.Secret{{Name: "AWS_KEY"}} }, []string{"secrets"}},
		"a secret that is admitted":    {func(in *spec.EvalInput) { in.Job.Steps[0].Secrets = []spec.Secret{{Name: "MODEL_KEY"}} }, nil},
		"tools that are approved":      {simulation("search", "math/add"), nil},
		"a tool that is not":           {simulation("search", "shell"), []string{"tools"}},
		"a simulation of nobody knows": {simulation(), []string{"tools"}},
	} {
		t.Run(name, func(t *testing.T) {
			in := admitted()
			c.change(&in)
			require.Equal(t, c.want, broken(t, p, in))
		})
	}
}

func TestEveryBrokenRuleIsSaidAtOnce(t *testing.T) {
	in := admitted()
	in.Sandbox = spec.Sandbox{Language: "javascript", Image: "x", TTL: spec.Duration(time.Hour), Network: spec.Network{Mode: spec.NetworkFull}}
	in.Job.Steps = nil
	for range 6 {
		in.Job.Steps = append(in.Job.Steps, spec.Step{Command: "curl", TimeLimit: spec.Duration(time.Hour)})
	}
	p := decoded(t, strict)
	want := []string{"languages", "images", "max_ttl", "max_time_limit", "max_job_time", "network.mode", "refuse.commands.curl"}
	require.Equal(t, want, broken(t, p, in))
	text := p.Check(in).Error()
	require.Contains(t, text, "7 rules are broken")
	require.Contains(t, text, "policy "+p.SHA256()[:12])
	require.Contains(t, text, "max_time_limit: admits 2m0s; job.steps[0].time_limit asks for 1h0m0s, job.steps[1].time_limit asks for 1h0m0s, "+
		"job.steps[2].time_limit asks for 1h0m0s, and 3 more places")
}

// The text of the worst violation that an input can bring about keeps its bound, and still names every rule.
func TestTheTextOfAViolationIsBounded(t *testing.T) {
	long := strings.Repeat("é", 125)
	list := "[" + long + "1, " + long + "2, " + long + "3, " + long + "4, " + long + "5, " + long + "6]"
	var patterns strings.Builder
	for i := range maxPatterns {
		patterns.WriteString("{name: " + strings.Repeat("a", 38) + string(rune('a'+i/26)) + string(rune('a'+i%26)) + ", pattern: x}, ")
	}
	refuse := "[" + strings.TrimSuffix(patterns.String(), ", ") + "]"
	domains := "[" + strings.Repeat("a.", 60) + "b1, " + strings.Repeat("a.", 60) + "b2, " + strings.Repeat("a.", 60) + "b3, c.b4, d.b5, e.b6]"
	p := decoded(t, "version: 1\nall: {languages: [bash, javascript, typescript], snapshots: "+list+", images: "+list+", tools: "+list+", secrets: "+list+
		", max_ttl: 1ns, max_time_limit: 1ns, max_job_time: 1ns, max_output_bytes: 1, max_artifact_bytes: 1, resources: {cpu: 1, memory_gib: 1, disk_gib: 1}"+
		", input_folders: [/"+long+"1, /"+long+"2, /"+long+"3, /"+long+"4, /"+long+"5, /"+long+"6]"+
		", network: {mode: allow, domains: "+domains+", cidrs: [203.0.113.0/32]}, refuse: {commands: "+refuse+", code: "+refuse+", unseen_files: true}}\n")
	in := spec.EvalInput{
		Kind:    spec.KindToolSimulation,
		Sandbox: spec.Sandbox{Image: long, Resources: &spec.Resources{CPU: 1000, MemoryGiB: 10000, DiskGiB: 10000}},
		Job:     spec.Job{MaxOutputBytes: spec.MaxStreamBytes},
	}
	for range 30 {
		in.Tools = append(in.Tools, strings.Repeat("t", 64))
		in.Sandbox.Network.AllowDomains = append(in.Sandbox.Network.AllowDomains, strings.Repeat("z.", 100)+"b")
		in.Sandbox.Network.AllowCIDRs = append(in.Sandbox.Network.AllowCIDRs, "203.0.113.255/32")
		in.Job.Secrets = append(in.Job.Secrets, spec.Secret{Name: strings.Repeat("s", 64)})
		in.Job.Steps = append(in.Job.Steps, spec.Step{Code: "x", Stdin: "x", TimeLimit: spec.Duration(spec.MaxTimeLimit)}, spec.Step{Command: "x", TimeLimit: spec.Duration(spec.MaxTimeLimit)})
		in.Inputs.Files = append(in.Inputs.Files, spec.File{Path: "x", Content: "x", URI: "file:///" + long})
		in.Artifacts = append(in.Artifacts, spec.ArtifactRule{Path: "x", MaxBytes: spec.MaxFileBytes})
	}
	in.Sandbox.Network.Mode = spec.NetworkAllow
	rules := broken(t, p, in)
	require.Len(t, rules, 16+2*maxPatterns, "%v", rules)
	require.Less(t, len(p.Check(in.WithDefaults(spec.Defaults{})).Error()), MaxViolationBytes)
}

func TestTheBuiltInPolicyAdmitsNothingThatReachesOut(t *testing.T) {
	p := Default()
	in := spec.EvalInput{Job: spec.Job{Steps: []spec.Step{{Command: "true", TimeLimit: spec.Duration(spec.MaxTimeLimit)}}, MaxOutputBytes: spec.MaxStreamBytes}}
	for _, kind := range []string{spec.KindEvaluation, spec.KindDataPrep, spec.KindToolSimulation} {
		in.Kind = kind
		in.Sandbox.Network = spec.Network{}
		in.Inputs.Files = []spec.File{{Path: "a", URI: "store:a"}}
		require.Empty(t, broken(t, p, in))
		in.Sandbox.Network = spec.Network{Mode: spec.NetworkAllow, AllowDomains: []string{"pypi.org"}}
		in.Inputs.Files = []spec.File{{Path: "a", URI: "file:///etc/passwd"}}
		require.Equal(t, []string{"network.mode", "input_folders"}, broken(t, p, in))
	}
	require.Empty(t, p.InputFolders())
}

func TestAKindsSectionStandsWithinThatOfAll(t *testing.T) {
	p := decoded(t, strict+`kinds:
  data_prep:
    max_time_limit: 1h
    max_job_time: 2h
    network: {domains: ["*"]}
    input_folders: [/srv/raw]
    secrets: []
  tool_simulation:
    network: {mode: none}
    refuse: {commands: []}
`)
	in := admitted()
	in.Job.Steps[0].TimeLimit = spec.Duration(time.Hour)
	in.Sandbox.TTL = spec.Duration(time.Minute) // raised to what the limits need
	in.Sandbox.Network = spec.Network{Mode: spec.NetworkAllow, AllowDomains: []string{"example.org"}}
	require.Equal(t, []string{"max_ttl", "max_time_limit", "max_job_time", "network.domains"}, broken(t, p, in))
	in.Kind = spec.KindDataPrep
	require.Equal(t, []string{"max_ttl"}, broken(t, p, in))
	in.Kind, in.Tools, in.Job.Steps[0].Command = spec.KindToolSimulation, []string{"search"}, "curl"
	require.Equal(t, []string{"max_ttl", "max_time_limit", "max_job_time", "network.mode"}, broken(t, p, in))

	in = admitted()
	in.Job.Secrets = []spec.Secret{{Name: "MODEL_KEY"}}
	require.Empty(t, broken(t, p, in))
	in.Kind = spec.KindDataPrep
	require.Equal(t, []string{"secrets"}, broken(t, p, in))
	require.Equal(t, []string{"/srv/in", "/srv/raw"}, p.InputFolders())
}

func TestACampaignsFilesStandInInputFolders(t *testing.T) {
	p := decoded(t, strict)
	in := spec.CampaignInput{Dataset: spec.Dataset{URI: "file:///srv/in/d.jsonl"}, Answers: spec.Answers{URI: "store:x"}}
	require.NoError(t, p.CheckCampaign(in))
	in.Answers.URI = "file:///etc/passwd"
	err := p.CheckCampaign(in)
	require.ErrorContains(t, err, `answers.uri asks for "file:///etc/passwd"`)
	in.Eval.Kind = "{{.kind}}"
	require.ErrorContains(t, p.CheckCampaign(in), "input_folders")
}

func TestNames(t *testing.T) {
	for _, c := range []struct {
		pattern, name string
		want          bool
	}{
		{"", "", true},
		{"", "a", false},
		{"*", "", true},
		{"*", "a/b:c", true},
		{"a", "a", true},
		{"a", "ab", false},
		{"a*", "ab", true},
		{"*b", "ab", true},
		{"a*b", "ab", true},
		{"a*b", "a", false},
		{"a*a", "a", false},
		{"a*b*c", "axbxbc", true},
		{"a*bc*c", "abcbc", true},
		{"*ab*ab", "ab", false},
		{"**", "x", true},
	} {
		require.Equal(t, c.want, like(c.pattern, c.name), "%q like %q", c.name, c.pattern)
	}
}
