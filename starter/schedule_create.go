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
	// given says whether a flag stands on the command line: an update keeps what is not said.
	given func(flag string) bool
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
	t.given = flags.Changed
}

// check finds what Temporal would refuse with less to say.
func (t *timing) check(create bool) error {
	_, known := overlaps()[t.overlap]
	switch {
	case create && len(t.crons) == 0:
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

// ownNote begins the note of a schedule that was given none.
const ownNote = "starts "

// change puts what was said in the place of what a schedule has.
func (t *timing) change(schedule *client.Schedule) {
	when, policy, state := *schedule.Spec, *schedule.Policy, *schedule.State
	setIf(t.given("time-zone"), &when.TimeZoneName, t.timeZone)
	setIf(t.given("jitter"), &when.Jitter, t.jitter)
	if t.given("cron") {
		when.CronExpressions, when.Calendars, when.Intervals = t.crons, nil, nil
	}
	setIf(t.given("overlap"), &policy.Overlap, overlaps()[t.overlap])
	setIf(t.given("catch-up-window"), &policy.CatchupWindow, t.catchupWindow)
	setIf(t.given("pause-on-failure"), &policy.PauseOnFailure, t.pauseOnFailure)
	setIf(t.given("note") || strings.HasPrefix(state.Note, ownNote), &state.Note, t.note)
	schedule.Spec, schedule.Policy, schedule.State = &when, &policy, &state
}

// setIf sets a field that something was said of.
func setIf[T any](said bool, field *T, value T) {
	if said {
		*field = value
	}
}

func scheduleCreateCommand(term *terminal) *cobra.Command {
	return scheduleWriteCommand(term, &cobra.Command{
		Use:   "create FILE",
		Short: "Start a campaign's file at set times; each start is a campaign of its own",
		Long: `Start a campaign's file at set times. Each start is a campaign of its own, <name>-<time>. Local files are uploaded
now, so every night runs the same bytes; a URI with {date} is resolved each time.`,
		Example: `  starter schedule create nightly.yaml --name nightly --cron "0 3 * * *" --time-zone Europe/Berlin --jitter 10m`,
	}, true, createSchedule)
}

func scheduleUpdateCommand(term *terminal) *cobra.Command {
	return scheduleWriteCommand(term, &cobra.Command{
		Use:     "update FILE",
		Short:   "Replace what a schedule starts; flags that are not given keep what they were, and it stays paused if it is",
		Example: `  starter schedule update nightly.yaml --name nightly --cron "0 4 * * *"`,
	}, false, updateSchedule)
}

// scheduleWriteCommand reads the campaign and the timing, which create and update have in common.
func scheduleWriteCommand(term *terminal, cmd *cobra.Command, create bool, write writeFunc) *cobra.Command {
	var options campaignOptions
	var when timing
	cmd.Args = exactly("FILE")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		if err := when.check(create); err != nil {
			return err
		}
		return writeSchedule(cmd.Context(), term, args[0], options, when, write)
	}
	options.bind(cmd)
	when.bind(cmd.Flags())
	return cmd
}

// writeFunc writes a schedule, and says what then stands.
type writeFunc func(context.Context, client.Client, schedule) (scheduleLine, error)

// schedule is one that is to be written.
type schedule struct {
	name  string
	input spec.CampaignInput
	when  timing
}

func writeSchedule(ctx context.Context, term *terminal, file string, options campaignOptions, when timing, write writeFunc) error {
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
	name, err := scheduledName(source, options)
	if err != nil {
		return err
	}
	if input, err = uploadInputs(ctx, target, input); err != nil {
		return err
	}
	input.Name = "" // each start is named by its workflow ID, which Temporal ends in the time
	if when.note == "" {
		when.note = ownNote + file
	}
	temporalClient, err := dialTemporal(ctx, target)
	if err != nil {
		return err
	}
	defer temporalClient.Close()
	line, err := write(ctx, temporalClient, schedule{name, input, when})
	var refused *serviceerror.InvalidArgument
	if errors.As(err, &refused) {
		return &UsageError{Problem: "Temporal refuses the schedule", Err: err, Hint: `a cron expression is such as "0 3 * * *", a time zone such as Europe/Berlin`}
	}
	if err != nil {
		return err
	}
	if term.wantsJSON() {
		return term.printJSON(line)
	}
	term.printf("%s\n", line.ID)
	return nil
}

func createSchedule(ctx context.Context, temporalClient client.Client, wanted schedule) (scheduleLine, error) {
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
		err = &UsageError{
			Problem: "a schedule named " + wanted.name + " exists",
			Hint:    "choose another --name, or change it with: starter schedule update FILE --name " + wanted.name,
		}
	}
	return scheduleLine{ID: scheduleID(wanted.name), Note: wanted.when.note}, err
}

func updateSchedule(ctx context.Context, temporalClient client.Client, wanted schedule) (scheduleLine, error) {
	line := scheduleLine{ID: scheduleID(wanted.name)}
	handle := temporalClient.ScheduleClient().GetHandle(ctx, scheduleID(wanted.name))
	err := handle.Update(ctx, client.ScheduleUpdateOptions{DoUpdate: func(in client.ScheduleUpdateInput) (*client.ScheduleUpdate, error) {
		changed := in.Description.Schedule
		changed.Action = scheduledStart(wanted.name, wanted.input)
		wanted.when.change(&changed)
		line.Paused, line.Note = changed.State.Paused, changed.State.Note
		return &client.ScheduleUpdate{Schedule: &changed}, nil
	}})
	var missing *serviceerror.NotFound
	if errors.As(err, &missing) {
		return line, unknownSchedule(ctx, temporalClient, wanted.name)
	}
	return line, err
}

func scheduledStart(name string, input spec.CampaignInput) *client.ScheduleWorkflowAction {
	return &client.ScheduleWorkflowAction{
		ID: workflows.CampaignID(name), Workflow: workflows.CampaignWorkflow, Args: []any{input}, TaskQueue: workflows.TaskQueue,
		StaticSummary: "campaign " + name + ", by schedule",
	}
}

// scheduledName is the file's own with all that overrides it, or that of the file. It must leave room for a night's time.
func scheduledName(source specFile, options campaignOptions) (string, error) {
	input, err := overridden(source, options)
	if err != nil {
		return "", source.named(err)
	}
	name := input.Name
	if name == "" {
		name = source.base()
	}
	input.Name = workflows.CampaignOf(workflows.CampaignID(name) + "-2006-01-02T15:04:05Z")
	if err := input.WithDefaults(spec.Defaults{}).Validate(); err != nil {
		return "", &UsageError{
			Problem: fmt.Sprintf("a schedule cannot be named %s: its campaigns would be called %s", name, input.Name),
			Hint:    "give it a --name of at most 45 letters, digits, dots, dashes and underscores",
		}
	}
	return name, nil
}
