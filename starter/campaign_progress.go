package main

import (
	"context"
	"fmt"
	"strings"
	"time"

	"go.temporal.io/sdk/client"

	"pitwall/workflows"
)

// showCampaignProgress shows a campaign's counts on one line of the terminal until ctx ends.
func showCampaignProgress(ctx context.Context, term *terminal, temporal client.Client, running client.WorkflowRun) {
	if !term.showsProgress() {
		return
	}
	line := newStatusLine(term)
	defer line.clear()
	began := time.Now()
	for poll(ctx, progressEvery) {
		progress, err := askProgress(ctx, temporal, running)
		if err != nil {
			continue // not started yet, or no worker: the line keeps its last word
		}
		line.show(progressText(progress, time.Since(began)))
	}
}

// askProgress asks a campaign, and the shard that it runs, which counts for itself.
func askProgress(ctx context.Context, temporal client.Client, running client.WorkflowRun) (workflows.CampaignProgress, error) {
	var progress, shard workflows.CampaignProgress
	if err := query(ctx, temporal, running, &progress); err != nil {
		return progress, err
	}
	if progress.Shard == "" {
		return progress, nil
	}
	// A shard that cannot be asked just then adds nothing: shard is zero.
	_ = query(ctx, temporal, temporal.GetWorkflow(ctx, progress.Shard, ""), &shard)
	return progress.Add(shard), nil
}

// progressText is one line; elapsed 0 is left out.
func progressText(progress workflows.CampaignProgress, elapsed time.Duration) string {
	if progress.Total == 0 {
		return progress.Phase + " …"
	}
	text := fmt.Sprintf("%s %s %d/%d · %d passed · %d failed", progress.Phase, bar(progress.Finished, progress.Total),
		progress.Finished, progress.Total, progress.Passed, progress.Failed)
	if progress.Errors > 0 {
		text += fmt.Sprintf(" · %d without a score", progress.Errors)
	}
	if running := progress.Started - progress.Finished; running > 0 {
		text += fmt.Sprintf(" · %d under way", running)
	}
	if held := heldText(progress); held != "" {
		text += " · " + held
	}
	if elapsed > 0 {
		text += " · " + elapsed.Round(time.Second).String()
	}
	return text
}

func bar(done, total int) string {
	const width = 20
	full := min(width, done*width/max(total, 1))
	return "[" + strings.Repeat("=", full) + strings.Repeat(" ", width-full) + "]"
}
