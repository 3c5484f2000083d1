package telemetry

// Names of log fields. A line about one of these things carries its field under this name, and no other.
const (
	FieldTime = "time"

	FieldCampaign      = "campaign"
	FieldSample        = "sample"
	FieldEpoch         = "epoch"
	FieldRetry         = "retry"
	FieldEvalID        = "eval_id"
	FieldRunID         = "run_id"
	FieldAttempt       = "attempt"
	FieldStep          = "step"
	FieldSessionID     = "session_id"
	FieldNegotiationID = "negotiation_id"

	FieldSandboxID   = "sandbox_id"
	FieldSandboxName = "sandbox_name"
	FieldSlot        = "slot"
	FieldLeaseID     = "lease_id"
	FieldLeaseRun    = "lease_run"
	FieldAccount     = "account"

	FieldTaskQueue = "task_queue"
	FieldNamespace = "namespace"
	FieldAddress   = "address"
	FieldStore     = "store"
	FieldKey       = "key"
	FieldURL       = "url"
	FieldBytes     = "bytes"
	FieldDuration  = "duration"
	FieldStatus    = "status"
	FieldOrigin    = "origin"
	FieldReason    = "reason"
	FieldCount     = "count"
	FieldVersion   = "version"
	FieldPID       = "pid"
)
