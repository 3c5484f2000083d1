package main

import (
	"errors"
	"fmt"
	"time"

	"github.com/spf13/cobra"
	"go.temporal.io/api/enums/v1"
	"go.temporal.io/sdk/client"
)

// scheduleDone is what the commands print that change a schedule.
type scheduleDone struct {
	ID string `json:"id"`
}

// scheduleActCommand does one thing to a schedule and says so.
func scheduleActCommand(term *terminal, use, short, done string, act func(*cobra.Command, client.ScheduleHandle) error) *cobra.Command {
	return &cobra.Command{
		Use:   use + " NAME",
		Short: short,
		Args:  exactly("NAME"),
		RunE: func(cmd *cobra.Command, args []string) error {
			return withSchedule(cmd.Context(), term, args[0], func(handle client.ScheduleHandle) error {
				err := act(cmd, handle)
				var usage *UsageError
				if errors.As(err, &usage) {
					return usage
				}
				if err != nil {
					return fmt.Errorf("%s %s: %w", use, handle.GetID(), err)
				}
				if term.wantsJSON() {
					return term.printJSON(scheduleDone{ID: handle.GetID()})
				}
				term.note("%s %s", handle.GetID(), done)
				return nil
			})
		},
	}
}

func schedulePauseCommand(term *terminal, pause bool) *cobra.Command {
	var note string
	use, short, done := "unpause", "Let a schedule start campaigns again", "starts campaigns again"
	if pause {
		use, short, done = "pause", "Let a schedule start nothing until it is unpaused; what runs goes on", "is paused"
	}
	cmd := scheduleActCommand(term, use, short, done, func(cmd *cobra.Command, handle client.ScheduleHandle) error {
		if note == "" { // of the SDK that would be a note of its own in the place of the schedule's
			described, err := handle.Describe(cmd.Context())
			if err != nil {
				return err
			}
			if state := described.Schedule.State; state != nil {
				note = state.Note
			}
		}
		if pause {
			return handle.Pause(cmd.Context(), client.SchedulePauseOptions{Note: note})
		}
		return handle.Unpause(cmd.Context(), client.ScheduleUnpauseOptions{Note: note})
	})
	cmd.Flags().StringVar(&note, "note", "", "why, for people (default: the note that it has)")
	return cmd
}

// maxBackfill bounds the span of a backfill: a schedule of every minute would start 44,640 campaigns a month.
const maxBackfill = 31 * 24 * time.Hour

func scheduleBackfillCommand(term *terminal) *cobra.Command {
	var from, to string
	cmd := scheduleActCommand(term, "backfill", "Start the campaigns of past times, one after the other", "starts those of the past", func(cmd *cobra.Command, handle client.ScheduleHandle) error {
		span, err := backfillSpan(from, to)
		if err != nil {
			return err
		}
		return handle.Backfill(cmd.Context(), client.ScheduleBackfillOptions{Backfill: []client.ScheduleBackfill{span}})
	})
	cmd.Example = "  starter schedule backfill nightly --from 2026-11-20T00:00:00Z --to 2026-11-23T00:00:00Z"
	cmd.Flags().StringVar(&from, "from", "", "first `time`, RFC 3339")
	cmd.Flags().StringVar(&to, "to", "", "last `time`, RFC 3339; at most 31 days later")
	return cmd
}

func backfillSpan(from, to string) (client.ScheduleBackfill, error) {
	start, errFrom := time.Parse(time.RFC3339, from)
	end, errTo := time.Parse(time.RFC3339, to)
	if errFrom != nil || errTo != nil || !end.After(start) || end.Sub(start) > maxBackfill {
		return client.ScheduleBackfill{}, &UsageError{
			Problem: "--from and --to are no span of at most 31 days", Hint: "such as --from 2026-11-20T00:00:00Z --to 2026-11-23T00:00:00Z",
		}
	}
	if end.After(time.Now()) { // Temporal would start those now, and not again when their time has come
		return client.ScheduleBackfill{}, &UsageError{Problem: "--to " + to + " has not come yet", Hint: "a backfill is of past times; one campaign now is: starter schedule trigger"}
	}
	return client.ScheduleBackfill{Start: start, End: end, Overlap: enums.SCHEDULE_OVERLAP_POLICY_BUFFER_ALL}, nil
}

func scheduleDeleteCommand(term *terminal) *cobra.Command {
	return scheduleActCommand(term, "delete", "Delete a schedule; campaigns that it started go on", "is deleted", func(cmd *cobra.Command, handle client.ScheduleHandle) error {
		return handle.Delete(cmd.Context())
	})
}
