package spec

// Interval holds a value with 95 % confidence.
type Interval struct {
	Low  float64 `json:"low"`
	High float64 `json:"high"`
}

// Bootstrap is a percentile interval of a mean over samples, and what is needed to make it again.
type Bootstrap struct {
	Interval
	Seed      uint64 `json:"seed"`
	Resamples int    `json:"resamples"`
}

// Reduced is the mean over samples, each of which a reducer has made one number of.
type Reduced struct {
	Reducer string `json:"reducer"`
	// NSamples that the reducer is defined for.
	NSamples int `json:"n_samples"`
	// Coverage is NSamples ÷ all samples of the campaign.
	Coverage float64 `json:"coverage"`
	// Value is nil, as is Interval, where NSamples is 0.
	Value    *float64   `json:"value"`
	Interval *Bootstrap `json:"interval"`
}

// Comparison is what became of the samples of a baseline in a candidate: two campaigns over the same dataset, sample by
// sample. A sample is solved when its reduced value is more than a half.
type Comparison struct {
	Baseline      string `json:"baseline"`
	Candidate     string `json:"candidate"`
	DatasetSHA256 string `json:"dataset_sha256"`
	Reducer       string `json:"reducer"`
	// NCommon counts the samples of both campaigns, NPaired those of them with a value in both; Coverage is their quotient.
	NCommon  int     `json:"n_common"`
	NPaired  int     `json:"n_paired"`
	Coverage float64 `json:"coverage"`
	// Means over the paired samples, and candidate − baseline with its interval. Nil where nothing is paired.
	BaselineValue  *float64   `json:"baseline_value"`
	CandidateValue *float64   `json:"candidate_value"`
	Difference     *float64   `json:"difference"`
	Interval       *Bootstrap `json:"interval"`
	// NBroken were solved by the baseline alone, NFixed by the candidate alone; McNemarP is the exact two-sided p-value.
	NBroken  int      `json:"n_broken"`
	NFixed   int      `json:"n_fixed"`
	McNemarP *float64 `json:"mcnemar_p"`
	// Broken and Fixed name the first of them, OnlyBaseline and OnlyCandidate the first samples that one campaign alone has.
	Broken         []string `json:"broken"`
	Fixed          []string `json:"fixed"`
	NOnlyBaseline  int      `json:"n_only_baseline"`
	NOnlyCandidate int      `json:"n_only_candidate"`
	OnlyBaseline   []string `json:"only_baseline"`
	OnlyCandidate  []string `json:"only_candidate"`
	// CanariesFailed of both campaigns.
	CanariesFailed int `json:"canaries_failed"`
	// MaxRegression and MinCoverage are what Verdict was held against, Reasons why it is not PASS.
	MaxRegression float64  `json:"max_regression"`
	MinCoverage   float64  `json:"min_coverage"`
	Verdict       string   `json:"verdict"`
	Reasons       []string `json:"reasons,omitempty"`
}
