package audit

import "time"

// Codes of the reasons why something is unaccounted for.
const (
	// CodeUncertified: it was created, and is neither certified nor held; its lease is unknown, or it names none.
	CodeUncertified = "uncertified"
	// CodeLeaseUnproven: its lease run is closed without proof of it.
	CodeLeaseUnproven = "lease_closed_without_proof"
	// CodeAliveUnheld: it is alive, and no open lease holds it.
	CodeAliveUnheld = "alive_without_open_lease"
	// CodeAliveCertified: it is certified as gone, and the provider still has it.
	CodeAliveCertified = "certified_but_alive"
	// CodeTwoUnderLease: it lived while another sandbox of the same lease run did.
	CodeTwoUnderLease = "two_under_one_lease"
	// CodeUnrecorded: leases or results speak of it, and the provider's record does not know it.
	CodeUnrecorded = "not_in_the_record"
	// CodeContradicted: two sources say different things of it.
	CodeContradicted = "contradicted"
	// CodeResultDiffers: result.json is not what the workflow returned.
	CodeResultDiffers = "result_differs"
	// CodeResultMissing: the workflow returned a result, and the store has none.
	CodeResultMissing = "result_missing"
)

// Codes of notes.
const (
	// NoteByProvider: the provider ended it by itself (ttl, shutdown …), not we.
	NoteByProvider = "ended_by_provider"
	// NoteSecond: one lease had it after another, which was gone by then.
	NoteSecond = "second_under_lease"
	// NoteLeaseEnded: a lease was terminated, and the proof is somebody else's; or nothing was created under it.
	NoteLeaseEnded = "lease_ended_without_proof"
	// NoteOtherRun: the store holds the result of another run of the same eval, which is never replaced.
	NoteOtherRun = "result_of_another_run"
	// NoteExpired: the store had the result until its time there was over.
	NoteExpired = "result_expired"
)

// Report is what the audit came to. Its keys are stable.
type Report struct {
	Since time.Time `json:"since"`
	Until time.Time `json:"until"`
	// Record says where the created sandboxes come from: RecordServer or RecordTemporal.
	Record string `json:"record"`
	// Complete is false when some source could not be read to its end; Gaps names them.
	Complete bool     `json:"complete"`
	Gaps     []string `json:"gaps"`

	// NCreated are the judged sandboxes: ours, created in the range, or older and still alive.
	NCreated   int `json:"n_created"`
	NCertified int `json:"n_certified"`
	// NHeld are uncertified, and under an open lease, or gone and of an open eval, whose result will have the certificate.
	// NAlive are what the provider has of the judged.
	NHeld  int `json:"n_held"`
	NAlive int `json:"n_alive"`
	// NByProvider were ended by the provider itself, certified or not.
	NByProvider  int `json:"n_ended_by_provider"`
	NUnaccounted int `json:"n_unaccounted"`
	// NForeign are of other clusters or namespaces, NByHand not Pitwall's: in the range, and not judged.
	NForeign    int `json:"n_foreign"`
	NByHand     int `json:"n_by_hand"`
	NLeases     int `json:"n_leases"`
	NOpenLeases int `json:"n_open_leases"`
	NEvals      int `json:"n_evals"`
	NResults    int `json:"n_results"`

	// SandboxSeconds were paid: created to destroyed by the provider's record, else by the certificate, else until now.
	SandboxSeconds float64 `json:"sandbox_seconds"`
	// JobSeconds is how long jobs ran in the judged sandboxes, by their results.
	JobSeconds float64 `json:"job_seconds"`
	// LeakedSeconds were paid after the lease run had closed, or more than Promise after the eval had.
	LeakedSeconds float64 `json:"leaked_seconds"`

	Unaccounted []Finding `json:"unaccounted"`
	Notes       []Note    `json:"notes"`
}

// Finding is one sandbox, or one result (without a sandbox_id), that is unaccounted for.
type Finding struct {
	SandboxID string    `json:"sandbox_id"`
	Name      string    `json:"name"`
	State     string    `json:"state"` // at the provider now; empty: gone
	LeaseID   string    `json:"lease_id"`
	LeaseRun  string    `json:"lease_run"`
	EvalID    string    `json:"eval_id"`
	EvalRun   string    `json:"eval_run"`
	Campaign  string    `json:"campaign"`
	CreatedAt time.Time `json:"created_at,omitzero"`
	EndedAt   time.Time `json:"ended_at,omitzero"`
	Reasons   []Reason  `json:"reasons"`
}

// Reason says what is wrong.
type Reason struct {
	Code   string `json:"code"`
	Detail string `json:"detail"`
}

// Note is something worth knowing about what is accounted for. Sandbox or lease may be empty.
type Note struct {
	Code      string `json:"code"`
	SandboxID string `json:"sandbox_id"`
	LeaseRun  string `json:"lease_run"`
	EvalID    string `json:"eval_id"`
	Detail    string `json:"detail"`
}
