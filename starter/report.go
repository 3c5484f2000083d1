package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"pitwall/internal/artifact"
	"pitwall/internal/compare"
	"pitwall/internal/report"
	"pitwall/internal/results"
)

// reportOptions are the flags of `report`.
type reportOptions struct {
	format, output, baseline string
}

// maxReportNights of the campaign's series that a report shows.
const maxReportNights = 60

func reportCommand(term *terminal) *cobra.Command {
	var options reportOptions
	cmd := &cobra.Command{
		Use:   "report CAMPAIGN",
		Short: "Write a campaign's report: one HTML file, Markdown, JSON, CSV, JUnit, JSON lines, annotations or a mail",
		Long: `Write a campaign's report from the store alone, also while the campaign runs, with its retries counted in.

html       one file that needs no network: verdict, numbers, plots, and a table of trials with code, output and certificates
md         a summary for a comment
json       all of it; csv, a row a trial; junit, a test case a trial
jsonl      results.jsonl of problem_idx, repeat and reward, for the trials with a score
humaneval  HumanEval's _results.jsonl, for the trials with a score
github     annotations, printed in a step of GitHub's actions
gitlab     a Code Quality report, an artifact of GitLab's CI
mail       a message with its Subject, for a program such as sendmail

Exit code 0 when the report was written, whatever the verdict.`,
		Args: exactly("CAMPAIGN"),
		RunE: func(cmd *cobra.Command, args []string) error {
			return writeReport(cmd.Context(), term, campaignName(args[0]), options)
		},
	}
	flags := cmd.Flags()
	flags.StringVar(&options.format, "format", "", "html, md, json, csv, junit, jsonl, humaneval, github, gitlab or mail (default: as --output ends, else html)")
	flags.StringVarP(&options.output, "output", "o", "", "`file` to write (default stdout)")
	flags.StringVar(&options.baseline, "baseline", "", "compare with this `campaign` over the same dataset (default: the campaign's own baseline)")
	return cmd
}

func writeReport(ctx context.Context, term *terminal, name string, options reportOptions) error {
	form, err := options.form(term)
	if err != nil {
		return err
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
	made, err := readReport(ctx, store, name, options.baseline)
	if err != nil {
		return err
	}
	if options.output == "" {
		out := guarded(term.out, false)
		err := form.Write(out, made)
		if guard, ok := out.(*visibleWriter); ok && err == nil {
			err = guard.Close()
		}
		return err
	}
	if err := replaceFile(options.output, func(w io.Writer) error { return form.Write(w, made) }); err != nil {
		return fmt.Errorf("write %s: %w", options.output, err)
	}
	term.note("%s: %d trials", options.output, len(made.Trials))
	return nil
}

// form is what --format or the file's ending asks for.
func (o reportOptions) form(term *terminal) (report.Form, error) {
	name := o.format
	switch {
	case o.output == outputJSON || o.output == outputText:
		return report.Form{}, &UsageError{Problem: "-o names the report's file here", Hint: "--format json writes JSON to stdout"}
	case name == "" && strings.EqualFold(filepath.Ext(o.output), ".xml"):
		name = "junit"
	case name == "" && filepath.Ext(o.output) != "":
		name = strings.ToLower(strings.TrimPrefix(filepath.Ext(o.output), "."))
	case name == "":
		name = "html"
	}
	form, ok := report.FormNamed(name)
	if !ok {
		var known []string
		for _, form := range report.Forms {
			known = append(known, form.Name)
		}
		return form, &UsageError{Problem: fmt.Sprintf("unknown form of report %q", name), Hint: "--format takes " + strings.Join(known, ", ")}
	}
	if form.Name == "html" && o.output == "" && isTerminal(term.out) {
		return form, &UsageError{Problem: "a terminal cannot show HTML", Hint: "write it to a file: -o report.html; or see it here: --format md"}
	}
	return form, nil
}

func readReport(ctx context.Context, store *artifact.Store, name, baseline string) (*report.Report, error) {
	campaign, err := campaignForReport(ctx, store, name)
	if err != nil {
		return nil, err
	}
	builder := report.NewBuilder(campaign)
	side := compare.NewSide(name, campaign.DatasetSHA256)
	for detail, err := range results.Details(ctx, store, name, campaign.Missing()) {
		if err != nil {
			return nil, err
		}
		side.Add(detail.Row)
		err := builder.Add(detail)
		if errors.Is(err, report.ErrTooManyTrials) {
			return nil, &UsageError{Problem: fmt.Sprintf("campaign %s has %v", name, err), Hint: "starter campaign results --jsonl has them all"}
		}
	}
	if err := compareForReport(ctx, store, builder, campaign, baseline, side); err != nil {
		return nil, err
	}
	series, err := results.Series(ctx, store, campaign, maxReportNights)
	if err != nil {
		return nil, err
	}
	return builder.Finish(series), nil
}

// campaignForReport is what a report begins with. One that was judged again ended when the campaign did; what the campaign was
// compared with was judged otherwise, so the comparison is left out.
func campaignForReport(ctx context.Context, store *artifact.Store, name string) (results.Campaign, error) {
	read := name
	if artifact.IsRescore(name) {
		read, _ = artifact.SplitRetry(name)
	}
	campaign, err := results.ReadCampaign(ctx, store, read)
	if errors.Is(err, artifact.ErrNotFound) {
		return campaign, unknownCampaign(ctx, store, read)
	}
	if err != nil {
		return campaign, err
	}
	if root, _ := artifact.SplitRetry(read); root == read {
		err = awaitExtension(ctx, store, &campaign)
	}
	if read != name {
		campaign.Campaign = name
		if campaign.Summary != nil {
			campaign.Summary.Comparison = nil
		}
	}
	return campaign, err
}

// awaitExtension makes a campaign unfinished while an extension, whose trials are the campaign's, is.
func awaitExtension(ctx context.Context, store *artifact.Store, campaign *results.Campaign) error {
	last, err := results.LastExtension(ctx, store, campaign.Campaign)
	if err != nil || last == 0 {
		return err
	}
	extension, err := results.ReadCampaign(ctx, store, artifact.Extension(campaign.Campaign, last))
	if extension.Summary == nil {
		campaign.Summary = nil
	}
	return err
}

// maxReportFlips is how many samples of each kind a report names.
const maxReportFlips = 200

// compareForReport puts the comparison with a baseline into a report, as the campaign's own gate asks. Without one that is the
// campaign's own: as its end found it, unless what was retried or added since says more, and the baseline is still there.
func compareForReport(
	ctx context.Context, store *artifact.Store, builder *report.Builder, campaign results.Campaign, baseline string, candidate *compare.Side,
) error {
	own := baseline == ""
	if own {
		if campaign.Summary == nil || campaign.Summary.Comparison == nil {
			return nil
		}
		parts, err := results.Parts(ctx, store, campaign.Campaign)
		if err != nil || len(parts) == 1 {
			return err
		}
		baseline = campaign.Summary.Comparison.Baseline
	}
	before, err := compare.Read(ctx, store, campaignName(baseline))
	switch {
	case errors.Is(err, artifact.ErrNotFound) && own:
		return nil
	case errors.Is(err, artifact.ErrNotFound):
		return unknownCampaign(ctx, store, baseline)
	case err != nil:
		return err
	}
	options, err := compare.OptionsUnder(campaign.Effective.Gate, campaign.Reducer())
	if err != nil {
		return err
	}
	options.Listed = maxReportFlips
	compared, err := compare.Pair(before, candidate, options)
	if errors.As(err, new(*compare.DatasetError)) {
		if own {
			return nil // its name is another's by now
		}
		return &UsageError{Err: err, Hint: "compare campaigns that ran over the same dataset file"}
	}
	if err == nil {
		builder.Compared(compared)
	}
	return err
}

// replaceFile writes a file whole or not at all. What is no regular file, such as a pipe, is written to as it is.
func replaceFile(name string, write func(io.Writer) error) error {
	if info, err := os.Stat(name); err == nil && !info.Mode().IsRegular() {
		return writeTo(name, write)
	}
	file, err := os.CreateTemp(filepath.Dir(name), ".report-*")
	if err != nil {
		return err
	}
	defer func() { _ = os.Remove(file.Name()) }() // gone already once it has its name
	defer file.Close()
	out := bufio.NewWriter(file)
	if err := write(out); err != nil {
		return err
	}
	if err := out.Flush(); err != nil {
		return err
	}
	if err := file.Chmod(0o644); err != nil { //nolint:gosec // a report is for others to read, as any file that a command is told to write
		return err
	}
	if err := file.Close(); err != nil {
		return err
	}
	return os.Rename(file.Name(), name)
}

func writeTo(name string, write func(io.Writer) error) error {
	file, err := os.OpenFile(name, os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	return errors.Join(write(file), file.Close())
}
