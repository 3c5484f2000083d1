package main

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
	"go.temporal.io/api/enums/v1"
	"go.temporal.io/api/serviceerror"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/temporal"

	"pitwall/internal/spec"
	"pitwall/workflows"
)

// timing is when a schedule starts campaigns, and what it does where two meet.
type timing struct {
	crons          []string
	timeZone       string
	jitter         time.Duration
	overlap        string
	catchupWindow  time.Duration
	pauseOnFailure bool
	note           string
}

// overlaps are what may be done where a campaign's time comes while the one before still runs.
func overlaps() map[string]enums.ScheduleOverlapPolicy {
	return map[string]enums.ScheduleOverlapPolicy{
		"skip":            enums.SCHEDULE_OVERLAP_POLICY_SKIP,
		"buffer-one":      enums.SCHEDULE_OVERLAP_POLICY_BUFFER_ONE,
		"buffer-all":      enums.SCHEDULE_OVERLAP_POLICY_BUFFER_ALL,
		"cancel-other":    enums.SCHEDULE_OVERLAP_POLICY_CANCEL_OTHER,
		"terminate-other": enums.SCHEDULE_OVERLAP_POLICY_TERMINATE_OTHER,
		"allow-all":       enums.SCHEDULE_OVERLAP_POLICY_ALLOW_ALL,
	}
}

// defaultCatchup is how late a campaign may start that was missed while Temporal was down: a night.
const defaultCatchup = 12 * time.Hour

func (t *timing) bind(flags *pflag.FlagSet) {
	flags.StringArrayVar(&t.crons, "cron", nil, "cron `expression`, such as \"0 3 * * *\"; repeatable")
	flags.StringVar(&t.timeZone, "time-zone", "UTC", "IANA time zone of the cron expressions")
	flags.DurationVar(&t.jitter, "jitter", 0, "start up to so much later, at random")
	flags.StringVar(&t.overlap, "overlap", "buffer-one", "while the one before still runs: "+strings.Join(slices.Sorted(maps.Keys(overlaps())), ", "))
	flags.DurationVar(&t.catchupWindow, "catch-up-window", defaultCatchup, "how late one may start that was missed while Temporal was down")
	flags.BoolVar(&t.pauseOnFailure, "pause-on-failure", false, "pause when a campaign's workflow fails or times out; a verdict of FAIL is no such failure")
	flags.StringVar(&t.note, "note", "", "for people; default: which file it starts")
}

// check finds what Temporal would refuse with less to say.
func (t *timing) check() error {
	_, known := overlaps()[t.overlap]
	switch {
	case len(t.crons) == 0:
		return &UsageError{Problem: "when? no --cron was given", Hint: `such as --cron "0 3 * * *"`}
	case !known:
		return &UsageError{Problem: fmt.Sprintf("--overlap %q is not known", t.overlap), Hint: "choose of " + strings.Join(slices.Sorted(maps.Keys(overlaps())), ", ")}
	case t.jitter < 0 || t.catchupWindow < 10*time.Second:
		return &UsageError{Problem: "--jitter is 0 or more, --catch-up-window 10s or more"}
	}
	return nil
}

func (t *timing) spec() client.ScheduleSpec {
	return client.ScheduleSpec{CronExpressions: t.crons, TimeZoneName: t.timeZone, Jitter: t.jitter}
}

func scheduleCreateCommand(term *terminal) *cobra.Command {
	return scheduleWriteCommand(term, &cobra.Command{
		Use:   "create FILE",
		Short: "Start a campaign's file at set times; each start is a campaign of its own",
		Long: `Start a campaign's file at set times. Each start is a campaign of its own, <name>-<time>. Local files are uploaded
now, so every night runs the same bytes; a URI with {date} is resolved each time.`,
		Example: `  starter schedule create nightly.yaml --name nightly --cron "0 3 * * *" --time-zone Europe/Berlin --jitter 10m`,
	}, createSchedule)
}

func scheduleUpdateCommand(term *terminal) *cobra.Command {
	return scheduleWriteCommand(term, &cobra.Command{
		Use:     "update FILE",
		Short:   "Replace what a schedule starts, and when; it stays paused if it is",
		Example: `  starter schedule update nightly.yaml --name nightly --cron "0 4 * * *"`,
	}, updateSchedule)
}

// scheduleWriteCommand reads the campaign and the timing, which create and update have in common.
func scheduleWriteCommand(term *terminal, cmd *cobra.Command, write func(context.Context, client.Client, schedule) error) *cobra.Command {
	var options campaignOptions
	var when timing
	cmd.Args = exactly("FILE")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		if err := when.check(); err != nil {
			return err
		}
		return writeSchedule(cmd.Context(), term, args[0], options, when, write)
	}
	options.bind(cmd)
	when.bind(cmd.Flags())
	return cmd
}

// schedule is one that is to be written.
type schedule struct {
	name  string
	input spec.CampaignInput
	when  timing
}

func writeSchedule(
	ctx context.Context, term *terminal, file string, options campaignOptions, when timing, write func(context.Context, client.Client, schedule) error,
) error {
	target, err := loadDeployment(term)
	if err != nil {
		return err
	}
	source, input, err := readCampaign(term, file, options)
	if err != nil {
		return err
	}
	if _, err := planCampaign(ctx, input, target.withoutPolicy()); err != nil {
		return source.named(err)
	}
	if input, err = uploadInputs(ctx, target, input); err != nil {
		return err
	}
	input.Name = "" // each start is named by its workflow ID, which Temporal ends in the time
	if when.note == "" {
		when.note = "starts " + file
	}
	temporalClient, err := dialTemporal(ctx, target)
	if err != nil {
		return err
	}
	defer temporalClient.Close()
	name := scheduledName(source, options)
	err = write(ctx, temporalClient, schedule{name, input, when})
	var refused *serviceerror.InvalidArgument
	if errors.As(err, &refused) {
		return &UsageError{Problem: "Temporal refuses the schedule", Err: err, Hint: `a cron expression is such as "0 3 * * *", a time zone such as Europe/Berlin`}
	}
	if err != nil {
		return err
	}
	if term.wantsJSON() {
		return term.printJSON(scheduleLine{ID: scheduleID(name), Note: when.note})
	}
	term.printf("%s\n", scheduleID(name))
	return nil
}

func createSchedule(ctx context.Context, temporalClient client.Client, wanted schedule) error {
	_, err := temporalClient.ScheduleClient().Create(ctx, client.ScheduleOptions{
		ID:             scheduleID(wanted.name),
		Spec:           wanted.when.spec(),
		Action:         scheduledStart(wanted.name, wanted.input),
		Overlap:        overlaps()[wanted.when.overlap],
		CatchupWindow:  wanted.when.catchupWindow,
		PauseOnFailure: wanted.when.pauseOnFailure,
		Note:           wanted.when.note,
	})
	if errors.Is(err, temporal.ErrScheduleAlreadyRunning) {
		return &UsageError{
			Problem: "a schedule named " + wanted.name + " exists",
			Hint:    "choose another --name, or change it with: starter schedule update FILE --name " + wanted.name,
		}
	}
	return err
}

func updateSchedule(ctx context.Context, temporalClient client.Client, wanted schedule) error {
	handle := temporalClient.ScheduleClient().GetHandle(ctx, scheduleID(wanted.name))
	err := handle.Update(ctx, client.ScheduleUpdateOptions{DoUpdate: func(in client.ScheduleUpdateInput) (*client.ScheduleUpdate, error) {
		changed := in.Description.Schedule
		when := wanted.when.spec()
		changed.Spec, changed.Action = &when, scheduledStart(wanted.name, wanted.input)
		changed.Policy = &client.SchedulePolicies{
			Overlap: overlaps()[wanted.when.overlap], CatchupWindow: wanted.when.catchupWindow, PauseOnFailure: wanted.when.pauseOnFailure,
		}
		if changed.State != nil {
			changed.State.Note = wanted.when.note
		}
		return &client.ScheduleUpdate{Schedule: &changed}, nil
	}})
	var missing *serviceerror.NotFound
	if errors.As(err, &missing) {
		return unknownSchedule(ctx, temporalClient, wanted.name)
	}
	return err
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
