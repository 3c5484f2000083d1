package main

import (
	"context"
	"errors"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"go.temporal.io/api/serviceerror"
	"go.temporal.io/sdk/client"
)

func scheduleCommand(term *terminal) *cobra.Command {
	return group("schedule", "Start campaigns at set times",
		scheduleCreateCommand(term), scheduleUpdateCommand(term), scheduleListCommand(term), scheduleDescribeCommand(term),
		scheduleTriggerCommand(term), scheduleBackfillCommand(term), schedulePauseCommand(term, true), schedulePauseCommand(term, false),
		scheduleDeleteCommand(term))
}

// scheduleID is the schedule of a name; the prefix tells campaigns' schedules from the reaper's and others'.
func scheduleID(name string) string {
	return scheduleIDPrefix + strings.TrimPrefix(name, scheduleIDPrefix)
}

const scheduleIDPrefix = "campaign-schedule/"

// withSchedule connects, acts on the schedule of a name, and explains an unknown one.
func withSchedule(ctx context.Context, term *terminal, name string, act func(client.ScheduleHandle) error) error {
	target, err := loadDeployment(term)
	if err != nil {
		return err
	}
	temporalClient, err := dialTemporal(ctx, target)
	if err != nil {
		return err
	}
	defer temporalClient.Close()
	err = act(temporalClient.ScheduleClient().GetHandle(ctx, scheduleID(name)))
	var missing *serviceerror.NotFound
	if errors.As(err, &missing) {
		return unknownSchedule(ctx, temporalClient, name)
	}
	return err
}

// scheduleLine is one element of `schedule list -o json`.
type scheduleLine struct {
	ID     string    `json:"id"`
	Paused bool      `json:"paused"`
	Note   string    `json:"note"`
	Next   time.Time `json:"next,omitzero"`
}

func scheduleListCommand(term *terminal) *cobra.Command {
	return &cobra.Command{
		Use:   "list",
		Short: "List the schedules of campaigns",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return listSchedules(cmd.Context(), term)
		},
	}
}

func listSchedules(ctx context.Context, term *terminal) error {
	target, err := loadDeployment(term)
	if err != nil {
		return err
	}
	temporalClient, err := dialTemporal(ctx, target)
	if err != nil {
		return err
	}
	defer temporalClient.Close()
	lines, err := readSchedules(ctx, temporalClient)
	if err != nil {
		return err
	}
	if term.wantsJSON() {
		return term.printJSON(orEmpty(lines))
	}
	table := newTable(term, "ID", "PAUSED", "NEXT", "NOTE")
	for _, line := range lines {
		table.row(line.ID, line.Paused, shortTime(line.Next), line.Note)
	}
	table.print()
	return nil
}

func readSchedules(ctx context.Context, temporalClient client.Client) ([]scheduleLine, error) {
	found, err := temporalClient.ScheduleClient().List(ctx, client.ScheduleListOptions{PageSize: 100})
	if err != nil {
		return nil, err
	}
	var lines []scheduleLine
	for found.HasNext() && len(lines) < maxListed {
		entry, err := found.Next()
		if err != nil {
			return nil, err
		}
		if !strings.HasPrefix(entry.ID, scheduleIDPrefix) {
			continue
		}
		line := scheduleLine{ID: entry.ID, Paused: entry.Paused, Note: entry.Note}
		if len(entry.NextActionTimes) > 0 {
			line.Next = entry.NextActionTimes[0]
		}
		lines = append(lines, line)
	}
	return lines, nil
}

// unknownSchedule names what there is instead.
func unknownSchedule(ctx context.Context, temporalClient client.Client, name string) error {
	lines, err := readSchedules(ctx, temporalClient)
	if err != nil {
		return err
	}
	var known []string
	for _, line := range lines {
		known = append(known, strings.TrimPrefix(line.ID, scheduleIDPrefix))
	}
	hint := "make one with: starter schedule create"
	if len(known) > 0 {
		hint = knownNames("schedules", known)
	}
	return &UsageError{Problem: "no schedule " + name, Hint: hint}
}
