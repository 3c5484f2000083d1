package audit

import (
	"time"

	"pitwall/internal/spec"
)

// Where the list of created sandboxes comes from.
const (
	// RecordServer is the sandbox server's own ledger.
	RecordServer = "server"
	// RecordTemporal is what leases were told, for a provider whose record cannot be read: a sandbox that no lease heard of
	// is known only while it lives.
	RecordTemporal = "temporal"
)

// Sources are everything that was read.
type Sources struct {
	// Since and Until bound the creation of the sandboxes that are judged; older ones are judged while they live.
	Since, Until time.Time
	// Now is when the reading ended.
	Now time.Time
	// Cluster and Namespace are Temporal's UUIDs: sandboxes whose labels say otherwise are counted, and not judged.
	Cluster, Namespace string
	// LeasePrefix is what IDs of leases of this provider account begin with. What other leases say of sandboxes that the
	// record does not know is about another account.
	LeasePrefix string
	// Record is RecordServer or RecordTemporal.
	Record string

	Made    []Made
	Alive   []Alive
	Leases  []Lease
	Evals   []Eval
	Results []spec.EvalResult // from the store
	// ResultsPartial: the store could not be read to its end, so that what Results lacks may be there.
	ResultsPartial bool
	// Expired says by the ID of an eval why the store has its result no longer: its time there was over.
	Expired map[string]string
	Reaped  []spec.Certificate
	// Gaps name the sources that could not be read to their end.
	Gaps []string
}

// Owner is what a sandbox's labels say about it.
type Owner struct {
	Managed            bool // by Pitwall
	Cluster, Namespace string
	LeaseID, LeaseRun  string
	EvalID, EvalRun    string
	Campaign           string
}

// Made is one created sandbox.
type Made struct {
	ID, Name string
	Owner    Owner
	At       time.Time
	// EndedAt is when the record says that it was destroyed; zero when it does not. ByProvider names why, when nobody asked
	// for it: ttl, shutdown …
	EndedAt    time.Time
	ByProvider string
}

// Alive is one sandbox that the provider has, asked by id.
type Alive struct {
	ID, Name, State string
	Owner           Owner
	At              time.Time
}

// Lease is one run of SandboxLease.
type Lease struct {
	ID, RunID string
	// Claim is the run that the sandbox's labels name: the one that was reset, after a reset. Empty: RunID.
	Claim    string
	Open     bool
	ClosedAt time.Time
	// Status in which it closed; Completed says that it ended by itself.
	Status    string
	Completed bool
	// Created are the sandboxes that it was told of.
	Created []Created
	// Certificates in its result and its history.
	Certificates []spec.Certificate
}

// Created is a sandbox that was reported to its lease.
type Created struct {
	ID string
	At time.Time
}

// Eval is one run of EvalWorkflow.
type Eval struct {
	ID, RunID string
	Open      bool
	ClosedAt  time.Time
	// Result is nil where it returned none: terminated, timed out, refused.
	Result *spec.EvalResult
}
