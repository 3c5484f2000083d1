package compare

import (
	"fmt"

	"pitwall/internal/spec"
	"pitwall/internal/stats"
)

// Listed is how many samples of each kind a Comparison names unless all are asked for.
const Listed = 20

// Options of Pair.
type Options struct {
	Reducer spec.Reducer
	// MaxRegression is how far the mean may fall, MinCoverage the least share of the common samples with a value in both.
	MaxRegression float64
	MinCoverage   float64
	Seed          uint64
	// Listed bounds each list of names; 0 is all.
	Listed int
}

// OptionsUnder are those by which a campaign with a reducer ("": the mean) and a gate is held against its baseline. Without
// max_regression nothing is a regression.
func OptionsUnder(gate spec.Gate, reducer string) (Options, error) {
	if reducer == "" {
		reducer = spec.ReduceMean
	}
	parsed, err := spec.ParseReducer(reducer)
	options := Options{Reducer: parsed, MinCoverage: spec.DefaultMinCoverage, MaxRegression: 1, Seed: stats.DefaultSeed, Listed: Listed}
	if gate.MaxRegression != nil {
		options.MaxRegression = *gate.MaxRegression
	}
	if gate.MinCoverage != nil {
		options.MinCoverage = *gate.MinCoverage
	}
	return options, err
}

// DatasetError: the two campaigns ran over different datasets, and their samples cannot be paired.
type DatasetError struct{ Baseline, Candidate *Side }

func (e *DatasetError) Error() string {
	return fmt.Sprintf("campaigns %s and %s have different datasets: SHA-256 %s and %s",
		e.Baseline.Campaign, e.Candidate.Campaign, e.Baseline.DatasetSHA256, e.Candidate.DatasetSHA256)
}

// Pair compares candidate with baseline by the samples that both have. Returns a *DatasetError.
func Pair(baseline, candidate *Side, options Options) (spec.Comparison, error) {
	if baseline.DatasetSHA256 != candidate.DatasetSHA256 {
		return spec.Comparison{}, &DatasetError{baseline, candidate}
	}
	p := pairing{Options: options, Comparison: spec.Comparison{
		Baseline: baseline.Campaign, Candidate: candidate.Campaign, DatasetSHA256: candidate.DatasetSHA256,
		Reducer: options.Reducer.String(), MaxRegression: options.MaxRegression, MinCoverage: options.MinCoverage,
		CanariesFailed: baseline.canariesFailed + candidate.canariesFailed,
		Broken:         []string{}, Fixed: []string{}, OnlyBaseline: []string{}, OnlyCandidate: []string{},
	}}
	for _, id := range baseline.order {
		if other := candidate.samples[id]; other != nil {
			p.add(id, *baseline.samples[id], *other)
		} else {
			p.count(&p.NOnlyBaseline, &p.OnlyBaseline, id)
		}
	}
	for _, id := range candidate.order {
		if baseline.samples[id] == nil {
			p.count(&p.NOnlyCandidate, &p.OnlyCandidate, id)
		}
	}
	p.finish()
	return p.Comparison, nil
}

// pairing is one call of Pair.
type pairing struct {
	Options
	spec.Comparison
	before, after, differences []float64
}

func (p *pairing) add(id string, before, after stats.Cluster) {
	p.NCommon++
	x, okBefore := stats.Reduce(p.Options.Reducer, before.Scored, before.Passed)
	y, okAfter := stats.Reduce(p.Options.Reducer, after.Scored, after.Passed)
	if !okBefore || !okAfter {
		return
	}
	p.NPaired++
	p.before, p.after, p.differences = append(p.before, x), append(p.after, y), append(p.differences, y-x)
	switch {
	case solved(x) && !solved(y):
		p.count(&p.NBroken, &p.Broken, id)
	case solved(y) && !solved(x):
		p.count(&p.NFixed, &p.Fixed, id)
	}
}

// solved makes a yes or no of a sample's value, as McNemar's test and the lists of flips need: over a half.
func solved(value float64) bool { return value > 0.5+stats.Rounding }

func (p *pairing) count(n *int, names *[]string, id string) {
	*n++
	if p.Listed == 0 || len(*names) < p.Listed {
		*names = append(*names, id)
	}
}

func (p *pairing) finish() {
	if p.NCommon > 0 {
		p.Coverage = float64(p.NPaired) / float64(p.NCommon)
	}
	if p.NPaired > 0 {
		before, after, difference := stats.Mean(p.before), stats.Mean(p.after), stats.Mean(p.differences)
		mcnemar := stats.McNemar(p.NBroken, p.NFixed)
		p.BaselineValue, p.CandidateValue, p.Difference, p.McNemarP = &before, &after, &difference, &mcnemar
		p.Interval = stats.BootstrapMean(p.differences, p.Seed)
	}
	p.judge()
}

func (p *pairing) judge() {
	doubt := func(format string, args ...any) { p.Reasons = append(p.Reasons, fmt.Sprintf(format, args...)) }
	if p.CanariesFailed > 0 {
		doubt("canary failed: %d in the two campaigns", p.CanariesFailed)
	}
	switch {
	case p.NCommon == 0:
		doubt("the campaigns have no sample in common")
	case p.NPaired == 0:
		doubt("no sample was scored in both campaigns")
	case p.Coverage < p.Options.MinCoverage:
		doubt("%d of %d common samples were scored in both: coverage %.4g is below %.4g",
			p.NPaired, p.NCommon, p.Coverage, p.Options.MinCoverage)
	}
	switch {
	case len(p.Reasons) > 0:
		p.Verdict = spec.VerdictInconclusive
	case *p.Difference < -p.Options.MaxRegression-stats.Rounding:
		p.Verdict = spec.VerdictFail
		doubt("fell by %.4g against %s, more than max_regression %.4g", -*p.Difference, p.Baseline, p.Options.MaxRegression)
	default:
		p.Verdict = spec.VerdictPass
	}
}
