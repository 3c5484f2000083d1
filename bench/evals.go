//go:build linux

package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"time"

	"go.temporal.io/sdk/client"

	"pitwall/internal/config"
	"pitwall/internal/results"
	"pitwall/internal/spec"
	"pitwall/workflows"
)

// measureEvals runs a campaign of sleeps and one of nothing.
func measureEvals(ctx context.Context, l *lab, opt options, report *Report) error {
	sleep := strconv.FormatFloat(opt.sleep, 'f', -1, 64)
	for _, job := range []struct {
		name, command string
		seconds, aim  float64
	}{
		{"sleep", "sleep " + sleep, opt.sleep, 1.3},
		{"empty", "true", 0, 0},
	} {
		in := spec.CampaignInput{
			Name:    "bench-" + job.name,
			Dataset: spec.Dataset{Format: spec.FormatJSONL},
			Epochs:  opt.evals,
			Eval:    spec.EvalTemplate{Job: spec.Job{Steps: []spec.Step{{Command: job.command}}}},
		}
		var err error
		if in.Dataset.URI, err = l.writeDataset(job.name, `{"id": "only"}`+"\n"); err != nil {
			return err
		}
		figures, err := compare(ctx, l, opt, in)
		if err != nil {
			return err
		}
		figures.Job, figures.AimRatio = job.command, job.aim
		figures.IdealS = round2(job.seconds * float64((opt.evals+opt.slots-1)/opt.slots))
		report.Evals = append(report.Evals, figures)
	}
	return nil
}

// writeDataset stands a dataset where the worker sees it.
func (l *lab) writeDataset(name, text string) (uri string, err error) {
	path := filepath.Join(l.dir, name+".jsonl")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		return "", fmt.Errorf("write dataset: %w", err)
	}
	return config.FileURL(path), nil
}

// compare runs a campaign through Pitwall, and then its very trials through the loop.
func compare(ctx context.Context, l *lab, opt options, in spec.CampaignInput) (EvalFigures, error) {
	l.note("campaign %s: through Pitwall …", in.Name)
	evals, makespan, err := runCampaign(ctx, l, in)
	if err != nil {
		return EvalFigures{}, err
	}
	l.note("campaign %s: through the loop …", in.Name)
	var trials []spec.EvalInput
	for trial, err := range results.Trials(ctx, l.store, in.Name) {
		if err != nil {
			return EvalFigures{}, err
		}
		trials = append(trials, trial.Input.WithDefaults(spec.Defaults{}.WithDefaults()))
	}
	looped, loopSpan, err := runLoop(ctx, l, opt.slots, trials)
	if err != nil {
		return EvalFigures{}, err
	}
	figures := EvalFigures{
		N: len(trials), Slots: opt.slots, Pitwall: throughput(len(trials), makespan), Loop: throughput(len(trials), loopSpan),
		Ratio: round2(makespan.Seconds() / loopSpan.Seconds()), LoopPhases: map[string]Spread{},
	}
	for _, eval := range evals {
		if eval.Score != nil && eval.Score.Passed {
			figures.Pitwall.Passed++
		}
	}
	created, err := l.createTimes(ctx)
	if err != nil {
		return EvalFigures{}, err
	}
	figures.addLoop(looped, created)
	return figures, figures.addHistories(ctx, l, evals, created)
}

func throughput(n int, span time.Duration) Throughput {
	return Throughput{MakespanS: round2(span.Seconds()), EvalsPerS: round2(float64(n) / span.Seconds())}
}

// addLoop adds what the loop measured of itself; created is when the server received each create.
func (f *EvalFigures) addLoop(looped []loopTrial, created map[string]time.Time) {
	phases := map[string][]time.Duration{}
	var handOffs []time.Duration
	for _, trial := range looped {
		if trial.passed {
			f.Loop.Passed++
		}
		for phase, took := range trial.phases {
			phases[phase] = append(phases[phase], took)
		}
		if at, known := created[trial.id]; known && !trial.after.IsZero() {
			handOffs = append(handOffs, at.Sub(trial.after))
		}
	}
	for phase, times := range phases {
		f.LoopPhases[phase] = spread(times)
	}
	f.HandOff.Baseline = spread(handOffs)
	f.HandOff.BaselineOf = "the loop: removal proven → its goroutine's next create received"
}

// runCampaign returns the results of a campaign's evals and the time from its start to its result.
func runCampaign(ctx context.Context, l *lab, in spec.CampaignInput) ([]spec.EvalResult, time.Duration, error) {
	began := time.Now()
	run, err := l.temporal.ExecuteWorkflow(ctx, client.StartWorkflowOptions{ID: workflows.CampaignID(in.Name), TaskQueue: workflows.TaskQueue},
		workflows.CampaignWorkflow, in)
	if err != nil {
		return nil, 0, fmt.Errorf("start campaign %s: %w", in.Name, err)
	}
	var summary spec.CampaignResult
	if err := run.Get(ctx, &summary); err != nil {
		return nil, 0, fmt.Errorf("run campaign %s: %w", in.Name, err)
	}
	makespan := time.Since(began)
	if summary.NScored != summary.NTotal {
		return nil, 0, fmt.Errorf("run campaign %s: %d of %d trials were scored", in.Name, summary.NScored, summary.NTotal)
	}
	var evals []spec.EvalResult
	for row, err := range results.Rows(ctx, l.store, in.Name, results.MissingInfra) {
		if err != nil {
			return nil, 0, err
		}
		var eval spec.EvalResult
		if err := l.temporal.GetWorkflow(ctx, row.EvalID, row.RunID).Get(ctx, &eval); err != nil {
			return nil, 0, fmt.Errorf("read result of %s: %w", row.EvalID, err)
		}
		evals = append(evals, eval)
	}
	return evals, makespan, nil
}
