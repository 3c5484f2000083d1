package main

import (
	"fmt"
	"maps"
	"path"
	"slices"
	"strconv"

	"pitwall/internal/artifact"
	"pitwall/internal/spec"
)

func printCampaign(term *terminal, target deployment, summary campaignSummary) error {
	if term.wantsJSON() {
		return term.printJSON(summary)
	}
	term.printf("%s  campaign %s (%s)\n", term.coloured(summary.Verdict), visible(summary.Campaign), summary.Status)
	for _, reason := range summary.Reasons {
		term.printf("  why          %s\n", visible(reason))
	}
	printMetrics(term, summary.Metrics)
	if compared := summary.Comparison; compared != nil && compared.Difference != nil {
		term.printf("  baseline     %s: %s\n", visible(compared.Baseline), differenceText(*compared))
	}
	if summary.SandboxesLeft != nil {
		term.printf("  sandboxes    %d left at the provider, %.1f sandbox-seconds used\n", *summary.SandboxesLeft, summary.SandboxSeconds)
	}
	term.printf("  results      %s\n", target.shown(summary.ResultsURI))
	if !artifact.IsRescore(summary.Campaign) { // which judged the evidence of the campaign itself
		term.printf("  evidence     %s\n", path.Join(path.Dir(target.shown(summary.ResultsURI)), "trials"))
	}
	return nil
}

func printMetrics(term *terminal, metrics spec.Metrics) {
	term.printf("  trials       %s\n", trialsText(metrics))
	term.printf("  coverage     %.3f\n", metrics.Coverage)
	term.printf("  accuracy     %s\n", accuracyText(metrics))
	if reduced := metrics.Reduced; reduced != nil {
		term.printf("  reduced      %s %s\n", reduced.Reducer, reducedText(*reduced))
	}
	term.printf("  mean score   %s\n", maybe(metrics.MeanScore))
	for _, k := range slices.SortedFunc(maps.Keys(metrics.PassAtK), byNumber) {
		term.printf("  pass@%-7s %.3f\n", k, metrics.PassAtK[k])
	}
	if metrics.NCanary > 0 {
		term.printf("  canaries     %d, %d failed\n", metrics.NCanary, metrics.CanariesFailed)
	}
	if metrics.PendingCleanup > 0 {
		term.printf("  cleanup      pending for %d trials when they returned\n", metrics.PendingCleanup)
	}
}

// trialsText adds up: what is scored, and why the rest is not.
func trialsText(metrics spec.Metrics) string {
	text := fmt.Sprintf("%d: %d scored, %d passed, %d infrastructure errors, %d other errors, %d cancelled",
		metrics.NTotal, metrics.NScored, metrics.NPassed, metrics.NInfraError, metrics.NError, metrics.NCancelled)
	if metrics.NNotStarted > 0 {
		text += fmt.Sprintf(", %d not started", metrics.NNotStarted)
	}
	return text
}

func byNumber(a, b string) int {
	x, _ := strconv.Atoi(a)
	y, _ := strconv.Atoi(b)
	return x - y
}

func maybe(value *float64) string {
	if value == nil {
		return "undefined (nothing was scored)"
	}
	return fmt.Sprintf("%.3f", *value)
}

// accuracyText is a rate with its interval, and its standard error where a cluster has more than one trial.
func accuracyText(metrics spec.Metrics) string {
	text := maybe(metrics.Accuracy)
	if interval := metrics.AccuracyInterval; interval != nil {
		text += fmt.Sprintf("  (95%%: %.3f to %.3f)", interval.Low, interval.High)
	}
	if metrics.AccuracyStderr != nil && metrics.NClusters < metrics.NScored {
		text += fmt.Sprintf("  standard error %.3f over %d clusters", *metrics.AccuracyStderr, metrics.NClusters)
	}
	return text
}

func reducedText(reduced spec.Reduced) string {
	if reduced.Value == nil {
		return "undefined (no sample has enough scored epochs)"
	}
	text := fmt.Sprintf("%.3f  (95%%: %.3f to %.3f)  over %d samples",
		*reduced.Value, reduced.Interval.Low, reduced.Interval.High, reduced.NSamples)
	if reduced.Coverage > 0 { // else a summary that does not say it
		text += fmt.Sprintf(", coverage %.3f", reduced.Coverage)
	}
	return text
}

// differenceText wants a comparison that paired something.
func differenceText(compared spec.Comparison) string {
	return fmt.Sprintf("%+.3f  (95%%: %+.3f to %+.3f)  %d broken, %d fixed of %d samples, McNemar p = %.3g",
		*compared.Difference, compared.Interval.Low, compared.Interval.High,
		compared.NBroken, compared.NFixed, compared.NPaired, *compared.McNemarP)
}
