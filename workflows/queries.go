package workflows

import (
	"fmt"
	"time"
)

// Queries of Temporal's visibility, for the views of its UI.
const (
	// QueryRunning: what was started and is not over. Shards and leases stand in their parents.
	QueryRunning = `ExecutionStatus="Running" AND WorkflowType IN ("EvalWorkflow", "CampaignWorkflow")`
	// QueryWaiting: evals that wait for a slot, or for a provider that is full.
	QueryWaiting = `ExecutionStatus="Running" AND WorkflowType="EvalWorkflow" AND ` + AttributeState + ` IN ("` + StateWaiting + `", "` + StateCapacity + `")`
	// QueryLeaked: sandboxes that their eval did not remove and that nobody has proven gone yet.
	QueryLeaked = `ExecutionStatus="Running" AND WorkflowType="SandboxLease" AND ` + AttributeState + `="` + StateRemoving + `"`
)

// QueryFailed is what ended since then without success: evals that failed or have no score, campaigns that did not pass, and
// whatever Temporal itself calls a failure. Templates are on a queue of their own.
func QueryFailed(since time.Time) string {
	return fmt.Sprintf(`CloseTime > %q AND TaskQueue=%q AND WorkflowType IN ("EvalWorkflow", "CampaignWorkflow") AND `+
		`(ExecutionStatus IN ("Failed", "TimedOut", "Terminated") OR `+AttributeState+` IN ("failed", "inconclusive", `+
		`"infra_error", "user_error", "limit_error", "scorer_error", "ambiguous_error"))`,
		since.UTC().Format(time.RFC3339), TaskQueue)
}

// QueryWaitingForCapacity are a campaign's evals that wait for a provider that is full.
func QueryWaitingForCapacity(campaign string) string {
	return fmt.Sprintf(`ExecutionStatus="Running" AND WorkflowType="EvalWorkflow" AND %s=%q AND %s=%q`,
		AttributeCampaign, campaign, AttributeState, StateCapacity)
}
