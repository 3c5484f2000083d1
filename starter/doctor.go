package main

import (
	"context"

	"github.com/spf13/cobra"

	"pitwall/internal/daytona/livecheck"
)

// Results of a finding.
const (
	findingOK   = "ok"
	findingWarn = "warning"
	findingFail = "failed"
	findingSkip = "skipped"
)

// finding is one line of `doctor`.
type finding struct {
	Name   string `json:"name"`
	Status string `json:"status"` // ok, warning, failed or skipped
	Detail string `json:"detail"`
	// Remedy says what to do; empty when nothing is to be done.
	Remedy string `json:"remedy,omitempty"`
}

// doctorReport is what `doctor -o json` prints.
type doctorReport struct {
	Healthy  bool      `json:"healthy"`
	Findings []finding `json:"findings"`
	// Live is the report of --live; nil without it.
	Live *livecheck.Report `json:"live"`
}

func doctorCommand(term *terminal) *cobra.Command {
	var live bool
	cmd := &cobra.Command{
		Use:   "doctor",
		Short: "Check Temporal, Daytona, the store and this machine, and say what to do",
		Long: `Check Temporal, Daytona, the store and this machine, and say what to do.

--live creates one sandbox on whatever DAYTONA_API_URL names, tries out everything that Pitwall relies on, removes it
to proof, and prints each deviation. It costs some sandbox-seconds. Exit code 0 healthy, 2 not.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return runDoctor(cmd.Context(), term, live) },
	}
	cmd.Flags().BoolVar(&live, "live", false, "create one real sandbox and try everything out")
	return cmd
}

func runDoctor(ctx context.Context, term *terminal, live bool) error {
	target, err := loadDeployment(term)
	if err != nil {
		return err
	}
	examined := &examination{term: term, target: target}
	examined.settings()
	examined.temporal(ctx)
	examined.provider(ctx)
	examined.removals(ctx)
	examined.store(ctx)
	examined.machine(ctx)
	report := doctorReport{Findings: examined.findings}
	if live {
		if report.Live, err = examined.live(ctx); err != nil {
			return explainProvider(target, err)
		}
	}
	report.Findings, report.Healthy = examined.findings, examined.healthy()
	if term.wantsJSON() {
		if err := term.printJSON(report); err != nil {
			return err
		}
	}
	if !report.Healthy {
		return outcome(exitInfra)
	}
	return nil
}

// examination collects findings, and prints each as it is made.
type examination struct {
	term     *terminal
	target   deployment
	findings []finding
}

func (e *examination) add(name, status, detail, remedy string) {
	e.findings = append(e.findings, finding{name, status, detail, remedy})
	if e.term.wantsJSON() {
		return
	}
	e.term.printf("%-8s %-22s %s\n", status, name, visible(detail))
	if remedy != "" {
		e.term.printf("%-8s %-22s %s\n", "", "", visible(remedy))
	}
}

func (e *examination) healthy() bool {
	for _, found := range e.findings {
		if found.Status == findingFail {
			return false
		}
	}
	return true
}

func (e *examination) live(ctx context.Context) (*livecheck.Report, error) {
	provider, err := newProvider(e.target)
	if err != nil {
		return nil, err
	}
	defer provider.CloseIdle()
	report, err := livecheck.Run(ctx, provider, livecheck.Options{Out: func(check livecheck.Check) {
		status := map[livecheck.Status]string{livecheck.OK: findingOK, livecheck.Deviation: findingFail, livecheck.Skipped: findingSkip}[check.Status]
		e.add("live: "+check.Name, status, check.Detail, "")
	}})
	return &report, err
}
