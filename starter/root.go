package main

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"
)

// execute runs one command line and returns its exit code. Errors are printed here and nowhere else.
func execute(ctx context.Context, term *terminal, args []string) int {
	root := newRoot(term)
	root.SetArgs(args)
	err := root.ExecuteContext(ctx)
	if err != nil && !term.running {
		err = asUsage(err) // cobra's own: an unknown flag, a missing argument
	}
	err = asInterrupted(ctx, err)
	term.reportError(err)
	return exitCode(ctx, err)
}

func newRoot(term *terminal) *cobra.Command {
	root := &cobra.Command{
		Use:   "starter",
		Short: "Run evaluations of AI-generated code in sandboxes, as durable workflows",
		Long: `Run evaluations of AI-generated code in sandboxes, as durable workflows.

Exit codes: 0 passed · 1 the job or the gate failed · 2 infrastructure error or inconclusive
            3 wrong use or invalid input · 130 Ctrl-C (a campaign goes on)`,
		SilenceErrors: true,
		SilenceUsage:  true,
		PersistentPreRunE: func(*cobra.Command, []string) error {
			if err := term.checkOutput(); err != nil {
				return err
			}
			term.running = true
			return nil
		},
	}
	root.SetIn(term.in)
	root.SetOut(term.out)
	root.SetErr(term.err)
	root.PersistentFlags().StringVarP(&term.output, "output", "o", outputText, "text or json")
	root.PersistentFlags().BoolVarP(&term.quiet, "quiet", "q", false, "no progress and no hints on stderr")
	root.SetFlagErrorFunc(func(cmd *cobra.Command, err error) error {
		return &UsageError{Problem: err.Error(), Hint: "see: " + cmd.CommandPath() + " --help"}
	})
	root.AddCommand(
		devCommand(term), runCommand(term), releaseCommand(term), validateCommand(term), campaignCommand(term), scheduleCommand(term),
		findCommand(term), logsCommand(term), artifactsCommand(term), sandboxesCommand(term), sandboxdCommand(term),
		retentionCommand(term), namespaceCommand(term), codecServerCommand(term), doctorCommand(term), reportCommand(term), versionCommand(term),
	)
	root.InitDefaultCompletionCmd()
	for _, cmd := range root.Commands() {
		if cmd.Name() == "completion" {
			requireSubcommand(cmd)
		}
	}
	root.CompletionOptions.SetDefaultShellCompDirective(cobra.ShellCompDirectiveDefault)
	requireSubcommand(root)
	return root
}

// group makes a command that only holds others.
func group(use, short string, subcommands ...*cobra.Command) *cobra.Command {
	cmd := &cobra.Command{Use: use, Short: short}
	cmd.AddCommand(subcommands...)
	requireSubcommand(cmd)
	return cmd
}

// requireSubcommand makes a group say which commands it knows; cobra would print its help and exit 0.
func requireSubcommand(cmd *cobra.Command) {
	cmd.Args = cobra.ArbitraryArgs
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		if len(args) == 0 {
			return cmd.Help()
		}
		return &UsageError{
			Problem: fmt.Sprintf("unknown command %q for %q", args[0], cmd.CommandPath()),
			Hint:    "the commands are: " + strings.Join(names(cmd.Commands()), ", "),
		}
	}
}

func names(commands []*cobra.Command) []string {
	var names []string
	for _, cmd := range commands {
		if cmd.IsAvailableCommand() {
			names = append(names, cmd.Name())
		}
	}
	slices.Sort(names)
	return names
}

// exactly is cobra.ExactArgs with the arguments' names in its message.
func exactly(argNames ...string) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		if len(args) == len(argNames) {
			return nil
		}
		problem := fmt.Sprintf("%q wants %s", cmd.CommandPath(), strings.Join(argNames, " "))
		switch {
		case len(args) > len(argNames):
			problem += fmt.Sprintf(", and got %q besides", args[len(argNames)])
		case len(argNames) == 1:
			problem += ", and got nothing"
		}
		return &UsageError{Problem: problem, Hint: "usage: " + cmd.UseLine()}
	}
}
