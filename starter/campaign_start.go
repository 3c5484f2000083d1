package main

import (
	"context"
	"fmt"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"pitwall/internal/spec"
)

// campaignOptions are the flags of `campaign start`, which override the file, and what `dev --demo` sets.
type campaignOptions struct {
	dataset     string
	samples     string
	epochs      int
	maxParallel int
	name        string
	limit       int
	sampleIDs   []string
	sets        []string
	wait        bool
	follow      bool
	dryRun      bool
	// rows prints a table of trials with the result. Set by dev --demo.
	rows bool
}

func campaignStartCommand(term *terminal) *cobra.Command {
	var options campaignOptions
	cmd := &cobra.Command{
		Use:   "start FILE",
		Short: "Start a campaign; --wait follows it to its result",
		Long: `Start a campaign. FILE is YAML or JSON; flags override it. Local dataset and samples files are uploaded to the
store first and passed by digest.

Starting a name that exists attaches to it when its input is the same, and is refused when it is another.
Ctrl-C during --wait leaves the campaign running.`,
		Example: "  starter campaign start examples/humaneval/campaign.yaml --dataset HumanEval.jsonl.gz --samples samples.jsonl --wait\n" +
			"  starter campaign start c.yaml --limit 10 --set eval.job.steps[0].time_limit=20s --wait -o json",
		Args: exactly("FILE"),
		RunE: func(cmd *cobra.Command, args []string) error {
			target, err := loadDeployment(term)
			if err != nil {
				return err
			}
			return startCampaign(cmd.Context(), term, target, args[0], options)
		},
	}
	flags := cmd.Flags()
	options.bind(cmd)
	flags.BoolVar(&options.wait, "wait", false, "wait for the result; exit by its verdict")
	flags.BoolVarP(&options.follow, "follow", "f", false, "--wait with a live view: rate, time left, pass rate with its interval, slots, slowest, last failures")
	flags.BoolVar(&options.dryRun, "dry-run", false, "check everything, print plan, limits and worst-case sandbox-seconds, and start nothing")
	return cmd
}

// bind defines the flags that override a campaign's file; schedules and validate have them too.
func (o *campaignOptions) bind(cmd *cobra.Command) {
	flags := cmd.Flags()
	flags.StringVar(&o.dataset, "dataset", "", "dataset `file` or URI")
	flags.StringVar(&o.samples, "samples", "", "candidate answers: a JSONL `file` or URI of {task_id, completion}")
	flags.IntVar(&o.epochs, "epochs", 0, "repeats of each sample")
	flags.IntVar(&o.maxParallel, "max-parallel", 0, "evals of this campaign that run or wait for a slot at once")
	flags.StringVar(&o.name, "name", "", "campaign's name (default: the file's, with the time)")
	flags.IntVar(&o.limit, "limit", 0, "first `n` samples only")
	flags.StringSliceVar(&o.sampleIDs, "sample-ids", nil, "these samples only, comma-separated")
	flags.StringArrayVar(&o.sets, "set", nil, "`path=value` in the file, such as eval.job.steps[0].time_limit=20s; repeatable")
}

// overrides are the flags as changes of the file, --set first, so that the named flags win.
func (o campaignOptions) overrides() ([]override, error) {
	var changes []override
	for _, pair := range o.sets {
		change, err := parseSet(pair)
		if err != nil {
			return nil, err
		}
		changes = append(changes, change)
	}
	if o.dataset != "" {
		uri, err := fromCurrentFolder(o.dataset)
		if err != nil {
			return nil, err
		}
		// A pin in the file is of the file's own dataset.
		changes = append(changes, override{"dataset.uri", quoteYAML(uri)}, override{"dataset.sha256", ""})
	}
	if o.samples != "" {
		uri, err := fromCurrentFolder(o.samples)
		if err != nil {
			return nil, err
		}
		// In whole: what belongs to another kind of answers (a field, a text) must go.
		changes = append(changes, override{"answers", fmt.Sprintf("{from: %s, uri: %s}", spec.AnswersSamples, quoteYAML(uri))})
	}
	for _, given := range []struct {
		path   string
		number int
	}{{"epochs", o.epochs}, {"max_parallel", o.maxParallel}, {"dataset.limit", o.limit}} {
		if given.number != 0 {
			changes = append(changes, override{given.path, strconv.Itoa(given.number)})
		}
	}
	if o.name != "" {
		changes = append(changes, override{"name", quoteYAML(o.name)})
	}
	if len(o.sampleIDs) > 0 {
		quoted := make([]string, len(o.sampleIDs))
		for i, id := range o.sampleIDs {
			quoted[i] = quoteYAML(id)
		}
		changes = append(changes, override{"dataset.sample_ids", "[" + strings.Join(quoted, ", ") + "]"})
	}
	return changes, nil
}

func fromCurrentFolder(uri string) (string, error) {
	if !isLocalPath(uri) {
		return uri, nil
	}
	return filepath.Abs(uri)
}

// readCampaign reads a campaign's file with its overrides. Paths in the result are absolute; its name is set.
func readCampaign(term *terminal, name string, options campaignOptions) (specFile, spec.CampaignInput, error) {
	file, err := readSpec(term, name)
	if err != nil {
		return file, spec.CampaignInput{}, err
	}
	input, err := decodeCampaign(file, options)
	return file, input, file.named(err)
}

// overridden is a campaign's file with what flags change, and nothing that it does not say.
func overridden(file specFile, options campaignOptions) (spec.CampaignInput, error) {
	changes, err := options.overrides()
	if err != nil {
		return spec.CampaignInput{}, err
	}
	data, err := applyOverrides(file.data, changes)
	if err != nil {
		return spec.CampaignInput{}, err
	}
	return spec.DecodeCampaign(data)
}

func decodeCampaign(file specFile, options campaignOptions) (spec.CampaignInput, error) {
	input, err := overridden(file, options)
	if err != nil {
		return input, err
	}
	for _, uri := range []*string{&input.Dataset.URI, &input.Answers.URI} {
		if isLocalPath(*uri) {
			if *uri, err = file.resolve(*uri); err != nil {
				return input, err
			}
		}
	}
	if input.Name == "" {
		input.Name = file.base() + "-" + time.Now().UTC().Format("20060102-150405")
	}
	return input, nil
}

func startCampaign(ctx context.Context, term *terminal, target deployment, name string, options campaignOptions) error {
	file, input, err := readCampaign(term, name, options)
	if err != nil {
		return err
	}
	planned := target
	if !options.dryRun {
		planned = target.withoutPolicy()
	}
	plan, err := planCampaign(ctx, input, planned)
	if err != nil {
		return file.named(err)
	}
	if options.dryRun {
		return printCampaignPlan(term, plan)
	}
	if err := target.refuseDisabled(); err != nil {
		return err
	}
	if input, err = uploadInputs(ctx, target, input); err != nil {
		return err
	}
	temporal, err := dialTemporal(ctx, target)
	if err != nil {
		return err
	}
	defer temporal.Close()
	running, err := launchCampaign(ctx, term, target, temporal, input)
	if err != nil {
		return err
	}
	if !options.wait && !options.follow {
		return printStarted(term, running.GetID(), running.GetRunID())
	}
	return waitForCampaign(ctx, term, target, temporal, running, input.Name, watching{rows: options.rows, follow: options.follow})
}
