package main

import (
	"context"
	"time"

	"github.com/google/uuid"
	"github.com/spf13/cobra"
	"go.temporal.io/sdk/client"
	"go.uber.org/zap"

	"pitwall/activities"
	"pitwall/internal/daytona"
	"pitwall/internal/temporalclient"
	"pitwall/workflows"
)

func sandboxesCommand(term *terminal) *cobra.Command {
	return group("sandboxes", "See which sandboxes there are, and remove what nobody holds",
		sandboxesListCommand(term), sandboxesReapCommand(term))
}

// sandboxLine is one element of `sandboxes list -o json`.
type sandboxLine struct {
	ID    string `json:"id"`
	Name  string `json:"name"`
	State string `json:"state"`
	// Verdict is the reaper's: held, orphan, expired, unknown, foreign, unclear, leaving or unmarked.
	Verdict   string    `json:"verdict"`
	Reason    string    `json:"reason"`
	Slot      string    `json:"slot"`
	EvalID    string    `json:"eval_id"`
	Campaign  string    `json:"campaign"`
	CreatedAt time.Time `json:"created_at,omitzero"`
	ExpiresAt string    `json:"expires_at"`
}

func sandboxesListCommand(term *terminal) *cobra.Command {
	var all bool
	cmd := &cobra.Command{
		Use:   "list",
		Short: "List Pitwall's sandboxes at the provider, and what the reaper thinks of each",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return listSandboxes(cmd.Context(), term, all)
		},
	}
	cmd.Flags().BoolVar(&all, "all", false, "every sandbox of the account, not only Pitwall's")
	return cmd
}

func listSandboxes(ctx context.Context, term *terminal, all bool) error {
	target, err := loadDeployment(term)
	if err != nil {
		return err
	}
	judge, closeJudge, err := newJudge(ctx, target)
	if err != nil {
		return err
	}
	defer closeJudge()
	labels := map[string]string{activities.LabelManagedBy: activities.ManagedBy}
	if all {
		labels = nil
	}
	var lines []sandboxLine
	for sandbox, err := range judge.Daytona.ListSandboxes(ctx, daytona.ListOptions{Labels: labels}) {
		if err != nil {
			return explainProvider(target, err)
		}
		decision := activities.Decide(ctx, judge, sandbox)
		lines = append(lines, sandboxLine{
			ID: sandbox.ID, Name: sandbox.Name, State: sandbox.State, Verdict: decision.Verdict, Reason: decision.Reason,
			Slot: sandbox.Labels[activities.LabelSlot], EvalID: sandbox.Labels[activities.LabelEval],
			Campaign: sandbox.Labels[activities.LabelCampaign], CreatedAt: sandbox.CreatedAt,
			ExpiresAt: sandbox.Labels[activities.LabelExpiresAt],
		})
	}
	if term.wantsJSON() {
		return term.printJSON(orEmpty(lines))
	}
	table := newTable(term, "ID", "STATE", "SLOT", "VERDICT", "EVAL", "CREATED", "EXPIRES")
	for _, line := range lines {
		table.row(line.ID, line.State, line.Slot, line.Verdict, line.EvalID, shortTime(line.CreatedAt), line.ExpiresAt)
	}
	table.print()
	return nil
}

// newJudge makes the reaper's judgement usable here: it reads the provider and Temporal, and touches nothing.
func newJudge(ctx context.Context, target deployment) (*activities.Reaping, func(), error) {
	provider, err := newProvider(target)
	if err != nil {
		return nil, nil, err
	}
	temporal, err := dialTemporal(ctx, target)
	if err != nil {
		return nil, nil, err
	}
	cluster, namespace, err := temporalclient.Identity(ctx, temporal, target.namespace())
	if err != nil {
		temporal.Close()
		return nil, nil, err
	}
	judge := &activities.Reaping{
		Daytona: provider, Temporal: temporal, Log: zap.NewNop(),
		Owner: activities.Owner{Cluster: cluster, Namespace: namespace},
	}
	return judge, func() {
		temporal.Close()
		provider.CloseIdle()
	}, nil
}

func sandboxesReapCommand(term *terminal) *cobra.Command {
	var dryRun bool
	cmd := &cobra.Command{
		Use:   "reap",
		Short: "Run the reaper once: remove what nobody holds, to proof, and audit the leases",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return reap(cmd.Context(), term, dryRun)
		},
	}
	cmd.Flags().BoolVar(&dryRun, "dry-run", false, "decide, and remove nothing")
	return cmd
}

// reapBound bounds one pass that is waited for here; the pass itself has its own.
const reapBound = 30 * time.Minute

func reap(ctx context.Context, term *terminal, dryRun bool) error {
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
		ID: id, TaskQueue: workflows.CleanupQueue, WorkflowRunTimeout: reapBound,
	}, workflows.ReaperWorkflow, workflows.ReaperInput{DryRun: dryRun})
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
	return printReaped(term, result)
}

func printReaped(term *terminal, result workflows.ReaperResult) error {
	if term.wantsJSON() {
		return term.printJSON(result)
	}
	term.printf("%d sandboxes seen, %d held by a lease\n", result.Sandboxes.Seen, result.Sandboxes.Held)
	for _, decision := range result.Sandboxes.Decisions {
		did := "left alone"
		switch {
		case decision.Removed != nil:
			did = "removed, confirmed by " + decision.Removed.ConfirmedBy
		case decision.Error != "":
			did = "not removed: " + decision.Error
		}
		term.printf("  %s  %s: %s; %s\n", visible(decision.SandboxID), decision.Verdict, visible(decision.Reason), visible(did))
	}
	for _, finding := range result.Leases.Findings {
		term.printf("  lease %s: %s; %s%s\n", finding.Lease.ID, finding.Reason, finding.Action, because(finding.Error))
	}
	return nil
}
