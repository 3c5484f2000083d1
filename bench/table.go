//go:build linux

package main

import (
	"fmt"
	"io"
	"slices"
	"text/tabwriter"
)

// table prints the report for people.
func (r *Report) table(w io.Writer) {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	defer t.Flush()
	fmt.Fprintf(t, "\n%d CPUs, load %s → %s\n\n", r.Machine.CPUs, r.Machine.LoadBefore, r.Machine.LoadAfter)
	fmt.Fprintln(t, "ms\tp50\tp95\taim\tbaseline p50\tof")
	row := func(name string, f Figure) {
		fmt.Fprintf(t, "%s\t%.1f\t%.1f\t%s\t%.1f\t%s\n", name, f.P50, f.P95, aim(f.AimP50), f.Baseline.P50, f.BaselineOf)
	}
	row("create → first command", r.Sandbox.FirstCommand)
	row("second command", r.Sandbox.SecondCommand)
	row("delete, proven", r.Sandbox.Delete)
	campaigns := slices.Clone(r.Evals)
	if r.HumanEval != nil {
		campaigns = append(campaigns, *r.HumanEval)
	}
	for _, c := range campaigns {
		row("slot hand-off ("+c.Job+")", c.HandOff.Figure)
		for _, hop := range c.HandOff.Hops {
			fmt.Fprintf(t, "    %s\t%.1f\t%.1f\n", hop.Name, hop.P50, hop.P95)
		}
	}
	fmt.Fprintln(t, "\ncampaign\tn\tslots\tmakespan s\tloop s\tratio\taim\tevals/s\tloop's\tideal s")
	for _, c := range campaigns {
		fmt.Fprintf(t, "%s\t%d\t%d\t%.1f\t%.1f\t%.2f\t%s\t%.1f\t%.1f\t%s\n", c.Job, c.N, c.Slots, c.Pitwall.MakespanS, c.Loop.MakespanS,
			c.Ratio, aim(c.AimRatio), c.Pitwall.EvalsPerS, c.Loop.EvalsPerS, aim(c.IdealS))
	}
	fmt.Fprintln(t, "\none eval\tevents\taim\teval's\tlease's\tactions")
	for _, c := range r.Cost {
		fmt.Fprintf(t, "%s\t%d\t%d\t%d\t%d\t%d\n", c.Eval, c.Events, c.AimEvents, c.EvalEvents, c.LeaseEvents, c.TotalActions)
	}
	fmt.Fprintf(t, "\nsandboxes: at most %d alive at once, %d left\n", r.MaxLive, r.SandboxesLeft)
	for _, part := range r.NotRun {
		fmt.Fprintf(t, "not run: %s: %s\n", part.What, part.Why)
	}
}

func aim(value float64) string {
	if value == 0 {
		return "–"
	}
	return fmt.Sprintf("%.4g", value)
}
