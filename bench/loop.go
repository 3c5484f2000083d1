//go:build linux

package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"path"
	"strings"
	"sync"
	"time"

	"pitwall/internal/artifact"
	"pitwall/internal/daytona"
	"pitwall/internal/spec"
	"pitwall/internal/supervisor"
)

// The loop is the baseline of everything durable: goroutines that take one trial after the other and do for it, over the same
// client, what an eval's activities do: create, upload the same files, launch and await by the same supervisor, read the
// streams, remove to proof. It forgets everything when it is killed, and bounds sandboxes by its own goroutines alone.

const (
	loopHome    = "/home/daytona"
	loopControl = "/var/tmp/.pitwall"
	// loopWait is how long one call waits inside the sandbox, as in RunJob.
	loopWait = 2 * time.Second
	// loopSlack is what a call may take beyond that.
	loopSlack = 15 * time.Second
	// loopBound ends one trial of the loop.
	loopBound = 5 * time.Minute
	// loopOutput caps each stream.
	loopOutput = 16 << 20
)

// loopTrial is what became of one trial of the loop.
type loopTrial struct {
	passed bool
	id     string
	proven time.Time
	phases map[string]time.Duration
	// after is when this goroutine's sandbox before was proven gone; zero for its first.
	after time.Time
}

// runLoop runs trials on a number of goroutines and returns when the last sandbox is proven gone.
func runLoop(ctx context.Context, l *lab, workers int, trials []spec.EvalInput) ([]loopTrial, time.Duration, error) {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	work := make(chan int)
	done := make([]loopTrial, len(trials))
	began := time.Now()
	var wg sync.WaitGroup
	for range workers {
		wg.Go(func() {
			var last time.Time
			for i := range work {
				trial, err := runTrial(ctx, l, trials[i], last)
				if err != nil {
					cancel(err)
					return
				}
				last, done[i] = trial.proven, trial
			}
		})
	}
feed:
	for i := range trials {
		select {
		case work <- i:
		case <-ctx.Done():
			break feed
		}
	}
	close(work)
	wg.Wait()
	return done, time.Since(began), context.Cause(ctx)
}

func runTrial(ctx context.Context, l *lab, in spec.EvalInput, last time.Time) (trial loopTrial, err error) {
	ctx, cancel := context.WithTimeout(ctx, loopBound)
	defer cancel()
	trial.after, trial.phases = last, map[string]time.Duration{}
	timed := func(phase string, do func() error) error {
		began := time.Now()
		defer func() { trial.phases[phase] = time.Since(began) }()
		if err := do(); err != nil {
			return fmt.Errorf("loop: %s: %w", phase, err)
		}
		return nil
	}
	var sandbox daytona.Sandbox
	if err := timed("create", func() (err error) {
		if sandbox, err = l.daytona.CreateSandbox(ctx, createRequest(in.Sandbox.Language)); err == nil && !sandbox.Started() {
			sandbox, err = l.daytona.WaitStarted(ctx, sandbox.ID)
		}
		return err
	}); err != nil {
		return trial, err
	}
	trial.id = sandbox.ID
	defer func() {
		removeErr := timed("remove", func() error {
			removal, err := l.daytona.RemoveSandbox(context.WithoutCancel(ctx), sandbox.ID, nil)
			trial.proven = removal.ConfirmedAt
			return err
		})
		err = errors.Join(err, removeErr)
	}()
	toolbox := l.daytona.Toolbox(sandbox)
	if err := timed("upload", func() error { return loopUpload(ctx, l.store, toolbox, in) }); err != nil {
		return trial, err
	}
	err = timed("run", func() (err error) {
		trial.passed, err = loopRun(ctx, toolbox.AsRoot(), len(in.Job.Steps))
		return err
	})
	return trial, err
}

// createRequest is a sandbox as CreateSandbox asks for it: no network, and all of the provider's clocks set.
func createRequest(language string) daytona.CreateRequest {
	ttl, ephemeral := 30, 0
	return daytona.CreateRequest{
		Language: language, Labels: map[string]string{"made-by": "bench"}, NetworkBlockAll: true,
		AutoStopMinutes: &ttl, AutoDeleteMinutes: &ephemeral, TTLMinutes: &ttl,
	}
}

// loopUpload puts supervisor, plan and inputs into the sandbox, in the two requests that UploadInputs makes.
func loopUpload(ctx context.Context, store *artifact.Store, toolbox *daytona.Toolbox, in spec.EvalInput) error {
	var steps []supervisor.Step
	cwd := supervisor.Quote(absolute(in.Job.Cwd))
	for _, step := range in.Job.Steps {
		if step.Code != "" || len(step.Env)+len(in.Job.Env) > 0 {
			return errors.New("the loop runs plain commands only")
		}
		script := fmt.Sprintf("mkdir -p %s && cd %s || exit 125\nexec sh -c %s\n", cwd, cwd, supervisor.Quote(step.Command))
		steps = append(steps, supervisor.Step{Script: []byte(script), Stdin: []byte(step.Stdin), Limit: step.TimeLimit.Std(), Continue: step.Continue})
	}
	var control, files []daytona.UploadFile
	for _, file := range supervisor.Files(loopControl, steps) {
		control = append(control, daytona.UploadFile{Path: file.Path, Size: int64(len(file.Data)), Body: bytes.NewReader(file.Data)})
	}
	if err := toolbox.AsRoot().Upload(ctx, control); err != nil {
		return err
	}
	for _, file := range in.Inputs.Files {
		upload := daytona.UploadFile{Path: absolute(file.Path), Size: int64(len(file.Content)), Body: strings.NewReader(file.Content)}
		if file.URI != "" {
			body, err := store.Resolve(ctx, file.URI, file.SHA256)
			if err != nil {
				return err
			}
			defer body.Close()
			upload.Size, upload.Body = -1, body
		}
		files = append(files, upload)
	}
	return toolbox.Upload(ctx, files)
}

// loopRun launches the job, awaits its end, reads its streams, and says whether every step exited 0.
func loopRun(ctx context.Context, toolbox *daytona.Toolbox, steps int) (passed bool, err error) {
	command := supervisor.Launch(loopControl, loopWait)
	for {
		answer, err := toolbox.Execute(ctx, daytona.ExecuteRequest{Command: command, Cwd: "/", Timeout: loopWait + loopSlack})
		if err != nil {
			return false, err
		}
		report, err := supervisor.ParseReport(answer.Output)
		if err != nil {
			return false, err
		}
		switch report.Phase {
		case supervisor.PhaseDone:
			return succeeded(report, steps), readStreams(ctx, toolbox, report)
		case supervisor.PhaseMissing, supervisor.PhaseLost:
			return false, fmt.Errorf("the supervisor is %s", report.Phase)
		}
		command = supervisor.Wait(loopControl, loopWait)
	}
}

func succeeded(report supervisor.Report, steps int) bool {
	for _, step := range report.Steps {
		if !step.Ended || step.TimedOut || step.ExitCode != 0 {
			return false
		}
	}
	return len(report.Steps) == steps
}

func readStreams(ctx context.Context, toolbox *daytona.Toolbox, report supervisor.Report) error {
	for _, step := range report.Steps {
		for stream, size := range map[string]int64{spec.StreamStdout: step.StdoutBytes, spec.StreamStderr: step.StderrBytes} {
			if size == 0 {
				continue
			}
			body, _, err := toolbox.Download(ctx, supervisor.StreamPath(loopControl, step.Number, stream), 0, min(size, loopOutput))
			if err != nil {
				return err
			}
			_, err = io.Copy(io.Discard, body)
			if err := errors.Join(err, body.Close()); err != nil {
				return err
			}
		}
	}
	return nil
}

func absolute(name string) string {
	if path.IsAbs(name) {
		return name
	}
	return path.Join(loopHome, name)
}
