package main

import (
	"context"
	"fmt"
	"strings"
	"time"

	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/client"

	"pitwall/internal/stats"
	"pitwall/workflows"
)

// followLineEvery is how often lines are written where there is no terminal to draw on.
const followLineEvery = 10 * time.Second

// followCampaign draws a campaign's live view until ctx ends; without a terminal it writes a line now and then.
func followCampaign(ctx context.Context, term *terminal, temporal client.Client, running client.WorkflowRun) {
	draws := term.showsProgress()
	began := time.Now()
	drawn, first, said := 0, -1, time.Time{}
	for poll(ctx, progressEvery) {
		progress, err := askProgress(ctx, temporal, running)
		if err != nil {
			continue // not started yet, or no worker: what is drawn stays
		}
		if first < 0 {
			first = progress.Finished
		}
		if draws {
			lines := followView(progress, progress.Finished-first, time.Since(began), leases(ctx, temporal))
			for i, width := 0, newStatusLine(term).width(); i < len(lines); i++ {
				lines[i] = clipRunes(lines[i], width-1) // a wrapped line cannot be written over
			}
			fmt.Fprint(term.err, above(drawn), strings.Join(lines, "\x1b[K\n"), "\x1b[K\n\x1b[J")
			drawn = len(lines)
		} else if time.Since(said) >= followLineEvery {
			said = time.Now()
			term.note("%s", progressText(progress, time.Since(began)))
		}
	}
	if draws {
		fmt.Fprint(term.err, above(drawn), "\x1b[J")
	}
}

// above moves the cursor to the first of the lines that were drawn.
func above(lines int) string {
	if lines == 0 {
		return ""
	}
	return fmt.Sprintf("\x1b[%dA\r", lines)
}

// leases counts the slots in use, by whatever campaign; -1 when Temporal cannot say.
func leases(ctx context.Context, temporal client.Client) int64 {
	counted, err := temporal.CountWorkflow(ctx, &workflowservice.CountWorkflowExecutionsRequest{
		Query: `WorkflowType="SandboxLease" AND ExecutionStatus="Running"`,
	})
	if err != nil {
		return -1
	}
	return counted.Count
}

// followView are the lines of the live view. Ended trials were seen to end while watched, for the rate.
func followView(p workflows.CampaignProgress, ended int, watched time.Duration, slots int64) []string {
	lines := []string{progressText(p, watched)}
	add := func(label, format string, args ...any) {
		lines = append(lines, fmt.Sprintf("  %-13s", label)+clipRunes(strings.ReplaceAll(visible(fmt.Sprintf(format, args...)), "\n", `\n`), 100))
	}
	if rate := float64(ended) / watched.Seconds(); ended > 0 && watched > 0 {
		left := time.Duration(float64(p.Total-p.Finished) / rate * float64(time.Second))
		add("rate", "%.2f trials/s, about %s left", rate, left.Round(time.Second))
	}
	if n := p.Passed + p.Failed; n > 0 {
		rate := float64(p.Passed) / float64(n)
		if interval, ok := stats.Wilson(rate, float64(n)); ok {
			add("pass rate", "%.3f (95 %%: %.3f to %.3f) of %d scored", rate, interval.Low, interval.High, n)
		}
	}
	if slots >= 0 {
		add("slots in use", "%d, by all campaigns", slots)
	}
	if p.Breaker != "" {
		add("breaker", "%s", p.Breaker)
	}
	for _, slow := range p.Slowest {
		add("slow", "%s: %s", slow.Trial, millis(slow.DurationMS))
	}
	for _, name := range p.LastFailed {
		add("failed", "%s", name)
	}
	for _, name := range p.LastErrors {
		add("no score", "%s", name)
	}
	return lines
}

func clipRunes(text string, most int) string {
	if runes := []rune(text); len(runes) > most {
		return string(runes[:most-1]) + "…"
	}
	return text
}
