package main

import (
	"context"
	"fmt"
	"os"
	"path"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/spf13/cobra"
	"go.temporal.io/sdk/client"

	"pitwall/internal/artifact"
	"pitwall/internal/spec"
	"pitwall/workflows"
)

// runOptions are the flags of `run`.
type runOptions struct {
	id     string
	files  []string
	dryRun bool
	follow bool
	detach bool
	hold   time.Duration
	holdOK bool
}

func runCommand(term *terminal) *cobra.Command {
	var options runOptions
	cmd := &cobra.Command{
		Use:   "run FILE",
		Short: "Run one eval and print its result",
		Long: `Run one eval and print its result. FILE is YAML or JSON; "-" reads stdin.

Ctrl-C cancels the eval and waits for the proof that its sandbox is gone; a second Ctrl-C leaves at once, and the
eval cleans up by itself.`,
		Example: "  starter run examples/hello.yaml\n  starter run eval.yaml --file data/input.csv=./input.csv --follow",
		Args:    exactly("FILE"),
		RunE: func(cmd *cobra.Command, args []string) error {
			return runEval(cmd.Context(), term, args[0], options)
		},
	}
	flags := cmd.Flags()
	flags.StringVar(&options.id, "id", "", "workflow ID (default: eval/direct/<name>-<time>-<4 hex digits>)")
	flags.StringArrayVar(&options.files, "file", nil, "`PATH=LOCAL`: upload a local file and put it at PATH in the sandbox; repeatable")
	flags.BoolVar(&options.dryRun, "dry-run", false, "print plan, limits and worst-case sandbox-seconds, and start nothing")
	flags.BoolVarP(&options.follow, "follow", "f", false, "print the job's output while it runs, on stderr")
	flags.DurationVar(&options.hold, "hold", 0, "keep the sandbox of a job that did not succeed for a look, at most this long: see release")
	flags.BoolVar(&options.holdOK, "hold-always", false, "with --hold, whatever the job came to")
	flags.BoolVar(&options.detach, "detach", false, "start the eval, print its ID, and leave")
	return cmd
}

func runEval(ctx context.Context, term *terminal, name string, options runOptions) error {
	file, err := readSpec(term, name)
	if err != nil {
		return err
	}
	input, err := spec.DecodeEval(file.data)
	if err != nil {
		return file.named(err)
	}
	if err := options.setHold(&input); err != nil {
		return err
	}
	target, err := loadDeployment(term)
	if err != nil {
		return err
	}
	if _, err := planOf(input, target); err != nil {
		return file.named(err)
	}
	if options.dryRun {
		return printEvalPlan(term, input, target)
	}
	if err := target.refuseDisabled(); err != nil {
		return err
	}
	if err := addFiles(ctx, target, &input, options.files); err != nil {
		return err
	}
	if options.id == "" {
		options.id = directID(input, file)
	}
	if trialID.MatchString(options.id) {
		return &UsageError{Problem: fmt.Sprintf("--id %s is what a campaign's trial is called", options.id), Hint: "choose one that does not end in /<number>, such as eval/direct/lint-3"}
	}
	return startEval(ctx, term, target, input, options)
}

// setHold lays --hold over the file's own.
func (o runOptions) setHold(input *spec.EvalInput) error {
	if o.hold == 0 {
		if o.holdOK {
			return &UsageError{Problem: "--hold-always without --hold", Hint: "say for how long, such as --hold 10m"}
		}
		return nil
	}
	input.Hold = spec.Hold{Time: spec.Duration(o.hold)}
	if o.holdOK {
		input.Hold.When = spec.WhenAlways
	}
	return input.Validate()
}

func startEval(ctx context.Context, term *terminal, target deployment, input spec.EvalInput, options runOptions) error {
	temporal, err := dialTemporal(ctx, target)
	if err != nil {
		return err
	}
	defer temporal.Close()
	start, cancel := startContext(ctx)
	defer cancel()
	running, err := temporal.ExecuteWorkflow(start, client.StartWorkflowOptions{
		ID: options.id, TaskQueue: workflows.TaskQueue, WorkflowExecutionErrorWhenAlreadyStarted: true,
		StaticSummary: strings.TrimSpace("eval " + input.Name),
	}, workflows.EvalWorkflow, input)
	if err != nil {
		return explainStart("eval", options.id, err)
	}
	if options.detach {
		return printStarted(term, running.GetID(), running.GetRunID())
	}
	term.note("%s started%s", running.GetID(), linkTo(target, running.GetID(), running.GetRunID()))
	result, err := awaitEval(ctx, term, target, temporal, running, options.follow)
	if err != nil {
		return err
	}
	if err := printEval(term, target, result); err != nil {
		return err
	}
	return evalOutcome(ctx, result)
}

// directID names an eval that belongs to no campaign.
func directID(input spec.EvalInput, file specFile) string {
	name := file.base()
	if input.Name != "" {
		name = safeName(input.Name)
	}
	return fmt.Sprintf("eval/direct/%s-%s-%s", name, time.Now().UTC().Format("20060102-150405"), uuid.NewString()[:4])
}

// addFiles uploads local files to the store and adds them to the eval's inputs.
func addFiles(ctx context.Context, target deployment, input *spec.EvalInput, pairs []string) error {
	if len(pairs) == 0 {
		return nil
	}
	store, err := openStore(ctx, target)
	if err != nil {
		return err
	}
	defer store.Close()
	for _, pair := range pairs {
		inside, local, found := strings.Cut(pair, "=")
		if !found || inside == "" || local == "" {
			return &UsageError{Problem: fmt.Sprintf("--file %s", pair), Hint: "write --file PATH-IN-SANDBOX=LOCAL-FILE"}
		}
		ref, err := uploadFile(ctx, store, local)
		if err != nil {
			return err
		}
		info, err := os.Stat(local)
		input.Inputs.Files = append(input.Inputs.Files, spec.File{
			Path: path.Clean(inside), URI: ref.URI, SHA256: ref.SHA256, Bytes: ref.Bytes,
			Executable: err == nil && info.Mode()&0o100 != 0,
		})
	}
	return input.Validate()
}

// uploadFile puts a local file into the store, under its digest.
func uploadFile(ctx context.Context, store *artifact.Store, name string) (spec.Ref, error) {
	file, err := openLocal(name)
	if err != nil {
		return spec.Ref{}, err
	}
	defer file.Close()
	ref, err := store.PutBlob(ctx, file, spec.MaxFileBytes)
	if err != nil {
		return spec.Ref{}, fmt.Errorf("upload %s: %w", name, err)
	}
	return ref, nil
}
