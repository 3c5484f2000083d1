package workflows

import "go.temporal.io/sdk/workflow"

// SignalShardCounts carries the ShardResult so far from a shard to its campaign, for the UI alone: the counts that stand
// are those that the shard returns.
const SignalShardCounts = "shard-counts"

// maxReports bounds the reports to a campaign, whatever its size: each costs its history 4 events.
const maxReports = 100

// reportEvery is how many ends of evals lie between two reports in a campaign of so many trials.
func reportEvery(trials int) int { return max(1, (trials+maxReports-1)/maxReports) }

// report tells the campaign how far the shard is. A campaign that is over hears nothing, and nothing depends on it.
func (s *shard) report(ctx workflow.Context) {
	if s.in.ReportEvery == 0 || s.counts.Finished%s.in.ReportEvery != 0 {
		return
	}
	if campaign := workflow.GetInfo(ctx).ParentWorkflowExecution; campaign != nil {
		workflow.SignalExternalWorkflow(ctx, campaign.ID, "", SignalShardCounts, s.counts)
	}
}

// hearShards takes the reports of the running shard.
func (c *campaign) hearShards(ctx workflow.Context) {
	detached, _ := workflow.NewDisconnectedContext(ctx)
	reports := workflow.GetSignalChannel(ctx, SignalShardCounts)
	workflow.Go(detached, func(ctx workflow.Context) {
		for {
			var counts ShardResult
			reports.Receive(ctx, &counts)
			if c.progress.Shard != "" { // a late one of a shard that has returned its counts
				c.live = counts
			}
		}
	})
}

// details are what the UI shows of a campaign.
func (c *campaign) details() string {
	var t table
	t.row("campaign", "%s", c.id)
	t.row("phase", "%s", c.progress.Phase)
	if c.progress.Shard != "" {
		t.row("shard", "%s, of %d", c.progress.Shard, len(c.prepared.ShardOffsets))
	}
	shown := c.progress
	shown.add(c.live.Counts)
	t.showCounts(shown)
	t.showHeld(shown)
	return t.markdown()
}

// details are what the UI shows of a shard.
func (s *shard) details() string {
	var t table
	t.row("campaign", "%s", s.in.Campaign)
	var shown CampaignProgress
	shown.add(s.counts.Counts)
	t.showCounts(shown)
	s.describe(&shown)
	t.showHeld(shown)
	return t.markdown()
}
