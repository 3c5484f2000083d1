// Package workflows holds Pitwall's durable programs. They decide; activities act.
//
//	CampaignWorkflow ─> ShardWorkflow ─> EvalWorkflow ─> SandboxLease
//	ReaperWorkflow (on a schedule)
//
// An eval's life, one attempt:
//
//	plan ─> acquire slot ─> claim (start SandboxLease; its ID is the slot) ─> create ─> upload ─> run ─> download
//	     ─> remove, with proof ─> score ─> result.json
//
// Whatever happens after the claim, the lease ends only when the sandbox is proven gone, so a slot is taken exactly as
// long as a sandbox may live. The eval removes its own sandbox in every case in which its code still runs; the lease
// does it in all others (terminate, run timeout, deadline).
//
// Code here is deterministic: it is checked by workflowcheck and by replaying recorded histories.
package workflows
