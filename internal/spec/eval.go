package spec

import "slices"

// EvalInput is everything that one EvalWorkflow needs: one trial, run once in one sandbox (and again in a fresh one
// when infrastructure broke). Every field but Job has a default; the effective values are echoed in the result.
type EvalInput struct {
	// Name is a label for people. Defaults to the workflow ID.
	Name string `json:"name,omitempty"`
	// Kind of job: evaluation (the default), data_prep or tool_simulation. The operator's policy has a section for each.
	Kind string `json:"kind,omitempty"`
	// Tools are the names of the tools that a tool_simulation simulates; the operator's policy approves them by name.
	Tools []string `json:"tools,omitempty"`
	// Trial says which trial of which campaign this is. Empty when the eval was started directly.
	Trial *Trial `json:"trial,omitempty"`
	// SessionID and NegotiationID are the caller's correlation ids; they are labels of the sandbox and fields of every log line.
	SessionID     string `json:"session_id,omitempty"`
	NegotiationID string `json:"negotiation_id,omitempty"`
	// Sandbox is the machine that is asked for.
	Sandbox Sandbox `json:"sandbox,omitzero"`
	// Inputs are put into the sandbox before the job starts.
	Inputs Inputs `json:"inputs,omitzero"`
	// Job is the program under test.
	Job Job `json:"job"`
	// Artifacts are what is kept of the sandbox's files.
	Artifacts []ArtifactRule `json:"artifacts,omitempty"`
	// OnFailure is what is kept beside, when the job did not succeed.
	OnFailure OnFailure `json:"on_failure,omitzero"`
	// ArtifactLimits bound what is kept of one attempt.
	ArtifactLimits ArtifactLimits `json:"artifact_limits,omitzero"`
	// Redaction says what is looked for in what the job leaves behind, beside the secrets that the worker knows.
	Redaction Redaction `json:"redaction,omitzero"`
	// Scorer judges the job. Defaults to exit_code.
	Scorer *Scorer `json:"scorer,omitempty"`
	// MaxAttempts bounds the attempts, each in a fresh sandbox, that infrastructure faults may cost. 1–10, default 3.
	MaxAttempts int `json:"max_attempts,omitempty"`
	// Hold keeps the job's sandbox for a look after its end. Default not at all.
	Hold Hold `json:"hold,omitzero"`
	// Priority orders the wait for a slot.
	Priority Priority `json:"priority,omitzero"`
}

// Trial is a (sample, epoch) of a campaign.
type Trial struct {
	Campaign string `json:"campaign"`
	Sample   string `json:"sample"`
	// Epoch is 1-based.
	Epoch int `json:"epoch"`
	// Category groups samples in reports. May be empty.
	Category string `json:"category,omitempty"`
	// Retry is 0 in the campaign itself and n in its retry-n.
	Retry int `json:"retry,omitempty"`
}

// Sandbox is the machine that is asked of Daytona. Either Snapshot or Image; Resources only with Image.
type Sandbox struct {
	// Language is Daytona's code-toolbox-language: python, typescript or javascript. Default DAYTONA_DEFAULT_LANGUAGE.
	Language  string            `json:"language,omitempty"`
	Snapshot  string            `json:"snapshot,omitempty"`
	Image     string            `json:"image,omitempty"`
	Resources *Resources        `json:"resources,omitempty"`
	Env       map[string]string `json:"env,omitempty"`
	Labels    map[string]string `json:"labels,omitempty"`
	Network   Network           `json:"network,omitzero"`
	// TTL is the provider's own wall clock, after which it destroys the sandbox whatever happens. Whole minutes.
	// Default DAYTONA_SANDBOX_TTL_MINUTES, raised to what the job's limits need, up to PITWALL_MAX_TTL_MINUTES.
	TTL Duration `json:"ttl,omitempty"`
}

// Resources are in Daytona's units: cores and GiB. 0 means the provider's default.
type Resources struct {
	CPU       int `json:"cpu,omitempty"`
	MemoryGiB int `json:"memory_gib,omitempty"`
	DiskGiB   int `json:"disk_gib,omitempty"`
}

// Network modes. The default is none.
const (
	NetworkNone  = "none"
	NetworkAllow = "allow"
	NetworkFull  = "full"
)

// Network is what the sandbox may reach. A local sandbox reaches what allow lists through an HTTP proxy, and refuses full.
type Network struct {
	Mode         string   `json:"mode,omitempty"`
	AllowCIDRs   []string `json:"allow_cidrs,omitempty"`
	AllowDomains []string `json:"allow_domains,omitempty"`
}

// Inputs are put into the sandbox before the job starts.
type Inputs struct {
	Files []File     `json:"files,omitempty"`
	Git   *GitSource `json:"git,omitempty"`
}

// File is one file to put into the sandbox: exactly one of Content, ContentBase64 and URI.
type File struct {
	// Path is absolute or relative to /home/daytona.
	Path          string `json:"path"`
	Content       string `json:"content,omitempty"`
	ContentBase64 string `json:"content_base64,omitempty"`
	// URI names the bytes elsewhere: store:KEY, file:///PATH (visible to the worker). SHA256 (hex) and Bytes, when given, are checked.
	URI    string `json:"uri,omitempty"`
	SHA256 string `json:"sha256,omitempty"`
	Bytes  int64  `json:"bytes,omitempty"`
	// Executable sets the mode to 0755 instead of 0644.
	Executable bool `json:"executable,omitempty"`
}

// GitSource is cloned inside the sandbox; its network mode must admit the host.
type GitSource struct {
	URL    string `json:"url"`
	Commit string `json:"commit"`
	// Path is where it is cloned. Default "repo".
	Path string `json:"path,omitempty"`
}

// Job is 1–32 steps, run one after the other in one sandbox.
type Job struct {
	Steps []Step            `json:"steps"`
	Env   map[string]string `json:"env,omitempty"`
	// Secrets that every step sees.
	Secrets []Secret `json:"secrets,omitempty"`
	// Cwd is absolute or relative to /home/daytona. Default /home/daytona.
	Cwd string `json:"cwd,omitempty"`
	// MaxOutputBytes caps what is kept of each stream of each step. Default 16 MiB. The rest is counted, not kept.
	MaxOutputBytes int64 `json:"max_output_bytes,omitempty"`
}

// Step is one program of a job: exactly one of Code and Command.
type Step struct {
	// Name is unique in its job. Default step-<n>, 1-based.
	Name string `json:"name,omitempty"`
	// Command is run by sh -c.
	Command string `json:"command,omitempty"`
	// Code is written to a file and run by Language's interpreter.
	Code string `json:"code,omitempty"`
	// Language of Code: python, javascript, typescript or bash. Default the sandbox's.
	Language string            `json:"language,omitempty"`
	Env      map[string]string `json:"env,omitempty"`
	// Secrets that this step sees beside the job's.
	Secrets []Secret `json:"secrets,omitempty"`
	// Stdin is fed to the step. Default empty.
	Stdin string `json:"stdin,omitempty"`
	// TimeLimit ends the step and all that it started. Default 60s.
	TimeLimit Duration `json:"time_limit,omitempty"`
	// Continue lets the next step run although this one failed.
	Continue bool `json:"continue,omitempty"`
}

// When an artifact is fetched.
const (
	WhenSuccess = "success"
	WhenAlways  = "always"
	// WhenFailure is of OnFailure's paths, in no rule that anybody writes.
	WhenFailure = "failure"
)

// ArtifactRule names files of the sandbox that are kept.
type ArtifactRule struct {
	// Path is a path or a glob (*, ?, [..]; ** for any depth), absolute or relative to the job's cwd.
	Path string `json:"path"`
	// Required makes a missing artifact a failure of the job.
	Required bool `json:"required,omitempty"`
	// When is success (the default: the job exited 0) or always.
	When string `json:"when,omitempty"`
	// MaxBytes caps each file. Default 64 MiB; a larger file is listed, not fetched.
	MaxBytes int64 `json:"max_bytes,omitempty"`
}

// OnFailure is what helps to understand a job that failed. Its streams are kept anyway.
type OnFailure struct {
	// Keep are paths or globs as in ArtifactRule; each file may have 64 MiB.
	Keep []string `json:"keep,omitempty"`
}

// ArtifactLimits bound the files of one attempt together. What is beyond is listed, not fetched.
type ArtifactLimits struct {
	// MaxFiles: 1–20000, default 10000.
	MaxFiles int `json:"max_files,omitempty"`
	// MaxBytes: up to 64 GiB, default 1 GiB.
	MaxBytes int64 `json:"max_bytes,omitempty"`
}

// Rules are all that may be kept: Artifacts, and OnFailure's. The input has its defaults.
func (in EvalInput) Rules() []ArtifactRule {
	rules := slices.Clone(in.Artifacts)
	for _, path := range in.OnFailure.Keep {
		rules = append(rules, ArtifactRule{Path: path, When: WhenFailure, MaxBytes: DefaultMaxFileBytes})
	}
	return rules
}

// Scorer types.
const (
	ScorerExitCode = "exit_code"
	ScorerJSONFile = "json_file"
	ScorerRegex    = "regex"
	ScorerCommand  = "command"
)

// Streams of a step.
const (
	StreamStdout = "stdout"
	StreamStderr = "stderr"
)

// Scorer is the judge.
//
//	exit_code  passes when every step exited 0 within its limits
//	json_file  reads a number or a boolean at Field of the JSON file Path (always fetched); passes when it is ≥ Threshold
//	regex      passes when Pattern (RE2) is found in Stream of the last step
//	command    runs Command in a fresh sandbox that has the artifacts and Files, after the job's sandbox is proven gone;
//	           passes when it exits 0
type Scorer struct {
	Type string `json:"type"`
	// Step is the step that exit_code and regex look at. Default for exit_code: all; for regex: the last.
	Step string `json:"step,omitempty"`
	// Path, Field, Threshold: json_file. Field is a dotted path, default "score". Threshold defaults to 1.
	Path      string   `json:"path,omitempty"`
	Field     string   `json:"field,omitempty"`
	Threshold *float64 `json:"threshold,omitempty"`
	// Pattern, Stream: regex. Stream is stdout (default) or stderr.
	Pattern string `json:"pattern,omitempty"`
	Stream  string `json:"stream,omitempty"`
	// Command, Files, TimeLimit: command. The artifacts stand under ./artifacts, the streams under ./streams. TimeLimit default 60s.
	// A last line of stdout that is a JSON object {"value": number} sets the score's value; else it is 1 or 0.
	Command   string   `json:"command,omitempty"`
	Files     []File   `json:"files,omitempty"`
	TimeLimit Duration `json:"time_limit,omitempty"`
}

// Priority orders the wait for a slot. It travels in the input, because the Temporal UI's form has no field for it.
type Priority struct {
	// Key is 1 (first) to 5 (last). Default 3.
	Key int `json:"key,omitempty"`
	// FairnessKey shares the slots among its values. Default the campaign, else "direct". At most 64 bytes.
	FairnessKey string `json:"fairness_key,omitempty"`
	// FairnessWeight is its share, 0.001 to 1000. Default 1.
	FairnessWeight float32 `json:"fairness_weight,omitempty"`
}
