package main

import (
	"context"

	"github.com/google/uuid"
	"github.com/spf13/cobra"
	"go.temporal.io/sdk/client"

	"pitwall/internal/retention"
	"pitwall/workflows"
)

func retentionCommand(term *terminal) *cobra.Command {
	return group("retention", "Remove campaigns and evals from the store whose time is over", retentionRunCommand(term))
}

func retentionRunCommand(term *terminal) *cobra.Command {
	var dryRun bool
	cmd := &cobra.Command{
		Use:   "run",
		Short: "Make one pass over the store; a worker does it, by its own settings",
		Long: `Make one pass over the store: remove the campaigns and evals whose time is over, and say why each is removed or kept.
A worker does it, by its own settings. Pinned campaigns and baselines are kept; so are uploaded inputs.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return runRetention(cmd.Context(), term, dryRun) },
	}
	cmd.Flags().BoolVar(&dryRun, "dry-run", false, "decide, say why, and remove nothing")
	return cmd
}

func runRetention(ctx context.Context, term *terminal, dryRun bool) error {
	target, err := loadDeployment(term)
	if err != nil {
		return err
	}
	temporal, err := dialTemporal(ctx, target)
	if err != nil {
		return err
	}
	defer temporal.Close()
	id := workflows.RetentionID + "/by-hand-" + uuid.NewString()[:8]
	running, err := temporal.ExecuteWorkflow(ctx, client.StartWorkflowOptions{ID: id, TaskQueue: workflows.CleanupQueue, StaticSummary: "retention, by hand"},
		workflows.RetentionWorkflow, workflows.RetentionInput{DryRun: dryRun})
	if err != nil {
		return explainStart("retention", id, err)
	}
	var report retention.Report
	if err := running.Get(ctx, &report); err != nil {
		if ctx.Err() != nil {
			return interrupted{id + " goes on"}
		}
		return explainEnd("retention", id, err)
	}
	return printRetention(term, report)
}

func printRetention(term *terminal, report retention.Report) error {
	if term.wantsJSON() {
		report.Decisions = orEmpty(report.Decisions)
		return term.printJSON(report)
	}
	table := newTable(term, "WHAT", "DECISION", "OBJECTS", "BYTES", "WHY")
	for _, decision := range report.Decisions {
		table.row(decision.Campaign+decision.Eval, decisionText(decision.Remove, report.DryRun), decision.Objects, decision.Bytes, decision.Reason)
	}
	table.print()
	verb := "removed"
	if report.DryRun {
		verb = "would be removed"
	}
	term.printf("%d %s (%d objects, %d bytes), %d kept, %d unread and kept\n", report.Removed, verb, report.Objects, report.Bytes, report.Kept, report.Unread)
	if report.More {
		term.printf("the pass ended at its bound; the next one goes on\n")
	}
	return nil
}

func decisionText(remove, dryRun bool) string {
	switch {
	case !remove:
		return "keep"
	case dryRun:
		return "would remove"
	}
	return "removed"
}
