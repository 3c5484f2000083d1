package main

import (
	"context"
	"fmt"
	"time"

	"github.com/spf13/cobra"
	"go.temporal.io/api/enums/v1"
	"go.temporal.io/sdk/client"
)

// scheduleTriggered is what `schedule trigger -o json` prints.
type scheduleTriggered struct {
	ID string `json:"id"`
	started
}

func scheduleTriggerCommand(term *terminal) *cobra.Command {
	var wait bool
	cmd := &cobra.Command{
		Use:   "trigger NAME",
		Short: "Start a campaign of a schedule now, also beside one that runs; --wait exits by its verdict",
		Args:  exactly("NAME"),
		RunE: func(cmd *cobra.Command, args []string) error {
			return triggerSchedule(cmd.Context(), term, args[0], wait)
		},
	}
	cmd.Flags().BoolVar(&wait, "wait", false, "wait for the campaign's result; exit by its verdict")
	return cmd
}

func triggerSchedule(ctx context.Context, term *terminal, name string, wait bool) error {
	var campaign started
	err := withSchedule(ctx, term, name, func(handle client.ScheduleHandle) (err error) {
		campaign, err = trigger(ctx, handle)
		return err
	})
	if err != nil {
		return err
	}
	if wait {
		term.note("started %s", visible(campaign.WorkflowID))
		return awaitCampaign(ctx, term, campaignName(campaign.WorkflowID), watching{})
	}
	if term.wantsJSON() {
		return term.printJSON(scheduleTriggered{scheduleID(name), campaign})
	}
	term.printf("%s\n", visible(campaign.WorkflowID))
	return nil
}

// triggerPatience bounds the wait for the start that a trigger asks for: Temporal says of a trigger only that it heard it, and
// shows the start some milliseconds later.
const triggerPatience = 30 * time.Second

// trigger starts a campaign now, and says which: the first start that the schedule did not have before.
func trigger(ctx context.Context, handle client.ScheduleHandle) (started, error) {
	before, err := handle.Describe(ctx)
	if err != nil {
		return started{}, err
	}
	had := map[string]bool{}
	for _, campaign := range startedBy(before) {
		had[campaign.RunID] = true
	}
	nextSecond(ctx, before)
	if err := handle.Trigger(ctx, client.ScheduleTriggerOptions{Overlap: enums.SCHEDULE_OVERLAP_POLICY_ALLOW_ALL}); err != nil {
		return started{}, err
	}
	patience, cancel := context.WithTimeout(ctx, triggerPatience)
	defer cancel()
	for {
		now, err := handle.Describe(patience)
		if err != nil {
			return started{}, fmt.Errorf("see what %s started: %w", handle.GetID(), err)
		}
		for _, campaign := range startedBy(now) {
			if !had[campaign.RunID] {
				return campaign, nil
			}
		}
		select {
		case <-patience.Done():
			return started{}, &InfraError{
				Err:  fmt.Errorf("%s was triggered and has started nothing for %s", handle.GetID(), triggerPatience),
				Hint: "see its starts with: starter schedule describe " + handle.GetID(),
			}
		case <-time.After(200 * time.Millisecond):
		}
	}
}

// nextSecond waits, a second at most, where the schedule started a campaign in this one: Temporal names a start by the second, and
// drops the second of one name.
func nextSecond(ctx context.Context, schedule *client.ScheduleDescription) {
	var latest time.Time
	for _, action := range schedule.Info.RecentActions {
		if action.ScheduleTime.After(latest) {
			latest = action.ScheduleTime
		}
	}
	if wait := time.Until(latest.Truncate(time.Second).Add(time.Second)); wait > 0 {
		poll(ctx, min(wait, time.Second))
	}
}

// startedBy are the latest campaigns that a schedule started.
func startedBy(schedule *client.ScheduleDescription) []started {
	var campaigns []started
	for _, action := range schedule.Info.RecentActions {
		if run := action.StartWorkflowResult; run != nil {
			campaigns = append(campaigns, started{WorkflowID: run.WorkflowID, RunID: run.FirstExecutionRunID})
		}
	}
	return campaigns
}
