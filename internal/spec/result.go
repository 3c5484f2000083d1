package spec

import "time"

// Status of an eval.
const (
	StatusCompleted = "completed"
	StatusError     = "error"
	StatusCancelled = "cancelled"
	// StatusNotStarted is a row's, of a trial that a used-up budget left out.
	StatusNotStarted = "not_started"
)

// Origins of an error: who has to act.
const (
	OriginInfra     = "infra"
	OriginUser      = "user"
	OriginLimit     = "limit"
	OriginScorer    = "scorer"
	OriginAmbiguous = "ambiguous"
)

// Cleanup says whether the removal of every sandbox of an eval was proven before the eval returned.
const (
	CleanupProven  = "proven"
	CleanupPending = "pending"
)

// EvalResult is what an EvalWorkflow returns and what stands in result.json.
type EvalResult struct {
	Trial  *Trial     `json:"trial,omitempty"`
	EvalID string     `json:"eval_id"`
	RunID  string     `json:"run_id"`
	Status string     `json:"status"`
	Error  *EvalError `json:"error,omitempty"`
	// Score is nil unless Status is completed: an infrastructure fault has no score.
	Score *Score `json:"score,omitempty"`
	// Job is the evidence of the last attempt that ran. Nil when none did.
	Job *JobResult `json:"job,omitempty"`
	// Artifacts of the last attempt that ran.
	Artifacts []Artifact `json:"artifacts,omitempty"`
	// ArtifactManifest lists all of them; nil where there was nothing to fetch.
	ArtifactManifest *ArtifactManifest `json:"artifact_manifest,omitempty"`
	// Attempts, in order; each keeps its own evidence.
	Attempts []Attempt `json:"attempts"`
	Cleanup  string    `json:"cleanup"`
	// Started and Finished bound the eval, by Temporal's clock.
	StartedAt  time.Time `json:"started_at"`
	FinishedAt time.Time `json:"finished_at"`
	// PolicySHA256 (hex) is of the policy file that admitted or refused the eval.
	PolicySHA256 string `json:"policy_sha256,omitempty"`
	// ResultURI is where result.json stands.
	ResultURI string `json:"result_uri,omitempty"`
	// Effective is the input with every default resolved. It, Job and Artifacts are left out of the payload that a
	// campaign's eval returns to its shard; result.json has them.
	Effective *EvalInput `json:"effective,omitempty"`
}

// EvalError says why an eval has no score.
type EvalError struct {
	Origin string `json:"origin"`
	// Type is a stable CamelCase name, such as SandboxLost.
	Type    string `json:"type"`
	Message string `json:"message"`
}

// Score is the scorer's verdict.
type Score struct {
	Value  float64 `json:"value"`
	Passed bool    `json:"passed"`
	// Explanation is one bounded line for people.
	Explanation string `json:"explanation,omitempty"`
}

// Attempt is one try of the trial in one sandbox (two, where a command scorer ran).
type Attempt struct {
	// Number is 1-based.
	Number int        `json:"number"`
	Error  *EvalError `json:"error,omitempty"`
	// Sandboxes in order: the job's, then the command scorer's. One without a certificate is still guarded by its lease.
	Sandboxes []SandboxUse `json:"sandboxes,omitempty"`
	Job       *JobResult   `json:"job,omitempty"`
	// Wait is how long the attempt waited for its first slot.
	WaitMS int64 `json:"wait_ms"`
	// EvidencePrefix is where the attempt's streams and artifacts stand in the store.
	EvidencePrefix string `json:"evidence_prefix,omitempty"`
}

// SandboxUse is one sandbox, from its slot to the proof that it is gone.
type SandboxUse struct {
	// For is job or scorer.
	For      string `json:"for"`
	Slot     int    `json:"slot"`
	LeaseID  string `json:"lease_id"`
	LeaseRun string `json:"lease_run"`
	Name     string `json:"name"`
	// ID is empty when no create ever answered with one.
	ID        string    `json:"id,omitempty"`
	CreatedAt time.Time `json:"created_at,omitzero"`
	// Removal is nil while the proof is still owed; the lease then owes it.
	Removal *Certificate `json:"removal,omitempty"`
}

// Certificate is the proof that a sandbox is gone.
type Certificate struct {
	SandboxID   string    `json:"sandbox_id"`
	RequestedAt time.Time `json:"requested_at"`
	ConfirmedAt time.Time `json:"confirmed_at"`
	// ConfirmedBy is 404, destroyed, or 404-after-error (Daytona hides errored rows).
	ConfirmedBy string `json:"confirmed_by"`
	// SandboxSeconds is what the provider is paid for: from created to confirmed.
	SandboxSeconds float64 `json:"sandbox_seconds"`
}

// JobResult is the job's word, checked and bounded by the worker.
type JobResult struct {
	Steps []StepResult `json:"steps"`
	// SupervisorLost: the sandbox answered, but the supervisor was gone without a record.
	SupervisorLost bool `json:"supervisor_lost,omitempty"`
	// Duration by the worker's clock.
	DurationMS int64 `json:"duration_ms"`
}

// StepResult is one step's exit record. A step that was not reached is not listed.
type StepResult struct {
	Name string `json:"name"`
	// ExitCode is 128+n after signal n, as in a shell; nil when there is none (time limit, supervisor lost).
	ExitCode *int `json:"exit_code,omitempty"`
	TimedOut bool `json:"timed_out,omitempty"`
	// Limit names the bound that ended the step: memory, processes, output. Empty otherwise.
	Limit      string `json:"limit,omitempty"`
	DurationMS int64  `json:"duration_ms"`
	Stdout     Stream `json:"stdout"`
	Stderr     Stream `json:"stderr"`
}

// Stream is one output of a step.
type Stream struct {
	// BytesTotal is what the step wrote; BytesKept what the store holds of it, from its beginning, with secrets replaced.
	BytesTotal int64 `json:"bytes_total"`
	BytesKept  int64 `json:"bytes_kept"`
	// SHA256 (hex) of what is kept.
	SHA256    string `json:"sha256,omitempty"`
	Truncated bool   `json:"truncated,omitempty"`
	// Prefix of the stream's chunk objects in the store. Empty when nothing was written.
	Prefix string `json:"prefix,omitempty"`
	// Tail is the end of what is kept, at most TailBytes, with invalid UTF-8 replaced: for people; the store has the bytes.
	// TailCut: it is not all of what is kept.
	Tail    string `json:"tail,omitempty"`
	TailCut bool   `json:"tail_cut,omitempty"`
}

// Statuses of an artifact.
const (
	ArtifactStored   = "stored"
	ArtifactMissing  = "missing"
	ArtifactTooLarge = "too_large"
	ArtifactRefused  = "refused" // not a regular file, or outside the rules
	ArtifactSkipped  = "skipped" // its rule's when did not apply
)

// Artifact is one fetched (or explained) file.
type Artifact struct {
	// Path inside the sandbox, as the rule or the listing gave it; a name that is not valid UTF-8 is percent-encoded.
	Path   string `json:"path"`
	Status string `json:"status"`
	Reason string `json:"reason,omitempty"`
	Ref    *Ref   `json:"ref,omitempty"`
	// Redacted counts the secrets that were taken out of the content, by the name of the secret or of the rule that found it.
	Redacted map[string]int `json:"redacted,omitempty"`
	// Scanned: all of it was looked through for secrets that nobody named. Not so for what is not text, or too large.
	Scanned bool `json:"scanned,omitempty"`
}

// ArtifactManifest is where manifest.json of an attempt stands, {"artifacts": [Artifact, …]}, and what it comes to. A result
// carries the first of its lines.
type ArtifactManifest struct {
	Ref
	// Listed is how many lines it has, Stored how many of these are of files that are kept, and StoredBytes what they have.
	Listed      int   `json:"n_listed"`
	Stored      int   `json:"n_stored"`
	StoredBytes int64 `json:"stored_bytes"`
}

// Ref names a stored blob.
type Ref struct {
	URI    string `json:"uri"`
	Bytes  int64  `json:"bytes"`
	SHA256 string `json:"sha256"`
}
