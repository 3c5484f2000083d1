package main

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"go.temporal.io/api/serviceerror"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/temporal"

	"pitwall/workflows"
)

// updateBound is how long an update may take to be answered: one or two workflow tasks, and a look through the manifest.
const updateBound = time.Minute

func campaignPauseCommand(term *terminal) *cobra.Command {
	return &cobra.Command{
		Use:   "pause ID",
		Short: "Start no more trials of a running campaign; what is under way goes on",
		Args:  exactly("ID"),
		RunE: func(cmd *cobra.Command, args []string) error {
			return updateCampaign(cmd.Context(), term, campaignName(args[0]), workflows.UpdatePause)
		},
	}
}

func campaignResumeCommand(term *terminal) *cobra.Command {
	return &cobra.Command{
		Use:   "resume ID",
		Short: "Start trials of a paused campaign again; also closes its circuit breaker",
		Args:  exactly("ID"),
		RunE: func(cmd *cobra.Command, args []string) error {
			return updateCampaign(cmd.Context(), term, campaignName(args[0]), workflows.UpdateResume)
		},
	}
}

func campaignParallelCommand(term *terminal) *cobra.Command {
	return &cobra.Command{
		Use:   "parallel ID N",
		Short: "Change how many evals of a running campaign may run or wait for a slot",
		Long: `Change how many evals of a running campaign may run or wait for a slot. What is under way goes on. The operator's bound
on live sandboxes (DAYTONA_MAX_PARALLEL_SANDBOXES) holds whatever N is.`,
		Args: exactly("ID", "N"),
		RunE: func(cmd *cobra.Command, args []string) error {
			n, err := strconv.Atoi(args[1])
			if err != nil {
				return &UsageError{Problem: fmt.Sprintf("%q is not a number", args[1]), Hint: "such as: starter campaign parallel " + args[0] + " 8"}
			}
			return updateCampaign(cmd.Context(), term, campaignName(args[0]), workflows.UpdateParallel, n)
		},
	}
}

func campaignCancelTrialCommand(term *terminal) *cobra.Command {
	return &cobra.Command{
		Use:   "cancel-trial ID SAMPLE [EPOCH]",
		Short: "Cancel one trial of a running campaign, under way or to come",
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) == 3 {
				return nil
			}
			return exactly("ID", "SAMPLE")(cmd, args)
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			trial := workflows.TrialRef{Sample: args[1], Epoch: 1}
			if len(args) == 3 {
				epoch, err := strconv.Atoi(args[2])
				if err != nil {
					return &UsageError{Problem: fmt.Sprintf("%q is not an epoch", args[2]), Hint: "epochs are numbered from 1"}
				}
				trial.Epoch = epoch
			}
			return updateCampaign(cmd.Context(), term, campaignName(args[0]), workflows.UpdateCancelTrial, trial)
		},
	}
}

// updateCampaign sends an update to a running campaign and shows what it led to.
func updateCampaign(ctx context.Context, term *terminal, name, update string, args ...any) error {
	target, err := loadDeployment(term)
	if err != nil {
		return err
	}
	connection, err := dialTemporal(ctx, target)
	if err != nil {
		return err
	}
	defer connection.Close()
	running, err := runningCampaign(ctx, connection, name)
	if err != nil {
		return err
	}
	var progress workflows.CampaignProgress
	options := client.UpdateWorkflowOptions{WorkflowID: running.GetID(), RunID: running.GetRunID(), UpdateName: update, Args: args}
	if err := sendUpdate(ctx, connection, options, &progress); err != nil {
		return err
	}
	if term.wantsJSON() {
		return term.printJSON(progress)
	}
	term.printf("%s: %s\n", running.GetID(), progressText(progress, 0))
	return nil
}

// sendUpdate sends an update, waits until the workflow has taken or refused it, and reads what it answers.
func sendUpdate(ctx context.Context, connection client.Client, options client.UpdateWorkflowOptions, answer any) error {
	bounded, cancel := context.WithTimeout(ctx, updateBound)
	defer cancel()
	options.WaitForStage = client.WorkflowUpdateStageCompleted
	handle, err := connection.UpdateWorkflow(bounded, options)
	if err == nil {
		err = handle.Get(bounded, answer)
	}
	if err != nil {
		return explainUpdate(ctx, bounded, options.WorkflowID, options.UpdateName, err)
	}
	return nil
}

// runningCampaign finds a campaign that has not ended.
func runningCampaign(ctx context.Context, connection client.Client, name string) (client.WorkflowRun, error) {
	found, err := findCampaign(ctx, connection, name)
	if err != nil {
		return nil, err
	}
	if found == nil {
		return nil, &UsageError{Problem: "no running campaign " + name, Hint: "see which there are with: starter campaign list"}
	}
	if status := statusOfExecution(found.GetStatus()); status != statusRunning {
		return nil, &UsageError{Problem: fmt.Sprintf("campaign %s has ended already (%s)", name, status), Hint: "see what it came to with: starter campaign status " + name}
	}
	return connection.GetWorkflow(ctx, found.GetExecution().GetWorkflowId(), found.GetExecution().GetRunId()), nil
}

// explainUpdate says why a campaign did not take an update.
func explainUpdate(ctx, bounded context.Context, id, update string, err error) error {
	var refused *temporal.ApplicationError
	var missing *serviceerror.NotFound
	switch {
	case errors.As(err, &missing):
		return &UsageError{Problem: "nothing called " + id + " is running", Hint: "what runs stands in Temporal's UI, and in: starter campaign list"}
	case errors.As(err, &refused):
		return &UsageError{Problem: refused.Message()}
	case ctx.Err() == nil && bounded.Err() != nil, unanswered(err):
		return &InfraError{
			Err:  fmt.Errorf("%s %s: nobody answered in time, so it may take effect or not", strings.ReplaceAll(update, "_", "-"), id),
			Hint: "is a worker running? see: starter doctor",
		}
	}
	return fmt.Errorf("%s %s: %w", update, id, err)
}

// heldText says why a campaign starts nothing new; empty when it does.
func heldText(progress workflows.CampaignProgress) string {
	switch {
	case progress.Ended != "":
		return progress.Ended
	case progress.Paused:
		return "paused"
	case progress.Breaker != "":
		return "circuit breaker open"
	}
	return ""
}

// printHeld prints what to know about a campaign that starts nothing new.
func printHeld(term *terminal, progress *workflows.CampaignProgress) {
	if progress.MaxParallel > 0 {
		term.printf("  parallel     %d\n", progress.MaxParallel)
	}
	if progress.Paused {
		term.printf("  paused       by an operator\n")
	}
	if progress.Breaker != "" {
		term.printf("  breaker      %s\n", progress.Breaker)
	}
}
