//go:build linux

package main

import (
	"context"
	"os"
	"runtime"
	"strings"
	"time"
)

// Schema names the document's form.
const Schema = "pitwall-bench/1"

// Report is the JSON document. Times are in milliseconds unless a name ends in _s.
type Report struct {
	Schema    string         `json:"schema"`
	StartedAt time.Time      `json:"started_at"`
	TookS     float64        `json:"took_s"`
	Machine   Machine        `json:"machine"`
	Settings  Settings       `json:"settings"`
	Sandbox   SandboxFigures `json:"sandbox"`
	Evals     []EvalFigures  `json:"evals"`
	HumanEval *EvalFigures   `json:"humaneval"`
	Cost      []Cost         `json:"cost"`
	// MaxLive is the most sandboxes that were ever alive at once, and SandboxesLeft what is alive at the end, both by the sandbox
	// server's own count.
	MaxLive       int      `json:"max_live"`
	SandboxesLeft int      `json:"sandboxes_left"`
	NotRun        []NotRun `json:"not_run"`
}

// Machine is what it was measured on; a load above its CPUs spoils the figures.
type Machine struct {
	CPUs       int    `json:"cpus"`
	Kernel     string `json:"kernel"`
	Arch       string `json:"arch"`
	Root       bool   `json:"root"`
	LoadBefore string `json:"load_before"`
	LoadAfter  string `json:"load_after"`
}

// Settings are the counts that were asked for.
type Settings struct {
	Sandboxes int `json:"sandboxes"`
	Evals     int `json:"evals"`
	Slots     int `json:"slots"`
}

// Figure is a measured time beside its baseline.
type Figure struct {
	Spread
	// AimP50 is the project's aim on 2 quiet cores; 0: none.
	AimP50     float64 `json:"aim_p50_ms,omitempty"`
	BaselineOf string  `json:"baseline_of"`
	Baseline   Spread  `json:"baseline"`
}

// SandboxFigures are of one sandbox after the other, each cold.
type SandboxFigures struct {
	// FirstCommand is create → first command answered.
	FirstCommand  Figure `json:"create_to_first_command"`
	Create        Spread `json:"create"`
	SecondCommand Figure `json:"second_command"`
	// Delete is DELETE → proven gone.
	Delete Figure `json:"delete"`
}

// EvalFigures are of one campaign.
type EvalFigures struct {
	Job     string     `json:"job"`
	N       int        `json:"n"`
	Slots   int        `json:"slots"`
	Pitwall Throughput `json:"pitwall"`
	Loop    Throughput `json:"loop"`
	// Ratio is Pitwall's makespan ÷ the loop's; AimRatio the aim, 0: none.
	Ratio    float64 `json:"ratio"`
	AimRatio float64 `json:"aim_ratio,omitempty"`
	// IdealS is the jobs' own time on all slots.
	IdealS float64 `json:"ideal_s,omitempty"`
	// EventsPerEval is the mean of an eval's and its lease's; FailedTasks counts workflow tasks that were done again, by type and cause.
	EventsPerEval float64        `json:"events_per_eval"`
	FailedTasks   map[string]int `json:"failed_tasks"`
	HandOff       HandOff        `json:"hand_off"`
	// Phases are an eval's, from its start to its end; LoopPhases the loop's.
	Phases     []Hop             `json:"phases"`
	LoopPhases map[string]Spread `json:"loop_phases"`
}

// Throughput of a number of evals.
type Throughput struct {
	MakespanS float64 `json:"makespan_s"`
	EvalsPerS float64 `json:"evals_per_s"`
	Passed    int     `json:"n_passed"`
}

// HandOff is removal proven → next create received, where somebody waited for the slot.
type HandOff struct {
	Figure
	Hops []Hop `json:"hops"`

	total []time.Duration
	hops  []hop
}

// Hop is one part of a way.
type Hop struct {
	Name string `json:"name"`
	Spread
}

// Cost is what one eval and its lease leave in Temporal.
type Cost struct {
	Eval        string         `json:"eval"`
	Events      int            `json:"events"`
	AimEvents   int            `json:"aim_events"`
	EvalEvents  int            `json:"eval_events"`
	LeaseEvents int            `json:"lease_events"`
	EventTypes  map[string]int `json:"event_types"`
	// FailedTasks are workflow tasks that the server refused and had done again, three events each: type and cause.
	FailedTasks []string `json:"failed_tasks,omitempty"`
	// TotalActions are billable actions without heartbeats, as Temporal Cloud counts.
	TotalActions int            `json:"total_actions"`
	Actions      map[string]int `json:"actions"`
}

// NotRun is a part that could not be measured.
type NotRun struct {
	What string `json:"what"`
	Why  string `json:"why"`
}

func newReport(opt options) *Report {
	return &Report{
		Schema: Schema, StartedAt: time.Now().UTC(), NotRun: []NotRun{},
		Machine: Machine{
			CPUs: runtime.NumCPU(), Kernel: firstLine("/proc/sys/kernel/osrelease"), Arch: runtime.GOARCH, Root: os.Geteuid() == 0,
			LoadBefore: firstLine("/proc/loadavg"),
		},
		Settings: Settings{Sandboxes: opt.sandboxes, Evals: opt.evals, Slots: opt.slots},
	}
}

func (r *Report) notRun(what, why string) { r.NotRun = append(r.NotRun, NotRun{What: what, Why: why}) }

// finish asks the sandbox server what is left.
func (r *Report) finish(ctx context.Context, l *lab) error {
	ledger, err := l.ledger(ctx)
	if err != nil {
		return err
	}
	r.MaxLive, r.SandboxesLeft = ledger.MaxLive, ledger.Live
	r.TookS = round2(time.Since(r.StartedAt).Seconds())
	r.Machine.LoadAfter = firstLine("/proc/loadavg")
	return nil
}

// firstLine of a file of /proc; empty when it cannot be read.
func firstLine(path string) string {
	text, _ := os.ReadFile(path)
	line, _, _ := strings.Cut(string(text), "\n")
	return line
}
