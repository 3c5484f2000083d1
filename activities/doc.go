// Package activities holds every side effect of Pitwall's workflows, as small structs by resource whose fields are
// their dependencies:
//
//	Planning   PlanEval                                       resolves defaults, refuses bad input
//	Slots      AcquireSlot                                    waits, fairly, for a free slot
//	Sandboxes  CreateSandbox, RemoveSandbox, GuardSandbox     the provider's lifecycle, with proof
//	Jobs       UploadInputs, RunJob, DownloadArtifacts        one job in one sandbox
//	Scoring    ScoreJob, ScoreCommand                         the judge
//	Results    WriteResult                                    result.json
//	Campaigns  PrepareCampaign, ListTrials, AssembleResults   datasets and rows
//	Retaining  RemoveExpired                                  what is over in the store
//	Telling    TellCampaign                                   the operator's webhook
//	Reaping    ReapSandboxes, AuditLeases                     the net under the nets
//
// Activities run at least once: each is safe to repeat, at any point, also beside an older attempt of itself that is
// still alive. Errors that a workflow branches on carry one of the types in errors.go; payloads are references.
package activities
