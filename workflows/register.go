package workflows

import "go.temporal.io/sdk/worker"

// Register registers every workflow. The cleanup queue needs only what RegisterCleanup does.
func Register(r worker.WorkflowRegistry) {
	r.RegisterWorkflow(EvalWorkflow)
	r.RegisterWorkflow(SandboxLease)
	r.RegisterWorkflow(CampaignWorkflow)
	r.RegisterWorkflow(ShardWorkflow)
	RegisterCleanup(r)
}

// RegisterCleanup registers what the cleanup queue serves.
func RegisterCleanup(r worker.WorkflowRegistry) {
	r.RegisterWorkflow(ReaperWorkflow)
	r.RegisterWorkflow(RetentionWorkflow)
}
