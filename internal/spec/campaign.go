package spec

import "time"

// CampaignInput is one launch of one dataset: samples × epochs.
type CampaignInput struct {
	// Name becomes campaign/<name>, the workflow ID. Default: the file's base name and a time stamp, given by the starter.
	Name    string  `json:"name,omitempty"`
	Dataset Dataset `json:"dataset"`
	// Answers are the candidates that are judged. Default from job.
	Answers Answers `json:"answers,omitzero"`
	// Epochs repeats each sample. Default 1; with answers from samples or field, the number of answers of the sample.
	// Where it is given, epoch e takes answer (e−1) mod n of the sample's n.
	Epochs int `json:"epochs,omitempty"`
	// Eval is the template of every trial: its strings are Go text/templates over the sample's fields.
	Eval EvalTemplate `json:"eval"`
	// MaxParallel bounds this campaign's evals that run or wait for a slot. Default 2 × DAYTONA_MAX_PARALLEL_SANDBOXES, at most 200.
	MaxParallel int `json:"max_parallel,omitempty"`
	// PassAtK lists the k of pass@k. Default [1].
	PassAtK []int `json:"pass_at_k,omitempty"`
	// Reducer makes one number of a sample's epochs: mean, max, mode, at_least_K, pass@K or pass^K. Where it is given, the
	// gate holds the mean over samples against min_accuracy. Default none: the gate is held against the accuracy of trials.
	Reducer string `json:"reducer,omitempty"`
	// ClusterBy says which trials may fail together, for the standard error: those of a sample (the default) or a category.
	ClusterBy string `json:"cluster_by,omitempty"`
	// Canaries are extra trials whose answers are known.
	Canaries []Canary `json:"canaries,omitempty"`
	// Baseline names an earlier campaign over the same dataset, which this one is compared with.
	Baseline string `json:"baseline,omitempty"`
	// Series names campaigns that follow each other, such as nightly ones. Each is compared with the last that passed, and
	// becomes what the next is compared with when it passes itself. The first, and one over another dataset, is compared with
	// none. Instead of Baseline.
	Series string `json:"series,omitempty"`
	// Gate turns the result into a verdict.
	Gate Gate `json:"gate,omitzero"`
	// Notify says when the operator's webhook is told of the campaign's end: never (the default), always, or not_passed.
	Notify string `json:"notify,omitempty"`
	// Retain is how long the campaign's records are kept after its end, such as 30d: 1h to 3650d. Default PITWALL_RETAIN.
	Retain Duration `json:"retain,omitempty"`
	// Breaker stops new starts while infrastructure is broken.
	Breaker Breaker `json:"breaker,omitzero"`
	// Budget ends the campaign when it is used up. Default none.
	Budget Budget `json:"budget,omitzero"`
	// RetryOf names the campaign whose infrastructure-broken trials this one runs again. Set by campaign retry.
	RetryOf string `json:"retry_of,omitempty"`
	// RetryNumber is n of <id>/retry-n. Set by campaign retry.
	RetryNumber int `json:"retry_number,omitempty"`
	// ExtendOf names the campaign that this one adds epochs to; FirstEpoch is the first of them. Set by campaign extend.
	ExtendOf   string `json:"extend_of,omitempty"`
	FirstEpoch int    `json:"first_epoch,omitempty"`
}

// Dataset formats.
const (
	FormatHumanEval = "humaneval"
	FormatJSONL     = "jsonl"
	FormatCSV       = "csv"
)

// Dataset names the samples.
type Dataset struct {
	// Format is humaneval, jsonl or csv. Gzip is seen by its magic bytes.
	Format string `json:"format,omitempty"`
	// URI is store:KEY or file:///PATH; on a command line a plain path, which is uploaded first. {date} is expanded (YYYY-MM-DD, UTC).
	URI string `json:"uri"`
	// SHA256 (hex) pins the bytes.
	SHA256 string `json:"sha256,omitempty"`
	// IDField holds the sample's id. Default the first of id, task_id, instance_id, sample_id that the first row has.
	IDField string `json:"id_field,omitempty"`
	// CategoryField groups samples in reports: a field of the row, or a template such as "{{.lang}}/{{.level}}". Default none.
	CategoryField string `json:"category_field,omitempty"`
	// OverridesField names a field whose object (in CSV, its JSON text) is laid over the sample's rendered eval, such as
	// {"sandbox": {"image": "python:3.12", "resources": {"cpu": 2}}}: for settings that are not texts. A row may lack it.
	OverridesField string `json:"overrides_field,omitempty"`
	// Limit keeps the first n samples. 0 keeps all.
	Limit int `json:"limit,omitempty"`
	// SampleIDs keeps these only; an unknown one is an error.
	SampleIDs []string `json:"sample_ids,omitempty"`
}

// Where answers come from.
const (
	AnswersJob     = "job"     // a step of the job makes them
	AnswersSamples = "samples" // a JSONL file of {task_id, completion}
	AnswersField   = "field"   // a field of the dataset
)

// Answers are the candidates that are judged. Templates see one as .completion.
type Answers struct {
	From string `json:"from,omitempty"`
	// URI and SHA256: the samples file, as for Dataset.
	URI    string `json:"uri,omitempty"`
	SHA256 string `json:"sha256,omitempty"`
	// Field of the dataset, when From is field. A list gives one epoch each.
	Field string `json:"field,omitempty"`
	// Text, when From is text: the same answer for every sample (a baseline, such as "    pass\n").
	Text string `json:"text,omitempty"`
}

// AnswersText gives every sample the same answer.
const AnswersText = "text"

// EvalTemplate is an EvalInput whose strings (map keys excepted) are templates: {{.field}} of the sample's row,
// .completion, .sample_id, .epoch, .campaign; shquote quotes for a shell, json encodes, b64 is base64. A missing field
// is an error that names it and the row.
type EvalTemplate EvalInput

// Gate turns metrics into a verdict.
type Gate struct {
	// MinAccuracy of the scored trials. Nil: no gate.
	MinAccuracy *float64 `json:"min_accuracy,omitempty"`
	// MinCoverage is n_scored ÷ n_total below which the campaign is INCONCLUSIVE. Default 0.95.
	MinCoverage *float64 `json:"min_coverage,omitempty"`
	// MaxRegression is how far the mean over the samples shared with the baseline may fall, as a share. Nil: no gate.
	MaxRegression *float64 `json:"max_regression,omitempty"`
}

// Clusters of trials.
const (
	ClusterSample   = "sample"
	ClusterCategory = "category"
)

// Values of CampaignInput.Notify.
const (
	NotifyNever     = "never"
	NotifyAlways    = "always"
	NotifyNotPassed = "not_passed"
)

// Verdicts.
const (
	VerdictPass         = "PASS"
	VerdictFail         = "FAIL"
	VerdictInconclusive = "INCONCLUSIVE"
)

// CampaignResult is the summary that a CampaignWorkflow returns and that stands in summary.json.
type CampaignResult struct {
	Campaign string `json:"campaign"`
	Status   string `json:"status"`
	Metrics
	Verdict string `json:"verdict"`
	// Reasons say why the verdict is not PASS.
	Reasons []string `json:"reasons,omitempty"`
	// Gate that the verdict was held against: the input's, without max_regression where there was nothing to compare with, as
	// on the first night of a series, and in a part without what was asked of a reducer. Nil in summaries from before it was said.
	Gate *Gate `json:"gate,omitempty"`
	// Comparison with the baseline, if the campaign names one.
	Comparison    *Comparison `json:"comparison,omitempty"`
	DatasetSHA256 string      `json:"dataset_sha256"`
	AnswersSHA256 string      `json:"answers_sha256,omitempty"`
	ManifestURI   string      `json:"manifest_uri"`
	ResultsURI    string      `json:"results_uri"`
	SummaryURI    string      `json:"summary_uri"`
	// ScheduledAt is the time for which a schedule started it, of a backfill in the past; zero where none did.
	ScheduledAt time.Time `json:"scheduled_at,omitzero"`
	StartedAt   time.Time `json:"started_at"`
	FinishedAt  time.Time `json:"finished_at"`
	// Ended says why the campaign ended before all of its trials had run: budget exhausted. Empty otherwise.
	Ended string `json:"ended,omitempty"`
}

// Night is when the campaign stands among those of its series: the time of its schedule, else its start.
func (r CampaignResult) Night() time.Time {
	if r.ScheduledAt.IsZero() {
		return r.StartedAt
	}
	return r.ScheduledAt
}

// Metrics always show what was not scored beside what was.
type Metrics struct {
	NTotal      int `json:"n_total"`
	NScored     int `json:"n_scored"`
	NPassed     int `json:"n_passed"`
	NInfraError int `json:"n_infra_error"`
	// NError counts the other trials without a score (user, limit, scorer, ambiguous); NCancelled the cancelled ones.
	NError     int `json:"n_error"`
	NCancelled int `json:"n_cancelled"`
	// NNotStarted counts those that never began, because the campaign's budget was used up.
	NNotStarted int `json:"n_not_started,omitempty"`
	// Coverage is n_scored ÷ n_total, Accuracy n_passed ÷ n_scored, MeanScore the mean of score.value. Nil when undefined.
	Coverage  float64  `json:"coverage"`
	Accuracy  *float64 `json:"accuracy"`
	MeanScore *float64 `json:"mean_score"`
	// AccuracyStderr is the clustered standard error over NClusters, AccuracyInterval Wilson's, widened by the clusters.
	AccuracyStderr   *float64  `json:"accuracy_stderr"`
	AccuracyInterval *Interval `json:"accuracy_interval"`
	NClusters        int       `json:"n_clusters"`
	// Reduced is nil where the campaign names no reducer.
	Reduced *Reduced `json:"reduced,omitempty"`
	// NCanary trials are in none of the other counts; CanariesFailed did not end as expected.
	NCanary        int `json:"n_canary"`
	CanariesFailed int `json:"canaries_failed"`
	// PassAtK: "1" → the unbiased estimator (Chen et al. 2021), over samples with at least k scored epochs.
	PassAtK map[string]float64 `json:"pass_at_k"`
	// PendingCleanup counts trials whose last sandbox was not yet proven gone when they returned; their leases go on.
	PendingCleanup int `json:"pending_cleanup"`
	// SandboxSeconds paid for, proven removals only.
	SandboxSeconds float64 `json:"sandbox_seconds"`
}

// TrialRow is one line of results.jsonl.
type TrialRow struct {
	Campaign string `json:"campaign"`
	SampleID string `json:"sample_id"`
	Epoch    int    `json:"epoch"`
	Category string `json:"category,omitempty"`
	// Canary is what a canary was to do, pass or fail. Its row has neither passed nor score, and CanaryFailed if it did not.
	Canary   string       `json:"canary,omitempty"`
	Status   string       `json:"status"`
	Passed   *bool        `json:"passed"`
	Score    *float64     `json:"score"`
	ExitCode *int         `json:"exit_code"`
	TimedOut bool         `json:"timed_out"`
	Error    *EvalError   `json:"error"`
	Attempts int          `json:"attempts"`
	Timings  Timings      `json:"timings"`
	Sandbox  *SandboxUse  `json:"sandbox"`
	Removal  *Certificate `json:"removal"`
	// Cleanup and SandboxSeconds are those of all sandboxes of all attempts; Sandbox and Removal are the last job's.
	Cleanup        string     `json:"cleanup"`
	SandboxSeconds float64    `json:"sandbox_seconds"`
	Artifacts      []Artifact `json:"artifacts,omitempty"`
	EvalID         string     `json:"eval_id"`
	RunID          string     `json:"run_id,omitempty"`
	ResultURI      string     `json:"result_uri,omitempty"`
	DatasetSHA256  string     `json:"dataset_sha256"`
}

// Timings of a trial, in milliseconds, by Temporal's and the worker's clocks.
type Timings struct {
	TotalMS int64 `json:"total_ms"`
	WaitMS  int64 `json:"wait_ms"`
	JobMS   int64 `json:"job_ms"`
}
