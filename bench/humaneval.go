//go:build linux

package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"

	"pitwall/internal/config"
	"pitwall/internal/spec"
)

// measureHumanEval runs the dataset's canonical solutions, as examples/humaneval does.
func measureHumanEval(ctx context.Context, l *lab, opt options, report *Report) error {
	const part = "HumanEval's canonical campaign"
	if opt.data == "" {
		report.notRun(part, "PITWALL_TEST_DATA names no folder")
		return nil
	}
	path, err := filepath.Abs(filepath.Join(opt.data, "humaneval", "HumanEval.jsonl.gz"))
	if err != nil {
		return fmt.Errorf("find HumanEval: %w", err)
	}
	if _, err := os.Stat(path); err != nil {
		report.notRun(part, err.Error())
		return nil
	}
	program := "{{.prompt}}{{.completion}}\n{{.test}}\ncheck({{.entry_point}})"
	in := spec.CampaignInput{
		Name:    "bench-humaneval",
		Dataset: spec.Dataset{Format: spec.FormatHumanEval, URI: config.FileURL(path), Limit: opt.humanEval},
		Answers: spec.Answers{From: spec.AnswersField, Field: "canonical_solution"},
		Eval: spec.EvalTemplate{
			Inputs: spec.Inputs{Files: []spec.File{{Path: "program.py", Content: program}}},
			Job:    spec.Job{Steps: []spec.Step{{Name: "check", Command: "exec python3 program.py"}}},
		},
	}
	figures, err := compare(ctx, l, opt, in)
	if err != nil {
		return err
	}
	figures.Job = "HumanEval, canonical solutions"
	report.HumanEval = &figures
	return nil
}
