package telemetry

// Names of the fields of a journal's lines, as docs/observability.md lists them. Whatever else is logged about one of these
// things carries it under the same name.
const (
	FieldTime = "time"

	FieldEvent      = "event"
	FieldStatus     = "status"
	FieldCreatedAt  = "created_at"
	FieldStartedAt  = "started_at"
	FieldFinishedAt = "finished_at"
	FieldDurationMS = "duration_ms"
	FieldExitCode   = "exit_code"

	FieldSessionID     = "session_id"
	FieldNegotiationID = "negotiation_id"
	FieldSandboxID     = "sandbox_id"
	FieldCampaign      = "campaign"
	FieldSample        = "sample"
	FieldEpoch         = "epoch"
	FieldAttempt       = "attempt"
	FieldWorkflowID    = "workflow_id"
	FieldRunID         = "run_id"
	FieldTraceID       = "trace_id"
	FieldSpanID        = "span_id"

	FieldKind           = "kind"
	FieldOutcome        = "outcome"
	FieldScore          = "score"
	FieldStep           = "step"
	FieldTry            = "try"
	FieldSlot           = "slot"
	FieldLeaseID        = "lease_id"
	FieldLeaseRun       = "lease_run"
	FieldSandboxSeconds = "sandbox_seconds"
	FieldConfirmedBy    = "confirmed_by"
	FieldCount          = "count"
	FieldBytes          = "bytes"
	FieldVerdict        = "verdict"
	FieldAction         = "action"
	FieldReason         = "reason"
	FieldOrigin         = "origin"
	FieldErrorType      = "error_type"
	FieldError          = "error"

	FieldExporter = "exporter"
)
