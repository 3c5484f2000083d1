package report

import (
	"time"

	"pitwall/internal/spec"
)

// Report is a campaign with its trials, and the document that the form json writes.
type Report struct {
	// Version of this document: 1. New keys may be added to it.
	Version  int    `json:"version"`
	Campaign string `json:"campaign"`
	// Status is completed, cancelled, or unfinished.
	Status string `json:"status"`
	// Verdict is empty while the campaign is unfinished. It and Metrics count the campaign's retries in.
	Verdict    string           `json:"verdict,omitempty"`
	Reasons    []string         `json:"reasons,omitempty"`
	Metrics    spec.Metrics     `json:"metrics"`
	Categories []Category       `json:"categories"`
	Comparison *spec.Comparison `json:"comparison,omitempty"`
	// Nights are this campaign and the ones before it of the same schedule or file, in order.
	Nights        []Night   `json:"nights"`
	DatasetSHA256 string    `json:"dataset_sha256"`
	AnswersSHA256 string    `json:"answers_sha256,omitempty"`
	StartedAt     time.Time `json:"started_at,omitzero"`
	FinishedAt    time.Time `json:"finished_at,omitzero"`
	Trials        []Trial   `json:"trials"`
	// WithoutTexts counts the trials whose code and output are left out, because the report would be too large.
	WithoutTexts int `json:"n_without_texts"`
}

// Category is the trials of one category.
type Category struct {
	Name string `json:"name"`
	// Interval of Accuracy is at 95 %, over samples as clusters. Both are nil where nothing was scored.
	NTotal   int            `json:"n_total"`
	NScored  int            `json:"n_scored"`
	NPassed  int            `json:"n_passed"`
	Accuracy *float64       `json:"accuracy"`
	Interval *spec.Interval `json:"interval"`
}

// Night is one campaign of a series.
type Night struct {
	Campaign string `json:"campaign"`
	// At is the time of its schedule, else its start.
	At       time.Time      `json:"at"`
	Verdict  string         `json:"verdict"`
	Accuracy *float64       `json:"accuracy"`
	Interval *spec.Interval `json:"interval"`
}

// Outcomes of a trial.
const (
	Passed     = "passed"
	Failed     = "failed"
	InfraError = "infrastructure error"
	OtherError = "error"
	Cancelled  = "cancelled"
	NotStarted = "not started"
	CanaryGood = "canary as expected"
	CanaryBad  = "canary failed"
)

// outcomes in the order in which a person looks for them.
var outcomes = []string{Failed, CanaryBad, InfraError, OtherError, Cancelled, NotStarted, Passed, CanaryGood}

// Trial is a row of results.jsonl, and what explains it.
type Trial struct {
	spec.TrialRow
	// ProblemIndex is the place of the sample among the campaign's, from 0; -1 of a canary, which is none of them.
	ProblemIndex int    `json:"problem_idx"`
	Outcome      string `json:"outcome"`
	// Explanation is the scorer's.
	Explanation string    `json:"explanation,omitempty"`
	StartedAt   time.Time `json:"started_at,omitzero"`
	FinishedAt  time.Time `json:"finished_at,omitzero"`
	Tries       []Try     `json:"tries"`
	// Texts are the job's code and the ends of its output.
	Texts []Text `json:"texts,omitempty"`
	// NArtifacts counts all artifacts; at most 50 of them are listed.
	NArtifacts int `json:"n_artifacts"`
}

// Try is one attempt.
type Try struct {
	Number    int               `json:"number"`
	WaitMS    int64             `json:"wait_ms"`
	Error     *spec.EvalError   `json:"error,omitempty"`
	Sandboxes []spec.SandboxUse `json:"sandboxes"`
}

// What a Text may be.
const (
	TextFile    = "file"
	TextCommand = "command"
	TextCode    = "code"
	TextStdout  = "stdout"
	TextStderr  = "stderr"
)

// Text is a piece of code, from its beginning, or the end of a stream.
type Text struct {
	// Name is the step's, or a file's path.
	Name string `json:"name"`
	// Of is file, command, code, stdout or stderr.
	Of   string `json:"of"`
	Text string `json:"text"`
	// Cut: it is not all of it.
	Cut bool `json:"cut,omitempty"`
}
