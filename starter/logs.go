package main

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"pitwall/internal/artifact"
)

// logsOptions are the flags of `logs`.
type logsOptions struct {
	follow  bool
	attempt int
	step    string
	stream  string
	raw     bool
}

// streamNames in the order in which they are printed.
func streamNames() []string { return []string{"stdout", "stderr"} }

func logsCommand(term *terminal) *cobra.Command {
	var options logsOptions
	cmd := &cobra.Command{
		Use:   "logs EVAL",
		Short: "Print a job's output, also while it runs",
		Long: `Print a job's output: its stdout to stdout, its stderr to stderr. It is read from the store and needs neither
Temporal nor a Daytona key; -f goes on until the eval has its result, also through a worker's death.

-o json gives one object a line: {"stream", "text"}, or "base64" for bytes that are not UTF-8.

On a terminal control characters are shown as escapes, because the output is a stranger's; --raw sends the bytes.`,
		Example: "  starter logs eval/quickstart-20261122-101500/sum-1/1\n  starter logs -f eval/direct/hello-20261122-101500-1f3c",
		Args:    exactly("EVAL"),
		RunE: func(cmd *cobra.Command, args []string) error {
			return printLogs(cmd.Context(), term, args[0], options)
		},
	}
	flags := cmd.Flags()
	flags.BoolVarP(&options.follow, "follow", "f", false, "go on until the eval has its result")
	flags.IntVar(&options.attempt, "attempt", 0, "attempt `n` (default: the last; with -f of a running eval each)")
	flags.StringVar(&options.step, "step", "", "this step only")
	flags.StringVar(&options.stream, "stream", "", "stdout or stderr only")
	flags.BoolVar(&options.raw, "raw", false, "send the bytes as they are, also to a terminal")
	return cmd
}

func printLogs(ctx context.Context, term *terminal, evalID string, options logsOptions) error {
	if options.stream != "" && options.stream != "stdout" && options.stream != "stderr" {
		return &UsageError{Problem: fmt.Sprintf("unknown stream %q", options.stream), Hint: "--stream takes stdout or stderr"}
	}
	target, err := loadDeployment(term)
	if err != nil {
		return err
	}
	store, err := openStore(ctx, target)
	if err != nil {
		return err
	}
	defer store.Close()
	out := newLogOutput(term, options.raw)
	defer out.close()
	logs := evalLogs{store: store, prefix: evalPrefix(evalID), options: options}
	if !options.follow {
		return logs.print(ctx, evalID, out)
	}
	if err := logs.awaitable(ctx, target, evalID); err != nil {
		return err
	}
	return logs.follow(ctx, evalID, out)
}

// logOutput is where the two streams of a job go.
type logOutput map[string]io.Writer

func newLogOutput(term *terminal, raw bool) logOutput {
	if term.wantsJSON() {
		return logOutput{"stdout": logPieces{term, "stdout"}, "stderr": logPieces{term, "stderr"}}
	}
	return logOutput{"stdout": guarded(term.out, raw), "stderr": guarded(term.err, raw)}
}

// guarded keeps a stranger's control characters from a terminal.
func guarded(w io.Writer, raw bool) io.Writer {
	if raw || !isTerminal(w) {
		return w
	}
	return &visibleWriter{To: w}
}

func (o logOutput) close() {
	for _, w := range o {
		if guard, ok := w.(*visibleWriter); ok {
			_ = guard.Close() // a terminal that is gone reads nothing more
		}
	}
}

// evalLogs reads the output of one eval.
type evalLogs struct {
	store   *artifact.Store
	prefix  string
	options logsOptions
}

// print writes what there is, step after step.
func (l evalLogs) print(ctx context.Context, evalID string, out logOutput) error {
	attempt, err := l.attempt(ctx)
	if err != nil {
		return err
	}
	if attempt == nil {
		if begun, err := hasAny(ctx, l.store, l.prefix+"/"); err != nil || begun {
			return err // it has written nothing
		}
		return unknownEval(ctx, l.store, evalID)
	}
	steps, err := l.steps(ctx, *attempt)
	if err != nil {
		return err
	}
	for _, step := range steps {
		for _, stream := range l.streams() {
			if err := l.copy(ctx, *attempt, step, stream, out[stream]); err != nil {
				return err
			}
		}
	}
	return nil
}

func (l evalLogs) copy(ctx context.Context, attempt attemptLogs, step, stream string, w io.Writer) error {
	from, err := l.store.OpenStream(ctx, artifact.Stream(attempt.prefix, step, stream))
	if errors.Is(err, artifact.ErrNotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	defer from.Close()
	if _, err := io.Copy(w, from); err != nil {
		return fmt.Errorf("read %s of step %s: %w", stream, step, err)
	}
	return nil
}

func (l evalLogs) streams() []string {
	if l.options.stream != "" {
		return []string{l.options.stream}
	}
	return streamNames()
}
