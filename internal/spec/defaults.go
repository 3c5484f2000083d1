package spec

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"maps"
	"slices"
	"time"
)

// Defaults are what the operator decides for evals that do not say. The zero value of each field means its default.
type Defaults struct {
	// Language of a sandbox. Default python.
	Language string
	// TTL of a sandbox. Default 30 min.
	TTL Duration
	// MaxTTL is what the TTL may be raised to for long jobs. Default 12 h.
	MaxTTL Duration
	// MaxParallelSandboxes is N. Default 8.
	MaxParallelSandboxes int
}

// WithDefaults fills what is unset: python, 30 min, 12 h, 8 (issue, configuration).
func (d Defaults) WithDefaults() Defaults {
	setDefault(&d.Language, "python")
	setDefault(&d.TTL, Duration(30*time.Minute))
	setDefault(&d.MaxTTL, Duration(12*time.Hour))
	setDefault(&d.MaxParallelSandboxes, 8)
	return d
}

func setDefault[T comparable](field *T, value T) {
	var zero T
	if *field == zero {
		*field = value
	}
}

// WithDefaults returns a copy, which shares nothing with in, with every default resolved but Name's: only the workflow
// knows its ID. The TTL is raised to what the job's limits need as far as d.MaxTTL admits; Clocks then says whether
// that was enough. Applying it twice changes nothing.
func (in EvalInput) WithDefaults(d Defaults) EvalInput {
	d = d.WithDefaults()
	in = in.clone()
	setDefault(&in.Kind, KindEvaluation)
	setDefault(&in.Sandbox.Language, d.Language)
	setDefault(&in.Sandbox.Network.Mode, NetworkNone)
	setDefault(&in.Sandbox.TTL, d.TTL)
	if in.Inputs.Git != nil {
		setDefault(&in.Inputs.Git.Path, DefaultGitPath)
	}
	in.jobDefaults()
	for i := range in.Artifacts {
		setDefault(&in.Artifacts[i].When, WhenSuccess)
		setDefault(&in.Artifacts[i].MaxBytes, DefaultMaxFileBytes)
	}
	setDefault(&in.ArtifactLimits.MaxFiles, DefaultArtifactFiles)
	setDefault(&in.ArtifactLimits.MaxBytes, DefaultArtifactTotal)
	if in.Redaction.ScanArtifacts == nil {
		scan := true
		in.Redaction.ScanArtifacts = &scan
	}
	if in.Scorer == nil {
		in.Scorer = &Scorer{}
	}
	in.Scorer.fillDefaults(in.Job)
	setDefault(&in.MaxAttempts, DefaultMaxAttempts)
	if in.Hold.Time > 0 {
		setDefault(&in.Hold.When, WhenFailure)
	}
	in.priorityDefaults()
	in.raiseTTL(d.MaxTTL)
	return in
}

// raiseTTL leaves a TTL that Validate will refuse as it is.
func (in *EvalInput) raiseTTL(maxTTL Duration) {
	ttl := in.Sandbox.TTL.Std()
	if clocks, err := in.Clocks(maxTTL.Std()); err == nil && ttl > 0 && ttl == wholeMinutes(ttl) {
		in.Sandbox.TTL = Duration(clocks.TTL)
	}
}

func (in *EvalInput) jobDefaults() {
	setDefault(&in.Job.Cwd, HomeDir)
	setDefault(&in.Job.MaxOutputBytes, defaultsOf(in.Kind).maxOutputBytes)
	secretDefaults(in.Job.Secrets)
	for i := range in.Job.Steps {
		step := &in.Job.Steps[i]
		setDefault(&step.Name, stepName(*step, i))
		setDefault(&step.TimeLimit, Duration(defaultsOf(in.Kind).timeLimit))
		secretDefaults(step.Secrets)
		if step.Code != "" {
			setDefault(&step.Language, in.Sandbox.Language)
		}
	}
}

func stepName(step Step, i int) string {
	if step.Name != "" {
		return step.Name
	}
	return fmt.Sprintf("step-%d", i+1)
}

func (s *Scorer) fillDefaults(job Job) {
	setDefault(&s.Type, ScorerExitCode)
	switch s.Type {
	case ScorerJSONFile:
		setDefault(&s.Field, "score")
		if s.Threshold == nil {
			one := 1.0
			s.Threshold = &one
		}
	case ScorerRegex:
		setDefault(&s.Stream, StreamStdout)
		if n := len(job.Steps); n > 0 {
			setDefault(&s.Step, stepName(job.Steps[n-1], n-1))
		}
	case ScorerCommand:
		setDefault(&s.TimeLimit, Duration(DefaultTimeLimit))
	}
}

func (in *EvalInput) priorityDefaults() {
	setDefault(&in.Priority.Key, defaultsOf(in.Kind).priorityKey)
	setDefault(&in.Priority.FairnessWeight, 1)
	if in.Trial != nil {
		setDefault(&in.Priority.FairnessKey, fairnessKey(in.Trial.Campaign))
	}
	setDefault(&in.Priority.FairnessKey, "direct")
}

// fairnessKey is the campaign, cut to Temporal's bound without making two campaigns one.
func fairnessKey(campaign string) string {
	if len(campaign) <= MaxFairnessKeyBytes {
		return campaign
	}
	sum := sha256.Sum256([]byte(campaign))
	return campaign[:MaxFairnessKeyBytes-9] + "-" + hex.EncodeToString(sum[:4])
}

// clone copies everything that in points at.
func (in EvalInput) clone() EvalInput {
	in.Trial = clonePointer(in.Trial)
	in.Tools = slices.Clone(in.Tools)
	in.Sandbox.Resources = clonePointer(in.Sandbox.Resources)
	in.Sandbox.Env = maps.Clone(in.Sandbox.Env)
	in.Sandbox.Labels = maps.Clone(in.Sandbox.Labels)
	in.Sandbox.Network.AllowCIDRs = slices.Clone(in.Sandbox.Network.AllowCIDRs)
	in.Sandbox.Network.AllowDomains = slices.Clone(in.Sandbox.Network.AllowDomains)
	in.Inputs.Files = slices.Clone(in.Inputs.Files)
	in.Inputs.Git = clonePointer(in.Inputs.Git)
	in.Job.Env = maps.Clone(in.Job.Env)
	in.Job.Secrets = slices.Clone(in.Job.Secrets)
	in.Job.Steps = slices.Clone(in.Job.Steps)
	for i := range in.Job.Steps {
		in.Job.Steps[i].Secrets = slices.Clone(in.Job.Steps[i].Secrets)
		in.Job.Steps[i].Env = maps.Clone(in.Job.Steps[i].Env)
	}
	in.Artifacts = slices.Clone(in.Artifacts)
	in.OnFailure.Keep = slices.Clone(in.OnFailure.Keep)
	in.Redaction.ScanArtifacts = clonePointer(in.Redaction.ScanArtifacts)
	if in.Scorer = clonePointer(in.Scorer); in.Scorer != nil {
		in.Scorer.Threshold = clonePointer(in.Scorer.Threshold)
		in.Scorer.Files = slices.Clone(in.Scorer.Files)
	}
	return in
}

func clonePointer[T any](p *T) *T {
	if p == nil {
		return nil
	}
	copied := *p
	return &copied
}
