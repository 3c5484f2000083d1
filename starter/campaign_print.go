package main

import (
	"fmt"
	"maps"
	"path"
	"slices"
	"strconv"

	"pitwall/internal/spec"
)

func printCampaign(term *terminal, target deployment, summary campaignSummary) error {
	if term.wantsJSON() {
		return term.printJSON(summary)
	}
	term.printf("%s  campaign %s (%s)\n", term.coloured(summary.Verdict), visible(summary.Campaign), summary.Status)
	printMetrics(term, summary.Metrics)
	if summary.SandboxesLeft != nil {
		term.printf("  sandboxes    %d left at the provider, %.1f sandbox-seconds used\n", *summary.SandboxesLeft, summary.SandboxSeconds)
	}
	term.printf("  results      %s\n", target.shown(summary.ResultsURI))
	term.printf("  evidence     %s\n", path.Join(path.Dir(target.shown(summary.ResultsURI)), "trials"))
	return nil
}

func printMetrics(term *terminal, metrics spec.Metrics) {
	term.printf("  trials       %d: %d scored, %d passed, %d infrastructure errors, %d other errors, %d cancelled\n",
		metrics.NTotal, metrics.NScored, metrics.NPassed, metrics.NInfraError, metrics.NError, metrics.NCancelled)
	term.printf("  coverage     %.3f\n", metrics.Coverage)
	term.printf("  accuracy     %s\n", maybe(metrics.Accuracy))
	term.printf("  mean score   %s\n", maybe(metrics.MeanScore))
	for _, k := range slices.SortedFunc(maps.Keys(metrics.PassAtK), byNumber) {
		term.printf("  pass@%-7s %.3f\n", k, metrics.PassAtK[k])
	}
	if metrics.PendingCleanup > 0 {
		term.printf("  cleanup      pending for %d trials when they returned\n", metrics.PendingCleanup)
	}
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
