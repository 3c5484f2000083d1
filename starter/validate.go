package main

import (
	"context"

	"github.com/spf13/cobra"
	"go.yaml.in/yaml/v4"

	"pitwall/internal/policy"
	"pitwall/internal/spec"
)

// validateResult is what `validate -o json` prints.
type validateResult struct {
	File string `json:"file"`
	// Kind is eval, campaign or policy.
	Kind     string         `json:"kind"`
	Valid    bool           `json:"valid"`
	Problems []spec.Problem `json:"problems"`
}

const (
	kindEval     = "eval"
	kindCampaign = "campaign"
	kindPolicy   = "policy"
)

func validateCommand(term *terminal) *cobra.Command {
	var options campaignOptions
	var schema string
	cmd := &cobra.Command{
		Use:   "validate FILE",
		Short: "Check an eval, a campaign or a policy, and say everything that is wrong with it",
		Long: `Check an eval, a campaign or a policy, and say everything that is wrong with it. A campaign whose dataset and answers
are local files is rendered sample by sample. Where PITWALL_POLICY_FILE names a policy, evals are held against it too.

--schema prints the JSON Schema of an input instead, for editors.`,
		Args: func(cmd *cobra.Command, args []string) error {
			if schema != "" {
				return cobra.NoArgs(cmd, args)
			}
			return exactly("FILE")(cmd, args)
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			if schema != "" {
				return printSchema(term, schema)
			}
			return validateFile(cmd.Context(), term, args[0], options)
		},
	}
	options.bind(cmd)
	cmd.Flags().StringVar(&schema, "schema", "", "print the JSON Schema of `eval`, campaign or policy")
	return cmd
}

func printSchema(term *terminal, kind string) error {
	switch kind {
	case kindEval:
		_, err := term.out.Write(spec.EvalSchema())
		return err
	case kindCampaign:
		_, err := term.out.Write(spec.CampaignSchema())
		return err
	case kindPolicy:
		_, err := term.out.Write(policy.Schema())
		return err
	}
	return &UsageError{Problem: "no schema of " + kind, Hint: "--schema takes eval, campaign or policy"}
}

func validateFile(ctx context.Context, term *terminal, name string, options campaignOptions) error {
	kind, err := checkFile(ctx, term, name, options)
	problems, wrong := problemsOf(err)
	if !term.wantsJSON() {
		if err != nil {
			return err
		}
		term.printf("%s is a valid %s\n", name, kind)
		return nil
	}
	if err != nil && !wrong {
		return err
	}
	found := validateResult{File: name, Kind: kind, Valid: err == nil, Problems: []spec.Problem{}}
	if err != nil {
		found.Problems = problems
	}
	if printErr := term.printJSON(found); printErr != nil || err == nil {
		return printErr
	}
	return outcome(exitUsage)
}

// checkFile checks what can be checked here, with the limits that this machine's settings give.
func checkFile(ctx context.Context, term *terminal, name string, options campaignOptions) (kind string, err error) {
	target, err := loadDeployment(term)
	if err != nil {
		return "", err
	}
	file, err := readSpec(term, name)
	if err != nil {
		return "", err
	}
	switch kindOf(file.data) {
	case kindPolicy:
		_, err = policy.Decode(file.data)
		return kindPolicy, file.named(err)
	case kindCampaign:
		input, err := decodeCampaign(file, options)
		if err == nil {
			_, err = planCampaign(ctx, input, target)
		}
		return kindCampaign, file.named(err)
	}
	input, err := spec.DecodeEval(file.data)
	if err == nil {
		_, err = planOf(input, target)
	}
	return kindEval, file.named(err)
}

// kindOf tells a campaign and a policy by the fields that only they have.
func kindOf(data []byte) string {
	var fields map[string]yaml.Node
	if err := yaml.Load(jsonAsYAML(data), &fields); err != nil {
		return kindEval
	}
	for _, field := range []string{"dataset", "eval", "answers", "epochs", "gate", "pass_at_k", "max_parallel"} {
		if _, found := fields[field]; found {
			return kindCampaign
		}
	}
	for _, field := range []string{"version", "all", "kinds"} {
		if _, found := fields[field]; found {
			return kindPolicy
		}
	}
	return kindEval
}
