package main

import (
	"context"
	"time"

	"github.com/spf13/cobra"
	"go.temporal.io/sdk/client"
)

// scheduleDescription is what `schedule describe -o json` prints.
type scheduleDescription struct {
	ID             string        `json:"id"`
	Paused         bool          `json:"paused"`
	Note           string        `json:"note"`
	TimeZone       string        `json:"time_zone"`
	Jitter         string        `json:"jitter"`
	Overlap        string        `json:"overlap"`
	CatchupWindow  string        `json:"catch_up_window"`
	PauseOnFailure bool          `json:"pause_on_failure"`
	Next           []time.Time   `json:"next"`
	Recent         []recentStart `json:"recent"`
	// Started, Missed and Skipped count campaigns: those that overlapped were skipped.
	Started int `json:"n_started"`
	Missed  int `json:"n_missed"`
	Skipped int `json:"n_skipped"`
}

// recentStart is one of the latest starts.
type recentStart struct {
	ScheduledAt time.Time `json:"scheduled_at"`
	StartedAt   time.Time `json:"started_at"`
	WorkflowID  string    `json:"workflow_id"`
}

func scheduleDescribeCommand(term *terminal) *cobra.Command {
	return &cobra.Command{
		Use:   "describe NAME",
		Short: "Show a schedule with its next and latest starts",
		Args:  exactly("NAME"),
		RunE: func(cmd *cobra.Command, args []string) error {
			ctx := cmd.Context()
			return withSchedule(ctx, term, args[0], func(handle client.ScheduleHandle) error { return describeSchedule(ctx, term, handle) })
		},
	}
}

func describeSchedule(ctx context.Context, term *terminal, handle client.ScheduleHandle) error {
	found, err := handle.Describe(ctx)
	if err != nil {
		return err
	}
	described := describedSchedule(handle.GetID(), found)
	if term.wantsJSON() {
		return term.printJSON(described)
	}
	term.printf("%s\n", visible(described.ID))
	term.printf("  note      %s\n", visible(described.Note))
	term.printf("  paused    %t\n", described.Paused)
	term.printf("  zone      %s, jitter %s, overlap %s, catch-up %s\n", described.TimeZone, described.Jitter, described.Overlap, described.CatchupWindow)
	term.printf("  so far    %d started, %d skipped for overlap, %d missed\n", described.Started, described.Skipped, described.Missed)
	for _, next := range described.Next {
		term.printf("  next      %s\n", next.Format(time.RFC3339))
	}
	for _, recent := range described.Recent {
		term.printf("  started   %s  %s\n", recent.StartedAt.Format(time.RFC3339), visible(recent.WorkflowID))
	}
	return nil
}

func describedSchedule(id string, found *client.ScheduleDescription) scheduleDescription {
	described := scheduleDescription{
		ID: id, Next: orEmpty(found.Info.NextActionTimes), Recent: []recentStart{},
		Started: found.Info.NumActions, Missed: found.Info.NumActionsMissedCatchupWindow, Skipped: found.Info.NumActionsSkippedOverlap,
	}
	if state := found.Schedule.State; state != nil {
		described.Paused, described.Note = state.Paused, state.Note
	}
	if when := found.Schedule.Spec; when != nil {
		described.TimeZone, described.Jitter = when.TimeZoneName, when.Jitter.String()
	}
	if policy := found.Schedule.Policy; policy != nil {
		described.CatchupWindow, described.PauseOnFailure = policy.CatchupWindow.String(), policy.PauseOnFailure
		for name, overlap := range overlaps() {
			if overlap == policy.Overlap {
				described.Overlap = name
			}
		}
	}
	for _, start := range found.Info.RecentActions {
		recent := recentStart{ScheduledAt: start.ScheduleTime, StartedAt: start.ActualTime}
		if start.StartWorkflowResult != nil {
			recent.WorkflowID = start.StartWorkflowResult.WorkflowID
		}
		described.Recent = append(described.Recent, recent)
	}
	return described
}
