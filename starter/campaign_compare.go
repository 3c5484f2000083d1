package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"pitwall/internal/artifact"
	"pitwall/internal/compare"
	"pitwall/internal/spec"
	"pitwall/internal/stats"
)

// compareFlags are the flags of `campaign compare`.
type compareFlags struct {
	maxRegression, minCoverage float64
	reducer                    string
	seed                       uint64
	all                        bool
}

func campaignCompareCommand(term *terminal) *cobra.Command {
	var flags compareFlags
	cmd := &cobra.Command{
		Use:   "compare BASELINE CANDIDATE",
		Short: "Compare two campaigns over the same dataset, sample by sample, from the store alone",
		Long: `Compare two campaigns over the same dataset, sample by sample, from the store alone: the difference with its interval
(paired bootstrap), the exact McNemar test, and which samples flipped each way.
Exit code 0 no regression beyond --max-regression, 1 a regression, 2 inconclusive, 3 also where the datasets differ.`,
		Args: exactly("BASELINE", "CANDIDATE"),
		RunE: func(cmd *cobra.Command, args []string) error {
			options, err := flags.options()
			if err != nil {
				return err
			}
			return compareCampaigns(cmd.Context(), term, campaignName(args[0]), campaignName(args[1]), options)
		},
	}
	set := cmd.Flags()
	set.Float64Var(&flags.maxRegression, "max-regression", 0, "how far the mean over samples may fall, as a `share`")
	set.Float64Var(&flags.minCoverage, "min-coverage", spec.DefaultMinCoverage,
		"`share` of the common samples that must be scored in both")
	set.StringVar(&flags.reducer, "reducer", spec.ReduceMean,
		"what makes one number of a sample's epochs: mean, max, mode, at_least_K, pass@K, pass^K")
	set.Uint64Var(&flags.seed, "seed", stats.DefaultSeed, "of the bootstrap")
	set.BoolVar(&flags.all, "all", false, fmt.Sprintf("name all samples, not the first %d of each kind", compare.Listed))
	return cmd
}

func (f compareFlags) options() (compare.Options, error) {
	reducer, err := spec.ParseReducer(f.reducer)
	if err != nil {
		return compare.Options{}, &UsageError{Problem: "--reducer", Err: err}
	}
	for name, share := range map[string]float64{"--max-regression": f.maxRegression, "--min-coverage": f.minCoverage} {
		if !(share >= 0 && share <= 1) {
			return compare.Options{}, &UsageError{Problem: fmt.Sprintf("%s %v is not a share: want 0 to 1", name, share)}
		}
	}
	options := compare.Options{
		Reducer: reducer, MaxRegression: f.maxRegression, MinCoverage: f.minCoverage, Seed: f.seed, Listed: compare.Listed,
	}
	if f.all {
		options.Listed = 0
	}
	return options, nil
}

func compareCampaigns(ctx context.Context, term *terminal, baseline, candidate string, options compare.Options) error {
	target, err := loadDeployment(term)
	if err != nil {
		return err
	}
	store, err := openStore(ctx, target)
	if err != nil {
		return err
	}
	defer store.Close()
	before, err := readSide(ctx, store, baseline)
	if err != nil {
		return err
	}
	after, err := readSide(ctx, store, candidate)
	if err != nil {
		return err
	}
	compared, err := compare.Pair(before, after, options)
	if errors.As(err, new(*compare.DatasetError)) {
		return &UsageError{Err: err, Hint: "compare campaigns that ran over the same dataset file"}
	}
	if err != nil {
		return err
	}
	if err := printComparison(term, compared); err != nil {
		return err
	}
	return comparisonOutcome(compared)
}

func readSide(ctx context.Context, store *artifact.Store, name string) (*compare.Side, error) {
	side, err := compare.Read(ctx, store, name)
	if errors.Is(err, artifact.ErrNotFound) {
		return nil, unknownCampaign(ctx, store, name)
	}
	return side, err
}

func comparisonOutcome(compared spec.Comparison) error {
	switch compared.Verdict {
	case spec.VerdictPass:
		return nil
	case spec.VerdictFail:
		return outcome(exitFailed)
	}
	return outcome(exitInfra)
}

func printComparison(term *terminal, compared spec.Comparison) error {
	if term.wantsJSON() {
		return term.printJSON(compared)
	}
	before, after := visible(compared.Baseline), visible(compared.Candidate)
	term.printf("%s  %s against %s, by %s\n", term.coloured(compared.Verdict), after, before, compared.Reducer)
	for _, reason := range compared.Reasons {
		term.printf("  why          %s\n", visible(reason))
	}
	term.printf("  samples      %d in both, %d scored in both (coverage %.3f), %d only in %s, %d only in %s\n",
		compared.NCommon, compared.NPaired, compared.Coverage, compared.NOnlyBaseline, before, compared.NOnlyCandidate, after)
	if compared.Difference != nil {
		term.printf("  mean         %.3f, was %.3f\n", *compared.CandidateValue, *compared.BaselineValue)
		term.printf("  difference   %s\n", differenceText(compared))
		term.printf("  bootstrap    %d resamples, seed %d\n", compared.Interval.Resamples, compared.Interval.Seed)
	}
	for _, list := range []struct {
		label string
		names []string
		of    int
	}{
		{"broken", compared.Broken, compared.NBroken},
		{"fixed", compared.Fixed, compared.NFixed},
		{"only before", compared.OnlyBaseline, compared.NOnlyBaseline},
		{"only after", compared.OnlyCandidate, compared.NOnlyCandidate},
	} {
		for _, name := range list.names {
			term.printf("  %-12s %s\n", list.label, visible(name))
		}
		if more := list.of - len(list.names); more > 0 {
			term.printf("  %-12s … and %d more: --all names them\n", list.label, more)
		}
	}
	return nil
}
