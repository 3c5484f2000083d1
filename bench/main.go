//go:build linux

package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"
	"time"

	"pitwall/internal/devstack"
)

// options are the flags.
type options struct {
	// sandboxes are created one after the other for the sandbox figures. Default 40.
	sandboxes int
	// evals of each campaign. Default 200.
	evals int
	// slots is N, and the number of goroutines of the loop. Default 4.
	slots int
	// sleep is the job of the first campaign, in seconds. Default 1.
	sleep float64
	// data is a folder with humaneval/; empty: that part is not run. Default PITWALL_TEST_DATA.
	data string
	// humanEval limits the problems; 0: all.
	humanEval int
	// bin holds the built programs. Default PITWALL_BIN, else bin.
	bin string
	// out is a file that gets the JSON too.
	out string
	// timeout bounds everything. Default 30m.
	timeout time.Duration
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	opt, err := parse(os.Args[1:], os.Stderr)
	if errors.Is(err, flag.ErrHelp) {
		return
	}
	if err == nil {
		err = run(ctx, opt, os.Stdout, os.Stderr)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

func parse(args []string, usage io.Writer) (options, error) {
	opt := options{}
	flags := flag.NewFlagSet("bench", flag.ContinueOnError)
	flags.SetOutput(usage)
	flags.IntVar(&opt.sandboxes, "sandboxes", 40, "sandboxes of the sandbox figures")
	flags.IntVar(&opt.evals, "n", 200, "evals of each campaign")
	flags.IntVar(&opt.slots, "slots", 4, "bound on live sandboxes, and goroutines of the loop")
	flags.Float64Var(&opt.sleep, "sleep", 1, "seconds that a job of the first campaign sleeps")
	flags.StringVar(&opt.data, "data", os.Getenv("PITWALL_TEST_DATA"), "`folder` with humaneval/ (default PITWALL_TEST_DATA)")
	flags.IntVar(&opt.humanEval, "humaneval", 0, "problems of HumanEval; 0: all")
	flags.StringVar(&opt.bin, "bin", os.Getenv("PITWALL_BIN"), "`folder` of the built programs (default PITWALL_BIN, else bin)")
	flags.StringVar(&opt.out, "o", "", "`file` that gets the JSON too")
	flags.DurationVar(&opt.timeout, "timeout", 30*time.Minute, "bound on all of it")
	quick := flags.Bool("quick", false, "tiny counts: does it run? (its figures mean nothing)")
	if err := flags.Parse(args); err != nil {
		return opt, err
	}
	if flags.NArg() > 0 {
		return opt, fmt.Errorf("unknown argument %q", flags.Arg(0))
	}
	if *quick {
		opt.sandboxes, opt.evals, opt.slots, opt.sleep, opt.humanEval = 2, 4, 2, 0.1, 2
	}
	if opt.sandboxes < 1 || opt.evals < 1 || opt.slots < 1 || opt.sandboxes > 1000 || opt.evals > 10_000 || opt.slots > 60 {
		return opt, errors.New("-sandboxes is 1 to 1000, -n 1 to 10000, -slots 1 to 60")
	}
	if opt.bin == "" {
		opt.bin = "bin"
	}
	var err error
	opt.bin, err = filepath.Abs(opt.bin)
	return opt, err
}

// run measures everything on a stack of its own, as long as that lives.
func run(ctx context.Context, opt options, stdout, progress io.Writer) (err error) {
	ctx, cancel := context.WithTimeout(ctx, opt.timeout)
	defer cancel()
	report := newReport(opt)
	stack, err := openLab(ctx, opt, progress)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, stack.close()) }()
	ctx, fail := context.WithCancelCause(ctx)
	defer fail(nil)
	go func() {
		if err := stack.running.Wait(ctx); err != nil {
			fail(err)
		}
	}()
	if err := measure(ctx, stack, opt, report); err != nil {
		if death := context.Cause(ctx); errors.As(death, new(*devstack.DeathError)) {
			return death
		}
		return err
	}
	return print(report, opt, stdout, progress)
}

func measure(ctx context.Context, stack *lab, opt options, report *Report) error {
	for _, part := range []func(context.Context, *lab, options, *Report) error{measureSandboxes, measureEvals, measureHumanEval, measureCost} {
		if err := part(ctx, stack, opt, report); err != nil {
			return err
		}
	}
	return report.finish(ctx, stack)
}

func print(report *Report, opt options, stdout, table io.Writer) error {
	document, err := json.MarshalIndent(report, "", "  ")
	if err != nil {
		return fmt.Errorf("encode report: %w", err)
	}
	document = append(document, '\n')
	report.table(table)
	if _, err := stdout.Write(document); err != nil {
		return fmt.Errorf("print report: %w", err)
	}
	if opt.out == "" {
		return nil
	}
	if err := os.WriteFile(opt.out, document, 0o644); err != nil {
		return fmt.Errorf("write report: %w", err)
	}
	return nil
}
