package activities

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/converter"
	"go.uber.org/zap"

	"pitwall/internal/daytona"
	"pitwall/internal/telemetry"
)

// Reaping is the net under the leases. It shares no decision with them: it reads the provider's list and Temporal's
// executions, and acts only where both speak clearly.
type Reaping struct {
	Daytona  *daytona.Client
	Temporal client.Client
	Owner    Owner
	Log      *zap.Logger
	Metrics  *telemetry.Metrics
	Journal  *telemetry.Journal
	// Converter reads what stands in histories and memos. Nil: the SDK's own, for payloads that are not encrypted.
	Converter converter.DataConverter
}

// payloads reads what stands in histories and memos.
func (r *Reaping) payloads() converter.DataConverter {
	if r.Converter == nil {
		return converter.GetDefaultDataConverter()
	}
	return r.Converter
}

// ReapSandboxesInput is the input of ReapSandboxes.
type ReapSandboxesInput struct {
	DryRun bool `json:"dry_run"`
}

// ReapReport lists every sandbox that was not plainly held; a dry run's lists those too.
type ReapReport struct {
	Seen      int        `json:"seen"`
	Held      int        `json:"held"`
	Decisions []Decision `json:"decisions,omitempty"`
	// More is how many decisions are not listed, for there were more than maxDecisions.
	More int `json:"more"`
}

// maxDecisions bounds a report, so that it fits into an activity's result; what is past it is still acted on.
const maxDecisions = 200

// ReapSandboxes reads every page of the provider's list and removes, to proof by id, what nobody holds. A list that could
// not be read to its end ends the activity with an error before anything is touched.
func (r *Reaping) ReapSandboxes(ctx context.Context, in ReapSandboxesInput) (ReapReport, error) {
	beats := startPulse(ctx, "reading the list of sandboxes")
	defer beats.end()
	report, err := r.pass(ctx, in, watcher{beats.set, beats.removal})
	if err != nil {
		return report, retryable(ErrTypeTransport, err, 0)
	}
	return report, nil
}

// watcher hears how a pass goes on.
type watcher struct {
	doing   func(details any)
	removal func(daytona.RemovalProgress)
}

// Explain is a pass without hands: what the reaper would decide now on every open lease and every sandbox, and why. It
// needs no worker. An error means that one of the two could not be read to its end.
func Explain(ctx context.Context, r *Reaping, in AuditLeasesInput) (AuditReport, ReapReport, error) {
	in.DryRun = true
	watch := watcher{func(any) {}, nil}
	leases, auditErr := r.auditAll(ctx, in, watch)
	sandboxes, reapErr := r.pass(ctx, ReapSandboxesInput{DryRun: true}, watch)
	return leases, sandboxes, errors.Join(auditErr, reapErr)
}

// pass judges each sandbox and, unless it is dry, removes what is to be removed, some beside each other: one that shows
// no end holds up none of the others.
func (r *Reaping) pass(ctx context.Context, in ReapSandboxesInput, watch watcher) (ReapReport, error) {
	sandboxes, err := r.everySandbox(ctx)
	if err != nil {
		return ReapReport{}, err
	}
	decisions := make([]Decision, len(sandboxes))
	beside := newRemovers()
	for i, sandbox := range sandboxes {
		watch.doing("looking at " + sandbox.ID)
		decisions[i] = Decide(ctx, r, sandbox)
		if !in.DryRun && decisions[i].Action == ActionRemove {
			beside.run(func() { r.remove(ctx, removeTimeout, sandbox, &decisions[i], watch) })
		}
	}
	beside.wait()
	if !in.DryRun {
		r.count(decisions)
	}
	return reportOf(decisions, in.DryRun), nil
}

// everySandbox reads the list to its end: what was not seen is not judged, and nothing is acted on before.
func (r *Reaping) everySandbox(ctx context.Context) ([]daytona.Sandbox, error) {
	var all []daytona.Sandbox
	for sandbox, err := range r.Daytona.ListSandboxes(ctx, daytona.ListOptions{Labels: map[string]string{LabelManagedBy: ManagedBy}}) {
		if err != nil {
			return nil, fmt.Errorf("list sandboxes: %w", err)
		}
		all = append(all, sandbox)
	}
	return all, nil
}

func reportOf(decisions []Decision, everything bool) ReapReport {
	report := ReapReport{Seen: len(decisions)}
	slices.SortStableFunc(decisions, func(a, b Decision) int { return cmp.Compare(a.rank(), b.rank()) })
	for _, decision := range decisions {
		held := decision.Verdict == VerdictHeld
		if held {
			report.Held++
		}
		switch {
		case held && !everything:
		case len(report.Decisions) < maxDecisions:
			report.Decisions = append(report.Decisions, decision)
		default:
			report.More++
		}
	}
	return report
}

func (r *Reaping) count(decisions []Decision) {
	left := 0
	for _, decision := range decisions {
		if decision.Removed != nil {
			r.Metrics.Reaped(decision.Verdict)
		}
		if decision.left() {
			left++
		}
	}
	r.Metrics.ReaperPassed(left)
}

// removeTimeout bounds one removal, so that some that stay in destroying do not use up the pass: the DELETE is sent, and
// the next pass sees them leaving.
const removeTimeout = 15 * time.Second

func (r *Reaping) remove(ctx context.Context, patience time.Duration, sandbox daytona.Sandbox, decision *Decision, watch watcher) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	r.Log.Warn("reaping a sandbox", zap.String("sandbox_id", sandbox.ID), zap.String("verdict", decision.Verdict), zap.String("reason", decision.Reason))
	remover := remover{provider: r.Daytona, metrics: r.Metrics, journal: r.Journal}
	certificate, err := remover.remove(ctx, leftBehind(sandbox), watch.removal)
	if err != nil {
		decision.Error = bounded(err.Error(), maxErrorBytes)
		return
	}
	decision.Removed = &certificate
}
