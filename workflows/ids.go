package workflows

import (
	"strconv"

	"pitwall/internal/artifact"
	"pitwall/internal/spec"
)

// Task queues. Removal has a queue of its own, so that it never waits behind long jobs.
const (
	// TaskQueue serves workflow tasks and short activities.
	TaskQueue = "pitwall"
	// JobsQueue serves the activities that hold a worker for as long as a job runs.
	JobsQueue = "pitwall-jobs"
	// CleanupQueue serves removal and the reaper.
	CleanupQueue = "pitwall-cleanup"
)

// SlotsQueue serves AcquireSlot for one provider account: the waiting line for its slots.
func SlotsQueue(account string) string { return "pitwall-slots/" + account }

// Queries.
const (
	// ProgressQuery of a campaign returns CampaignProgress, of an eval EvalProgress.
	ProgressQuery = "progress"
)

// ReaperScheduleID is the schedule that the worker creates when it is missing; ReaperID is its workflow.
const (
	ReaperScheduleID = "pitwall-reaper"
	ReaperID         = "pitwall-reaper"
)

// RetentionScheduleID is the schedule by which expired records are removed; RetentionID is its workflow.
const (
	RetentionScheduleID = "pitwall-retention"
	RetentionID         = "pitwall-retention"
)

// TraceRoots are the workflow types whose runs are traces of their own: no trace holds more than an eval, or the starts of
// one shard's.
func TraceRoots() []string { return []string{"EvalWorkflow", "ShardWorkflow"} }

// CampaignID is the workflow ID of a campaign.
func CampaignID(campaign string) string { return "campaign/" + campaign }

// ShardID is the workflow ID of a campaign's shard, 0-based.
func ShardID(campaign string, shard int) string {
	return ShardPrefix(campaign) + strconv.Itoa(shard)
}

// ShardPrefix is what the workflow IDs of a campaign's shards begin with; those of its parts' begin so, too.
func ShardPrefix(campaign string) string { return "shard/" + campaign + "/" }

// EvalID is the workflow ID of a trial: eval/<campaign>/<sample>/<epoch>, and /r<n> in retry n.
func EvalID(trial spec.Trial) string {
	id := "eval/" + trial.Campaign + "/" + artifact.EscapeName(trial.Sample) + "/" + strconv.Itoa(trial.Epoch)
	if trial.Retry > 0 {
		id += "/r" + strconv.Itoa(trial.Retry)
	}
	return id
}
