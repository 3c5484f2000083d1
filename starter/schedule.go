package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"go.temporal.io/api/enums/v1"
	"go.temporal.io/api/serviceerror"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/temporal"

	"pitwall/internal/spec"
	"pitwall/workflows"
)

func scheduleCommand(term *terminal) *cobra.Command {
	return group("schedule", "Start campaigns at set times",
		scheduleCreateCommand(term), scheduleListCommand(term), scheduleDeleteCommand(term))
}

// scheduleID is the schedule of a name; the prefix tells campaigns' schedules from the reaper's and others'.
func scheduleID(name string) string {
	return scheduleIDPrefix + strings.TrimPrefix(name, scheduleIDPrefix)
}

const scheduleIDPrefix = "campaign-schedule/"

func scheduleCreateCommand(term *terminal) *cobra.Command {
	var options campaignOptions
	var crons []string
	var timeZone string
	cmd := &cobra.Command{
		Use:   "create FILE",
		Short: "Start a campaign's file at set times; each start is a campaign of its own",
		Long: `Start a campaign's file at set times. Each start is a campaign of its own, <name>-<time>. Local files are uploaded
now, so every night runs the same bytes; a URI with {date} is resolved each time.`,
		Example: `  starter schedule create nightly.yaml --name nightly --cron "0 3 * * *" --time-zone Europe/Berlin`,
		Args:    exactly("FILE"),
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(crons) == 0 {
				return &UsageError{Problem: "when? no --cron was given", Hint: `such as --cron "0 3 * * *"`}
			}
			return createSchedule(cmd.Context(), term, args[0], options, client.ScheduleSpec{CronExpressions: crons, TimeZoneName: timeZone})
		},
	}
	options.bind(cmd)
	cmd.Flags().StringArrayVar(&crons, "cron", nil, "cron `expression`, such as \"0 3 * * *\"; repeatable")
	cmd.Flags().StringVar(&timeZone, "time-zone", "UTC", "IANA time zone of the cron expressions")
	return cmd
}

// scheduleLine is one element of `schedule list -o json`.
type scheduleLine struct {
	ID     string    `json:"id"`
	Paused bool      `json:"paused"`
	Note   string    `json:"note"`
	Next   time.Time `json:"next,omitzero"`
}

func createSchedule(ctx context.Context, term *terminal, file string, options campaignOptions, when client.ScheduleSpec) error {
	target, err := loadDeployment(term)
	if err != nil {
		return err
	}
	source, input, err := readCampaign(term, file, options)
	if err != nil {
		return err
	}
	name := scheduledName(source, options)
	if _, err := planCampaign(ctx, input, target.withoutPolicy()); err != nil {
		return source.named(err)
	}
	if input, err = uploadInputs(ctx, target, input); err != nil {
		return err
	}
	input.Name = "" // each start is named by its workflow ID, which Temporal ends in the time
	temporalClient, err := dialTemporal(ctx, target)
	if err != nil {
		return err
	}
	defer temporalClient.Close()
	_, err = temporalClient.ScheduleClient().Create(ctx, client.ScheduleOptions{
		ID:      scheduleID(name),
		Spec:    when,
		Action:  scheduledStart(name, input),
		Overlap: enums.SCHEDULE_OVERLAP_POLICY_SKIP,
		Note:    "starts " + file,
	})
	if errors.Is(err, temporal.ErrScheduleAlreadyRunning) {
		return &UsageError{Problem: "a schedule named " + name + " exists", Hint: "choose another --name, or delete it with: starter schedule delete " + name}
	}
	var refused *serviceerror.InvalidArgument
	if errors.As(err, &refused) {
		return &UsageError{Problem: "Temporal refuses the schedule", Err: err, Hint: `a cron expression is such as "0 3 * * *", a time zone such as Europe/Berlin`}
	}
	if err != nil {
		return err
	}
	if term.wantsJSON() {
		return term.printJSON(scheduleLine{ID: scheduleID(name), Note: "starts " + file})
	}
	term.printf("%s\n", scheduleID(name))
	return nil
}

func scheduledStart(name string, input spec.CampaignInput) *client.ScheduleWorkflowAction {
	return &client.ScheduleWorkflowAction{
		ID: workflows.CampaignID(name), Workflow: workflows.CampaignWorkflow, Args: []any{input}, TaskQueue: workflows.TaskQueue,
		StaticSummary: "campaign " + name + ", by schedule",
	}
}

// scheduledName is --name, the file's own name, or the file's.
func scheduledName(source specFile, options campaignOptions) string {
	if options.name != "" {
		return options.name
	}
	if input, err := spec.DecodeCampaign(source.data); err == nil && input.Name != "" {
		return input.Name
	}
	return source.base()
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

func scheduleDeleteCommand(term *terminal) *cobra.Command {
	return &cobra.Command{
		Use:   "delete NAME",
		Short: "Delete a schedule; campaigns that it started go on",
		Args:  exactly("NAME"),
		RunE: func(cmd *cobra.Command, args []string) error {
			return deleteSchedule(cmd.Context(), term, args[0])
		},
	}
}

// deletedSchedule is what `schedule delete -o json` prints.
type deletedSchedule struct {
	ID string `json:"id"`
}

func deleteSchedule(ctx context.Context, term *terminal, name string) error {
	target, err := loadDeployment(term)
	if err != nil {
		return err
	}
	temporalClient, err := dialTemporal(ctx, target)
	if err != nil {
		return err
	}
	defer temporalClient.Close()
	err = temporalClient.ScheduleClient().GetHandle(ctx, scheduleID(name)).Delete(ctx)
	var missing *serviceerror.NotFound
	if errors.As(err, &missing) {
		return unknownSchedule(ctx, temporalClient, name)
	}
	if err != nil {
		return fmt.Errorf("delete %s: %w", scheduleID(name), err)
	}
	if term.wantsJSON() {
		return term.printJSON(deletedSchedule{ID: scheduleID(name)})
	}
	term.note("%s is deleted", scheduleID(name))
	return nil
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
