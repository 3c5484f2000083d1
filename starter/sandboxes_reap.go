package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/spf13/cobra"
	"go.temporal.io/sdk/client"

	"pitwall/activities"
	"pitwall/internal/daytona"
	"pitwall/workflows"
)

// reapFlags are what `sandboxes reap` is told.
type reapFlags struct {
	dryRun  bool
	foreign bool
	ids     []string
}

func sandboxesReapCommand(term *terminal) *cobra.Command {
	var flags reapFlags
	cmd := &cobra.Command{
		Use:   "reap",
		Short: "Run the reaper once: remove what nobody holds, to proof, and audit the leases",
		Long: `Run the reaper once: remove what nobody holds, to proof, and audit the leases. A worker does it.

--dry-run judges every sandbox and every open lease with the reaper's own code, says why and what would be done, and
touches nothing. It reads Daytona and Temporal from here, and so needs no worker.

--foreign --id ID removes, from here, a sandbox that another Temporal cluster or namespace left: only one that Pitwall
made and whose expiry, which is after every clock of its eval, is past. Exit code 0 removed, 2 not.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := flags.check(); err != nil {
				return err
			}
			switch {
			case flags.foreign:
				return reapForeign(cmd.Context(), term, flags)
			case flags.dryRun:
				return explainReaper(cmd.Context(), term)
			}
			return reap(cmd.Context(), term)
		},
	}
	cmd.Flags().BoolVar(&flags.dryRun, "dry-run", false, "decide, explain every decision, and touch nothing")
	cmd.Flags().BoolVar(&flags.foreign, "foreign", false, "remove sandboxes of another cluster or namespace, each named by --id")
	cmd.Flags().StringSliceVar(&flags.ids, "id", nil, "`ID` of a sandbox for --foreign; may be repeated")
	return cmd
}

// maxForeign bounds how many sandboxes one call names: what is removed by hand was looked at by somebody.
const maxForeign = 50

func (f reapFlags) check() error {
	switch {
	case f.foreign && len(f.ids) == 0:
		return &UsageError{Problem: "--foreign removes nothing that is not named", Hint: "name each sandbox with --id; see: starter sandboxes list"}
	case !f.foreign && len(f.ids) > 0:
		return &UsageError{Problem: "--id is for sandboxes of another cluster or namespace", Hint: "add --foreign; the reaper sees to our own without being told"}
	case len(f.ids) > maxForeign:
		return &UsageError{Problem: fmt.Sprintf("%d sandboxes are named, and at most %d may be", len(f.ids), maxForeign)}
	}
	return nil
}

// reapReport is what `sandboxes reap -o json` prints.
type reapReport struct {
	DryRun bool `json:"dry_run"`
	workflows.ReaperResult
}

// reapBound bounds one pass that is waited for here; the pass itself has its own.
const reapBound = 30 * time.Minute

func reap(ctx context.Context, term *terminal) error {
	target, err := loadDeployment(term)
	if err != nil {
		return err
	}
	temporal, err := dialTemporal(ctx, target)
	if err != nil {
		return err
	}
	defer temporal.Close()
	id := workflows.ReaperID + "/by-hand-" + uuid.NewString()[:8]
	running, err := temporal.ExecuteWorkflow(ctx, client.StartWorkflowOptions{
		ID: id, TaskQueue: workflows.CleanupQueue, WorkflowRunTimeout: reapBound, StaticSummary: "reaper, by hand",
	}, workflows.ReaperWorkflow, workflows.ReaperInput{})
	if err != nil {
		return explainStart("reaper", id, err)
	}
	var result workflows.ReaperResult
	if err := running.Get(ctx, &result); err != nil {
		if ctx.Err() != nil {
			return interrupted{id + " goes on"}
		}
		return explainEnd("reaper", id, err)
	}
	return printReaped(term, reapReport{ReaperResult: result})
}

// explainReaper is the dry run.
func explainReaper(ctx context.Context, term *terminal) error {
	target, err := loadDeployment(term)
	if err != nil {
		return err
	}
	judge, closeJudge, err := newJudge(ctx, target)
	if err != nil {
		return err
	}
	defer closeJudge()
	report := reapReport{DryRun: true}
	if report.Leases, report.Sandboxes, err = activities.Explain(ctx, judge, workflows.Audit(true)); err != nil {
		return explainProvider(target, err)
	}
	return printReaped(term, report)
}

// reapForeign removes each of the named sandboxes, where it may.
func reapForeign(ctx context.Context, term *terminal, flags reapFlags) error {
	target, err := loadDeployment(term)
	if err != nil {
		return err
	}
	judge, closeJudge, err := newJudge(ctx, target)
	if err != nil {
		return err
	}
	defer closeJudge()
	decisions := []activities.Decision{}
	complete := true
	for _, id := range flags.ids {
		decision, err := activities.RemoveForeign(ctx, judge, id, flags.dryRun)
		switch {
		case errors.Is(err, daytona.ErrNotFound):
			return &UsageError{Err: err, Hint: "see: starter sandboxes list"}
		case err != nil:
			return explainProvider(target, err)
		}
		complete = complete && (decision.Removed != nil || flags.dryRun && decision.Action == activities.ActionRemove)
		decisions = append(decisions, decision)
	}
	if term.wantsJSON() {
		if err := term.printJSON(decisions); err != nil {
			return err
		}
	} else {
		printDecisions(term, decisions, flags.dryRun)
	}
	if !complete {
		return outcome(exitInfra)
	}
	return nil
}
