package main

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"regexp"
	"strings"
	"time"

	"pitwall/internal/artifact"
	"pitwall/internal/results"
	"pitwall/internal/retention"
	"pitwall/internal/spec"
)

// trialID is eval/<campaign>/<escaped sample>/<epoch>[/r<n>], as workflows.EvalID makes it.
var trialID = regexp.MustCompile(`^eval/(.+)/([^/]+)/([1-9][0-9]*(?:/r[1-9][0-9]*)?)$`)

// evalPrefix is where an eval's evidence lies in the store. An ID that is no trial's belongs to an eval that was started
// directly.
func evalPrefix(evalID string) string {
	match := trialID.FindStringSubmatch(evalID)
	if match == nil {
		return artifact.EvalPrefix(evalID)
	}
	root, _ := artifact.SplitRetry(match[1])
	return artifact.Campaign(root) + "/trials/" + match[2] + "/" + match[3]
}

// readResult reads an eval's result from the store; an unknown eval is the caller's mistake.
func readResult(ctx context.Context, store *artifact.Store, evalID string) (spec.EvalResult, error) {
	result, err := results.ReadResult(ctx, store, evalPrefix(evalID))
	if !errors.Is(err, artifact.ErrNotFound) {
		return result, err
	}
	begun, listErr := hasAny(ctx, store, evalPrefix(evalID)+"/")
	if listErr != nil {
		return result, listErr
	}
	if begun {
		return result, &UsageError{Problem: fmt.Sprintf("eval %s has not finished", evalID), Hint: "read its output so far with: starter logs " + evalID}
	}
	return result, unknownEval(ctx, store, evalID)
}

func hasAny(ctx context.Context, store *artifact.Store, prefix string) (bool, error) {
	for _, err := range store.List(ctx, prefix) {
		return err == nil, err
	}
	return false, nil
}

// maxKnown bounds how many known names an error lists.
const maxKnown = 10

// unknownEval names what there is instead.
func unknownEval(ctx context.Context, store *artifact.Store, evalID string) error {
	problem := fmt.Sprintf("no eval %s in %s", evalID, store.URL())
	if match := trialID.FindStringSubmatch(evalID); match != nil {
		return &UsageError{Problem: problem, Hint: "the evals of that campaign stand in: starter campaign results " + match[1]}
	}
	known, err := directEvals(ctx, store)
	if err != nil {
		return err
	}
	return &UsageError{Problem: problem, Hint: knownNames("evals that were started directly", known)}
}

// unknownCampaign says that the campaign's time is over, or names what there is instead.
func unknownCampaign(ctx context.Context, store *artifact.Store, name string) error {
	if deleted, err := retention.ReadDeleted(ctx, store, name); err == nil {
		return &UsageError{
			Problem: fmt.Sprintf("the records of campaign %s were removed on %s: it %s", name, deleted.At.Format(time.DateOnly), deleted.Reason),
			Hint:    "keep others longer with retain, or for good with: starter campaign pin ID",
		}
	}
	var known []string
	for campaign, err := range results.Campaigns(ctx, store) {
		if err == nil {
			known = append(known, campaign.Campaign)
		}
	}
	return &UsageError{
		Problem: fmt.Sprintf("no campaign %s in %s", name, store.URL()),
		Hint:    knownNames("campaigns", known),
	}
}

// directEvals are the IDs of evals that belong to no campaign.
func directEvals(ctx context.Context, store *artifact.Store) ([]string, error) {
	const folder = "evals/"
	var names []string
	for dir, err := range store.ListDirs(ctx, folder) {
		if err != nil {
			return nil, err
		}
		names = append(names, unescaped(lastName(dir.Key)))
	}
	return names, nil
}

// unescaped undoes artifact.EscapeName, except for what it has cut: such a name stays as it is in the store.
func unescaped(name string) string {
	original, err := url.PathUnescape(name)
	if err != nil || artifact.EscapeName(original) != name {
		return name
	}
	return original
}

func knownNames(what string, names []string) string {
	if len(names) == 0 {
		return "there are no " + what + " in this store; is PITWALL_STORE the right one?"
	}
	text := "the " + what + " are: " + strings.Join(names[max(0, len(names)-maxKnown):], ", ")
	if len(names) > maxKnown {
		text += fmt.Sprintf(" and %d more", len(names)-maxKnown)
	}
	return text
}
