package livecheck

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"time"

	"pitwall/internal/daytona"
)

// NamePrefix begins the name of every sandbox that a check makes.
const NamePrefix = "pitwall-doctor-"

// Label is on every sandbox that a check makes; its value is the sandbox's name.
const Label = "pitwall-doctor"

// Status is what came of a check.
type Status string

const (
	// OK: as expected.
	OK Status = "ok"
	// Deviation: other than the client expects; the detail says in what.
	Deviation Status = "deviation"
	// Skipped: the service does not offer it, or an earlier step left nothing to check.
	Skipped Status = "skipped"
)

// Check is one expectation, tried.
type Check struct {
	Name   string        `json:"name"`
	Status Status        `json:"status"`
	Detail string        `json:"detail,omitempty"` // one line
	Took   time.Duration `json:"took_ns"`
}

// Report is everything that was tried, in order.
type Report struct {
	Checks    []Check           `json:"checks"`
	SandboxID string            `json:"sandbox_id,omitempty"`
	Removals  []daytona.Removal `json:"removals,omitempty"` // one for each sandbox made
}

// Deviations lists what was other than expected, a line each.
func (r Report) Deviations() []string {
	lines := []string{}
	for _, check := range r.Checks {
		if check.Status == Deviation {
			lines = append(lines, check.Name+": "+check.Detail)
		}
	}
	return lines
}

// Options shape a run.
type Options struct {
	// Out receives each check as it is done. Defaults to nothing.
	Out func(Check)
	// Snapshot to start from. Defaults to the account's.
	Snapshot string
	// StartWithin bounds the wait for the sandbox. Defaults to 3 minutes.
	StartWithin time.Duration
	// RemoveWithin bounds the removal, which goes on when the run's context ends. Defaults to 5 minutes.
	RemoveWithin time.Duration
}

// WithDefaults returns a copy with every unset field at its default.
func (o Options) WithDefaults() Options {
	if o.Out == nil {
		o.Out = func(Check) {}
	}
	if o.StartWithin <= 0 {
		o.StartWithin = 3 * time.Minute
	}
	if o.RemoveWithin <= 0 {
		o.RemoveWithin = 5 * time.Minute
	}
	return o
}

// Run tries everything. Deviations are in the report; the error says that the run itself could not be finished: no sandbox
// came up, or one may be left behind, which it then names.
func Run(ctx context.Context, client *daytona.Client, options Options) (report Report, err error) {
	r := &run{client: client, options: options.WithDefaults(), name: NamePrefix + randomHex(6)}
	defer func() {
		err = errors.Join(err, r.removeAll(ctx))
		report = r.report
	}()
	r.checkAccount(ctx)
	if err := r.makeSandbox(ctx); err != nil {
		return Report{}, err
	}
	r.checkNames(ctx)
	r.checkCommands(ctx)
	r.checkFiles(ctx)
	if err := ctx.Err(); err != nil {
		return Report{}, fmt.Errorf("check the service: %w", err)
	}
	return Report{}, nil
}

// run is one run under way.
type run struct {
	client  *daytona.Client
	options Options
	name    string
	report  Report
	sandbox daytona.Sandbox
	toolbox *daytona.Toolbox
	made    []string // ids to remove
}

// errSkip makes a check skipped.
var errSkip = errors.New("skipped")

// check runs one check. Its function returns what to say of a success, or what deviates.
func (r *run) check(name string, try func() (string, error)) {
	begin := time.Now()
	detail, err := try()
	check := Check{Name: name, Status: OK, Detail: detail, Took: time.Since(begin)}
	switch {
	case errors.Is(err, errSkip):
		check.Status = Skipped
	case err != nil:
		check.Status, check.Detail = Deviation, err.Error()
	}
	r.report.Checks = append(r.report.Checks, check)
	r.options.Out(check)
}

func randomHex(bytes int) string {
	raw := make([]byte, bytes)
	_, _ = rand.Read(raw) // never fails
	return hex.EncodeToString(raw)
}
