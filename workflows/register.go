package workflows

import "go.temporal.io/sdk/worker"

// Register registers every workflow. The cleanup queue needs only the reaper: RegisterCleanup.
func Register(r worker.WorkflowRegistry) {
	r.RegisterWorkflow(EvalWorkflow)
	r.RegisterWorkflow(SandboxLease)
	r.RegisterWorkflow(CampaignWorkflow)
	r.RegisterWorkflow(ShardWorkflow)
	r.RegisterWorkflow(ReaperWorkflow)
}

// RegisterCleanup registers what the cleanup queue serves.
func RegisterCleanup(r worker.WorkflowRegistry) { r.RegisterWorkflow(ReaperWorkflow) }
