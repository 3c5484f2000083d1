package main

import (
	"context"
	"time"

	"github.com/spf13/cobra"
	"go.temporal.io/sdk/client"
	"go.uber.org/zap"
	"golang.org/x/sync/errgroup"

	"pitwall/activities"
	"pitwall/internal/daytona"
	"pitwall/internal/temporalclient"
	"pitwall/workflows"
)

func sandboxesCommand(term *terminal) *cobra.Command {
	return group("sandboxes", "See which sandboxes there are, and remove what nobody holds",
		sandboxesListCommand(term), sandboxesReapCommand(term), sandboxesAuditCommand(term))
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
	// HeldUntil: the sandbox is kept for a look (run --hold) until then.
	HeldUntil time.Time `json:"held_until,omitzero"`
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
	addHolds(ctx, judge.Temporal, lines)
	if term.wantsJSON() {
		return term.printJSON(orEmpty(lines))
	}
	table := newTable(term, "ID", "STATE", "SLOT", "VERDICT", "EVAL", "CREATED", "EXPIRES", "FOR A LOOK UNTIL")
	for _, line := range lines {
		until := ""
		if !line.HeldUntil.IsZero() {
			until = shortTime(line.HeldUntil)
		}
		table.row(line.ID, line.State, line.Slot, line.Verdict, line.EvalID, shortTime(line.CreatedAt), line.ExpiresAt, until)
	}
	table.print()
	return nil
}

// askBound and askAtOnce bound the questions to evals: one that no worker answers says nothing of its hold.
const (
	askBound  = 3 * time.Second
	askAtOnce = 16
)

// addHolds asks the evals of held sandboxes whether they keep theirs for a look.
func addHolds(ctx context.Context, temporal client.Client, lines []sandboxLine) {
	ctx, cancel := context.WithTimeout(ctx, askBound)
	defer cancel()
	var asking errgroup.Group
	asking.SetLimit(askAtOnce)
	for i := range lines {
		if lines[i].Verdict != activities.VerdictHeld {
			continue
		}
		asking.Go(func() error {
			var progress workflows.EvalProgress
			if query(ctx, temporal, temporal.GetWorkflow(ctx, lines[i].EvalID, ""), &progress) == nil && progress.SandboxID == lines[i].ID {
				lines[i].HeldUntil = progress.HeldUntil
			}
			return nil
		})
	}
	_ = asking.Wait() // always nil
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
		Daytona: provider, Temporal: temporal, Log: zap.NewNop(), Converter: target.temporal.Converter(),
		Owner: activities.Owner{Cluster: cluster, Namespace: namespace},
	}
	return judge, func() {
		temporal.Close()
		provider.CloseIdle()
	}, nil
}
