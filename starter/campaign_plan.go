package main

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"pitwall/internal/dataset"
	"pitwall/internal/spec"
)

// campaignPlan is what `campaign start --dry-run -o json` prints.
type campaignPlan struct {
	Campaign  string             `json:"campaign"`
	Effective spec.CampaignInput `json:"effective"`
	// Counted is false when dataset or answers stand where only a worker can read them; the numbers are then missing.
	Counted  bool `json:"counted"`
	NSamples int  `json:"n_samples"`
	NTrials  int  `json:"n_trials"`
	NCanary  int  `json:"n_canary"`
	// Limits are those of the longest trial, its worst case the sum of all trials'.
	Limits *evalLimits `json:"limits,omitempty"`
}

// planCampaign checks a campaign as a worker with the same settings would: the input, and, when dataset and answers are
// local files, every trial rendered from them. Nothing is uploaded or started.
func planCampaign(ctx context.Context, input spec.CampaignInput, target deployment) (campaignPlan, error) {
	effective := input.WithDefaults(target.SpecDefaults())
	plan := campaignPlan{Campaign: input.Name, Effective: effective}
	if err := effective.Validate(); err != nil {
		return plan, err
	}
	if target.policy != nil {
		if err := target.policy.CheckCampaign(effective); err != nil {
			return plan, err
		}
	}
	answersElsewhere := effective.Answers.From == spec.AnswersSamples && !isLocalPath(effective.Answers.URI)
	if !isLocalPath(effective.Dataset.URI) || answersElsewhere {
		return plan, nil
	}
	samples, err := openPinned(effective.Dataset.URI, effective.Dataset.SHA256)
	if err != nil {
		return plan, err
	}
	defer samples.Close()
	var answers io.Reader // nil unless they come from a file
	if effective.Answers.From == spec.AnswersSamples {
		file, err := openPinned(effective.Answers.URI, effective.Answers.SHA256)
		if err != nil {
			return plan, err
		}
		defer file.Close()
		answers = file
	}
	reader, err := dataset.Open(ctx, samples, effective.Dataset.Format)
	if err != nil {
		return plan, &UsageError{Problem: effective.Dataset.URI, Err: err}
	}
	plan.Counted, plan.Limits = true, &evalLimits{MaxParallelSandboxes: min(target.MaxParallelSandboxes, effective.MaxParallel)}
	return plan, plan.addTrials(ctx, reader, answers, target)
}

// openPinned opens a local file, which must have the digest that the campaign asks for, if it does.
func openPinned(name, pin string) (*os.File, error) {
	file, err := openLocal(name)
	if err != nil || pin == "" {
		return file, err
	}
	hash := sha256.New()
	if _, err = io.Copy(hash, file); err == nil {
		_, err = file.Seek(0, io.SeekStart)
	}
	if err == nil {
		err = checkPin(name, hex.EncodeToString(hash.Sum(nil)), pin)
	} else {
		err = fmt.Errorf("read %s: %w", name, err)
	}
	if err != nil {
		file.Close()
		return nil, err
	}
	return file, nil
}

func checkPin(name, found, pin string) error {
	if pin == "" || pin == found {
		return nil
	}
	return &UsageError{
		Problem: fmt.Sprintf("%s has the SHA-256 %s, and the campaign asks for %s", name, found, pin),
		Hint:    "name the right file, or change the pin",
	}
}

// addTrials renders every trial and adds up its limits.
func (p *campaignPlan) addTrials(ctx context.Context, reader *dataset.Reader, answers io.Reader, target deployment) error {
	last := ""
	for trial, err := range dataset.Plan(ctx, p.Effective, reader, answers) {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if err != nil {
			return asInput(err, p.Effective)
		}
		one, err := planOf(trial.Input, target)
		if err != nil {
			return &UsageError{Problem: "sample " + trial.Sample, Err: err}
		}
		p.Limits.include(one.Limits)
		if trial.Canary != "" {
			p.NCanary++
			continue
		}
		p.NTrials++
		if trial.Sample != last {
			p.NSamples++
			last = trial.Sample
		}
	}
	return nil
}

// asInput: whatever is wrong with a dataset, a samples file or a template is the caller's to mend.
func asInput(err error, campaign spec.CampaignInput) error {
	if errors.As(err, new(*UsageError)) {
		return err
	}
	var file *dataset.FileError
	switch {
	case errors.As(err, &file) && file.Samples:
		return &UsageError{Problem: "samples file " + campaign.Answers.URI, Err: file.Err}
	case errors.As(err, &file):
		return &UsageError{Problem: "dataset " + campaign.Dataset.URI, Err: file.Err}
	}
	return &UsageError{Err: err}
}

// include makes l the bounds of l and one together; the worst cases add up.
func (l *evalLimits) include(one evalLimits) {
	l.JobSeconds = max(l.JobSeconds, one.JobSeconds)
	l.LeaseSeconds = max(l.LeaseSeconds, one.LeaseSeconds)
	l.TTLSeconds = max(l.TTLSeconds, one.TTLSeconds)
	l.MaxAttempts = max(l.MaxAttempts, one.MaxAttempts)
	l.WorstSandboxSeconds += one.WorstSandboxSeconds
}

func printCampaignPlan(term *terminal, plan campaignPlan) error {
	if term.wantsJSON() {
		return term.printJSON(plan)
	}
	term.printf("campaign %s\n", plan.Campaign)
	term.printf("dataset  %s (%s)\n", visible(plan.Effective.Dataset.URI), plan.Effective.Dataset.Format)
	answers := plan.Effective.Answers
	term.printf("answers  %s %s\n", answers.From, visible(answers.URI+answers.Field))
	if !plan.Counted {
		term.printf("trials   not counted: the data stands where only a worker reads it\n")
		return nil
	}
	term.printf("trials   %d of %d samples, at most %d at once\n", plan.NTrials, plan.NSamples, plan.Effective.MaxParallel)
	if plan.NCanary > 0 {
		term.printf("canaries %d\n", plan.NCanary)
	}
	printLimits(term, *plan.Limits)
	worst := seconds(plan.Limits.WorstSandboxSeconds).Round(time.Second)
	term.printf("         %s of sandboxes, were every attempt of every trial to last until the provider's clock ends it\n", worst)
	return nil
}
