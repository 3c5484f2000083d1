package main

import (
	"context"

	"pitwall/internal/spec"
)

// campaignPlan is what `campaign start --dry-run -o json` prints.
type campaignPlan struct {
	Campaign    string `json:"campaign"`
	MaxParallel int    `json:"max_parallel"`
}

func planCampaign(_ context.Context, input spec.CampaignInput, target deployment) (campaignPlan, error) {
	effective := input.WithDefaults(target.SpecDefaults())
	return campaignPlan{Campaign: input.Name, MaxParallel: effective.MaxParallel}, effective.Validate()
}

func printCampaignPlan(term *terminal, plan campaignPlan) error { return term.printJSON(plan) }
