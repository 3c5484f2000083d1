package main

import (
	"context"

	"github.com/spf13/cobra"
	"go.temporal.io/sdk/client"

	"pitwall/workflows"
)

func releaseCommand(term *terminal) *cobra.Command {
	return &cobra.Command{
		Use:   "release EVAL",
		Short: "End the hold of an eval's sandbox: it is removed at once",
		Long: `End the hold of an eval's sandbox (run --hold): it is removed at once, with proof, and the eval goes on to its result.
"sandboxes list" shows which evals hold one.`,
		Args: exactly("EVAL"),
		RunE: func(cmd *cobra.Command, args []string) error {
			return releaseEval(cmd.Context(), term, args[0])
		},
	}
}

func releaseEval(ctx context.Context, term *terminal, evalID string) error {
	target, err := loadDeployment(term)
	if err != nil {
		return err
	}
	connection, err := dialTemporal(ctx, target)
	if err != nil {
		return err
	}
	defer connection.Close()
	var progress workflows.EvalProgress
	if err := sendUpdate(ctx, connection, client.UpdateWorkflowOptions{WorkflowID: evalID, UpdateName: workflows.UpdateRelease}, &progress); err != nil {
		return err
	}
	if term.wantsJSON() {
		return term.printJSON(progress)
	}
	term.printf("%s: sandbox %s is being removed\n", evalID, visible(progress.SandboxID))
	return nil
}
