package main

import (
	"context"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"pitwall/internal/audit"
)

func sandboxesAuditCommand(term *terminal) *cobra.Command {
	var since, until string
	cmd := &cobra.Command{
		Use:   "audit",
		Short: "Hold what was created against certificates and Temporal: is every sandbox accounted for?",
		Long: `Hold what was created against certificates and Temporal: is every sandbox accounted for?

Judged are the sandboxes of this cluster and namespace that were created in the range, and older ones that are alive.
Exit codes: 0 all are accounted for · 1 something is not · 2 a source could not be read to its end`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			span, err := parseSpan(since, until, time.Now())
			if err != nil {
				return err
			}
			return auditSandboxes(cmd.Context(), term, span)
		},
	}
	cmd.Flags().StringVar(&since, "since", "24h", "begin of the range: a duration before now, or a time as in RFC 3339")
	cmd.Flags().StringVar(&until, "until", "", "end of the range, likewise (default now)")
	return cmd
}

// span is a range of time, both ends included.
type span struct{ since, until time.Time }

func parseSpan(since, until string, now time.Time) (span, error) {
	parsed := span{until: now}
	var err error
	if parsed.since, err = parseMoment("--since", since, now); err != nil {
		return span{}, err
	}
	if until != "" {
		if parsed.until, err = parseMoment("--until", until, now); err != nil {
			return span{}, err
		}
	}
	if parsed.until.After(now) {
		parsed.until = now
	}
	if !parsed.since.Before(parsed.until) {
		return span{}, &UsageError{Problem: "the range is empty: --since must be before --until, and before now", Hint: "for the last day: --since 24h"}
	}
	return parsed, nil
}

func parseMoment(flag, text string, now time.Time) (time.Time, error) {
	if ago, err := time.ParseDuration(text); err == nil && ago >= 0 {
		return now.Add(-ago), nil
	}
	at, err := time.Parse(time.RFC3339, text)
	if err != nil {
		return time.Time{}, &UsageError{Problem: fmt.Sprintf("%s %q is neither a duration nor a time", flag, text), Hint: "say how long ago, such as 24h, or when, such as 2026-11-22T03:00:00Z"}
	}
	return at, nil
}

func auditSandboxes(ctx context.Context, term *terminal, span span) error {
	target, err := loadDeployment(term)
	if err != nil {
		return err
	}
	collector, err := newAuditCollector(ctx, target, span)
	if err != nil {
		return err
	}
	defer collector.close()
	sources := collector.collect(ctx)
	if err := ctx.Err(); err != nil {
		return err
	}
	report := audit.Reconcile(sources)
	if err := printAudit(term, report); err != nil {
		return err
	}
	switch {
	case !report.Complete:
		return outcome(exitInfra)
	case report.NUnaccounted > 0:
		return outcome(exitFailed)
	}
	return nil
}

func printAudit(term *terminal, report audit.Report) error {
	if term.wantsJSON() {
		report.Gaps, report.Unaccounted, report.Notes = orEmpty(report.Gaps), orEmpty(report.Unaccounted), orEmpty(report.Notes)
		return term.printJSON(report)
	}
	record := "the sandbox server's ledger"
	if report.Record == audit.RecordTemporal {
		record = "Temporal's leases, for this provider keeps no record that can be read"
	}
	term.printf("%s to %s UTC; what was created, by %s\n", shortTime(report.Since), shortTime(report.Until), record)
	term.printf("  sandboxes    %d created, %d certified, %d held by an open lease or eval (%d alive), %d unaccounted for\n",
		report.NCreated, report.NCertified, report.NHeld, report.NAlive, report.NUnaccounted)
	term.printf("  seconds      %.1f paid, %.1f used by jobs, %.1f leaked\n", report.SandboxSeconds, report.JobSeconds, report.LeakedSeconds)
	term.printf("  held against %d leases (%d open), %d evals, %d results\n", report.NLeases, report.NOpenLeases, report.NEvals, report.NResults)
	if report.NForeign+report.NByHand > 0 {
		term.printf("  not judged   %d of other clusters or namespaces, %d made by hand\n", report.NForeign, report.NByHand)
	}
	for _, note := range report.Notes {
		term.printf("note           %s\n", visible(subject(note.SandboxID, "", note.LeaseRun, note.EvalID)+": "+note.Detail))
	}
	for _, finding := range report.Unaccounted {
		who := subject(finding.SandboxID, finding.Name, finding.LeaseRun, finding.EvalID)
		for _, reason := range finding.Reasons {
			term.printf("UNACCOUNTED    %s: %s\n", visible(who), visible(reason.Detail)+" ["+reason.Code+"]")
		}
	}
	for _, gap := range report.Gaps {
		term.printf("NOT READ       %s\n", visible(gap))
	}
	return nil
}

// subject names what a line is about.
func subject(sandbox, name, lease, eval string) string {
	text := ""
	for _, part := range [][2]string{{"sandbox ", sandbox}, {"", name}, {"lease run ", lease}, {"", eval}} {
		if part[1] != "" {
			text += ", " + part[0] + part[1]
		}
	}
	if text == "" {
		return "?"
	}
	return text[2:]
}
