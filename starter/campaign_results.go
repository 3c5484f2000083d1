package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"

	"github.com/spf13/cobra"

	"pitwall/internal/artifact"
	"pitwall/internal/results"
	"pitwall/internal/spec"
)

// resultsOptions are the flags of `campaign results`.
type resultsOptions struct {
	failed bool
	jsonl  bool
}

func campaignResultsCommand(term *terminal) *cobra.Command {
	var options resultsOptions
	cmd := &cobra.Command{
		Use:   "results ID",
		Short: "Print a campaign's trials, one row each, from the store alone",
		Long: `Print a campaign's trials, one row each, in the order of its manifest, from the store alone; also while it runs.
Rows that a retry repaired are the retry's. -o json prints one array, --jsonl one row a line.`,
		Args: exactly("ID"),
		RunE: func(cmd *cobra.Command, args []string) error {
			target, err := loadDeployment(term)
			if err != nil {
				return err
			}
			return showResults(cmd.Context(), term, target, campaignName(args[0]), options)
		},
	}
	cmd.Flags().BoolVar(&options.failed, "failed", false, "only trials that did not pass")
	cmd.Flags().BoolVar(&options.jsonl, "jsonl", false, "one JSON object a line")
	return cmd
}

func showResults(ctx context.Context, term *terminal, target deployment, name string, options resultsOptions) error {
	store, err := openStore(ctx, target)
	if err != nil {
		return err
	}
	defer store.Close()
	out := newRowPrinter(term, options)
	for row, err := range results.Rows(ctx, store, name, results.MissingSkipped) {
		if errors.Is(err, artifact.ErrNotFound) {
			return unknownCampaign(ctx, store, name)
		}
		if err != nil {
			return errors.Join(err, out.end()) // what was read is whole, also as JSON
		}
		if options.failed && asWanted(row) {
			continue
		}
		if err := out.add(row); err != nil {
			return err
		}
	}
	return out.end()
}

// asWanted: a trial that passed, or a canary that ended as expected.
func asWanted(row spec.TrialRow) bool {
	if row.Canary != "" {
		return row.Status == spec.StatusCompleted
	}
	return row.Passed != nil && *row.Passed
}

// printRows prints a finished campaign's table.
func printRows(ctx context.Context, term *terminal, target deployment, name string) error {
	return showResults(ctx, term, target, name, resultsOptions{})
}

// rowPrinter prints rows as they come: a table, an array, or lines.
type rowPrinter interface {
	add(row spec.TrialRow) error
	end() error
}

func newRowPrinter(term *terminal, options resultsOptions) rowPrinter {
	switch {
	case options.jsonl:
		return &rowLines{out: bufio.NewWriter(term.out)}
	case term.wantsJSON():
		return &rowArray{rowLines: rowLines{out: bufio.NewWriter(term.out)}}
	}
	return &rowTable{newTable(term, "SAMPLE", "EPOCH", "STATUS", "PASSED", "SCORE", "EXIT", "JOB", "ATTEMPTS", "WHY")}
}

// rowLines writes JSONL and holds one row at a time.
type rowLines struct{ out *bufio.Writer }

func (r *rowLines) add(row spec.TrialRow) error {
	encoder := json.NewEncoder(visibleJSON(r.out))
	encoder.SetEscapeHTML(false)
	return encoder.Encode(row)
}

func (r *rowLines) end() error { return r.out.Flush() }

// rowArray writes one JSON array and holds one row at a time.
type rowArray struct {
	rowLines
	begun bool
}

func (r *rowArray) add(row spec.TrialRow) error {
	separator := ","
	if !r.begun {
		separator, r.begun = "[\n", true
	}
	r.out.WriteString(separator) //nolint:errcheck // a bufio.Writer keeps its error for Flush
	return r.rowLines.add(row)
}

func (r *rowArray) end() error {
	closing := "]\n"
	if !r.begun {
		closing = "[]\n"
	}
	r.out.WriteString(closing) //nolint:errcheck // a bufio.Writer keeps its error for Flush
	return r.out.Flush()
}

// rowTable is for people.
type rowTable struct{ dataTable }

func (r *rowTable) add(row spec.TrialRow) error {
	r.row(row.SampleID, row.Epoch, row.Status, passedText(row.Passed), numberText(row.Score), exitText(row),
		millis(row.Timings.JobMS), row.Attempts, whyText(row))
	return nil
}

func (r *rowTable) end() error {
	r.print()
	return nil
}

func passedText(passed *bool) string {
	switch {
	case passed == nil:
		return "-"
	case *passed:
		return "yes"
	}
	return "no"
}

func numberText(value *float64) string {
	if value == nil {
		return "-"
	}
	return strconv.FormatFloat(*value, 'g', 4, 64)
}

func exitText(row spec.TrialRow) string {
	switch {
	case row.TimedOut:
		return "time limit"
	case row.ExitCode == nil:
		return "-"
	}
	return strconv.Itoa(*row.ExitCode)
}

func whyText(row spec.TrialRow) string {
	if row.Error == nil {
		return ""
	}
	const most = 60
	text := fmt.Sprintf("%s: %s", row.Error.Type, row.Error.Message)
	if runes := []rune(text); len(runes) > most {
		text = string(runes[:most]) + "…"
	}
	return text
}
