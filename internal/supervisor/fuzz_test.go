package supervisor_test

import (
	"testing"

	"pitwall/internal/supervisor"
)

func FuzzParseReport(f *testing.F) {
	f.Add("pitwall 1 done\nstep 1 0 0 31 -\nsize 1.out 8\nsize 1.err 0\n")
	f.Add("pitwall 1 missing flock\n")
	f.Add("pitwall 1 running\nstep 1 running\n")
	f.Add("pitwall 1 done\nstep 2 0 0 1 -")
	f.Fuzz(func(t *testing.T, text string) {
		report, err := supervisor.ParseReport(text)
		if err != nil {
			return
		}
		if len(report.Steps) > 32 {
			t.Fatalf("%d steps", len(report.Steps))
		}
		for i, step := range report.Steps {
			if step.Number != i+1 || step.ExitCode < 0 || step.ExitCode > 255 || step.Duration < 0 || step.StdoutBytes < 0 || step.StderrBytes < 0 {
				t.Fatalf("implausible step %+v", step)
			}
		}
	})
}
