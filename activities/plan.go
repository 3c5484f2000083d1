package activities

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"pitwall/internal/artifact"
	"pitwall/internal/config"
	"pitwall/internal/policy"
	"pitwall/internal/redact"
	"pitwall/internal/secrets"
	"pitwall/internal/spec"
)

// TemplatePrefix begins the workflow IDs of the templates that fill in the UI's Start Workflow form.
const TemplatePrefix = "template/"

// Planning resolves an eval's input against this worker's configuration, before anything is created.
type Planning struct {
	Config config.Config
	Policy *policy.Policy
	// Secrets that an input may name; Redactor knows the values that it may not hold.
	Secrets  *secrets.Keeper
	Redactor *redact.Redactor
	// Searchable: Temporal's namespace has Pitwall's search attributes.
	Searchable bool
}

// PlanInput is the input of PlanEval.
type PlanInput struct {
	EvalID string         `json:"eval_id"`
	Input  spec.EvalInput `json:"input"`
}

// EvalPlan is what an eval does: recorded once, so that neither a replay nor a changed environment changes it.
type EvalPlan struct {
	// Input with every default resolved.
	Input spec.EvalInput `json:"input"`
	// Account whose slots are asked for.
	Account string `json:"account"`
	// JobClocks bound the job's sandbox, ScorerClocks a command scorer's own.
	JobClocks    spec.Clocks `json:"job_clocks"`
	ScorerClocks spec.Clocks `json:"scorer_clocks"`
	// CreateHorizon is how long after the claim a create may still take effect.
	CreateHorizon time.Duration `json:"create_horizon"`
	// Prefix of the eval's objects in the store.
	Prefix string `json:"prefix"`
	// PolicySHA256 is the policy that admitted the input.
	PolicySHA256 string `json:"policy_sha256,omitempty"`
	// Searchable: the workflow sets search attributes. Plans from before they were set lack it.
	Searchable bool `json:"searchable,omitempty"`
}

// PlanEval validates the input and resolves its defaults. It is cheap and has no effect: it runs as a local activity.
// Returns InvalidInput (all problems at once), PolicyViolation (all broken rules; the details are the policy's SHA-256),
// SecretMissing or Disabled, none of them retryable.
func (p *Planning) PlanEval(_ context.Context, in PlanInput) (EvalPlan, error) {
	if !p.Config.Enabled {
		return EvalPlan{}, terminal(ErrTypeDisabled, errors.New(
			"sandboxes are switched off (DAYTONA_ENABLED=false on this worker): nothing was created; set it to true and start the eval again"))
	}
	if strings.HasPrefix(in.EvalID, TemplatePrefix) {
		return EvalPlan{}, terminal(ErrTypeInvalidInput, fmt.Errorf(
			"the workflow ID %s belongs to the template that filled in the form: nothing was created; start the eval under an ID of your own, such as eval/direct/first",
			in.EvalID))
	}
	input := in.Input.WithDefaults(p.Config.SpecDefaults())
	if input.Name == "" {
		input.Name = in.EvalID
	}
	if err := input.Validate(); err != nil {
		return EvalPlan{}, terminal(ErrTypeInvalidInput, err)
	}
	if input.Scorer.Type == spec.ScorerJSONFile {
		input.Scorer.Path = absolute(absolute(homeDir, input.Job.Cwd), input.Scorer.Path)
	}
	jobClocks, err := input.Clocks(p.Config.MaxTTL())
	if err != nil {
		return EvalPlan{}, terminal(ErrTypeInvalidInput, err)
	}
	scorerClocks, err := input.ScorerClocks(p.Config.MaxTTL())
	if err != nil {
		return EvalPlan{}, terminal(ErrTypeInvalidInput, err)
	}
	if err := p.Policy.Check(input); err != nil {
		return EvalPlan{}, terminal(ErrTypePolicyViolation, err, p.Policy.SHA256())
	}
	if input.Sandbox.Network.Mode == spec.NetworkFull && p.Config.IsLocal() {
		return EvalPlan{}, terminal(ErrTypeInvalidInput, fmt.Errorf(
			"sandbox.network.mode: local sandboxes reach at most what an allow list names, so %q cannot be honoured; use %q or a remote Daytona",
			spec.NetworkFull, spec.NetworkAllow))
	}
	check := secretCheck{secrets: p.Secrets, redactor: p.Redactor, local: p.Config.IsLocal()}
	if err := check.of(input.Job, PlanInput{EvalID: in.EvalID, Input: input}); err != nil {
		return EvalPlan{}, err
	}
	prefix := artifact.EvalPrefix(in.EvalID)
	if t := input.Trial; t != nil {
		prefix = artifact.TrialPrefix(t.Campaign, t.Sample, t.Epoch, t.Retry)
	}
	return EvalPlan{
		Input: input, Account: p.Config.Account(), Prefix: prefix, CreateHorizon: p.Config.CreateHorizon,
		JobClocks: jobClocks, ScorerClocks: scorerClocks, PolicySHA256: p.Policy.SHA256(), Searchable: p.Searchable,
	}, nil
}
