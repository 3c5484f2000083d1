package report

import (
	"cmp"
	"fmt"
	"slices"

	"pitwall/internal/results"
	"pitwall/internal/spec"
	"pitwall/internal/stats"
)

const (
	// MaxTrials of a report, which is held in memory: some 300 MB.
	MaxTrials = 200_000
	// maxTexts bounds all texts of a report together, in bytes; those of trials that passed may have half of it, so that many
	// of these do not crowd out what is looked for. With 10,000 rows a browser opens 32 MiB in a second.
	maxTexts = 24 << 20
	// maxArtifacts of a trial that are listed.
	maxArtifacts = 50
	// maxTries of a trial: what max_attempts may be.
	maxTries = 10
)

// ErrTooManyTrials: the campaign is too large for one document.
var ErrTooManyTrials = fmt.Errorf("more than %d trials", MaxTrials)

// Builder makes a Report of a campaign's trials. It is not for several goroutines.
type Builder struct {
	report *Report
	// gate of the verdict; asked is what it is where a baseline is named for the report.
	gate, asked spec.Gate
	ended       string
	choice      stats.Choice
	all         *stats.Collector
	categories  map[string]*stats.Collector
	order       []string
	samples     map[string]int
	texts       int
}

// NewBuilder begins the report of what the store knows of a campaign.
func NewBuilder(campaign results.Campaign) *Builder {
	effective := campaign.Effective
	choice := stats.Choice{PassAtK: effective.PassAtK, Reducer: campaign.Reducer(), ClusterBy: effective.ClusterBy}
	asked := campaign.Header.Gate()
	asked.MaxRegression = effective.Gate.MaxRegression
	b := &Builder{
		gate: campaign.Gate(), asked: asked, choice: choice, all: stats.NewCollector(choice),
		categories: map[string]*stats.Collector{}, samples: map[string]int{},
		report: &Report{
			Version: 2, Campaign: campaign.Campaign, Status: "unfinished", Trials: []Trial{}, Categories: []Category{}, Nights: []Night{},
			DatasetSHA256: campaign.DatasetSHA256, AnswersSHA256: campaign.AnswersSHA256,
		},
	}
	if summary := campaign.Summary; summary != nil {
		b.ended = summary.Ended
		b.report.Status, b.report.StartedAt, b.report.FinishedAt = summary.Status, summary.StartedAt, summary.FinishedAt
		b.report.Comparison = summary.Comparison
	}
	return b
}

// Compared puts a comparison in the place of the campaign's own.
func (b *Builder) Compared(comparison spec.Comparison) {
	b.report.Comparison, b.gate = &comparison, b.asked
}

// Add takes the next trial of the manifest. Returns ErrTooManyTrials.
func (b *Builder) Add(detail results.Detail) error {
	if len(b.report.Trials) == MaxTrials {
		return ErrTooManyTrials
	}
	b.count(detail.Row)
	trial := b.trial(detail)
	if size := sizeOf(trial.Texts); b.hasRoom(trial.Outcome, size) {
		b.texts += size
	} else {
		trial.Texts = nil
		b.report.WithoutTexts++
	}
	b.report.Trials = append(b.report.Trials, trial)
	return nil
}

func (b *Builder) hasRoom(outcome string, size int) bool {
	room := maxTexts
	if outcome == Passed || outcome == CanaryGood {
		room /= 2
	}
	return b.texts+size <= room
}

func (b *Builder) count(row spec.TrialRow) {
	b.all.Add(row)
	if row.Canary != "" || row.Category == "" {
		return
	}
	if b.categories[row.Category] == nil {
		b.categories[row.Category] = stats.NewCollector(stats.Choice{})
		b.order = append(b.order, row.Category)
	}
	b.categories[row.Category].Add(row)
}

func (b *Builder) trial(detail results.Detail) Trial {
	row := detail.Row
	trial := Trial{ProblemIndex: b.problemIndex(row), Outcome: outcomeOf(row), NArtifacts: len(row.Artifacts), Tries: []Try{}}
	row.SampleID, row.Category = clean(row.SampleID), clean(row.Category)
	row.Error = cleanError(row.Error)
	row.Artifacts = cleanArtifacts(row.Artifacts)
	trial.TrialRow = row
	trial.Texts = codeOf(detail.Trial.Input)
	result := detail.Result
	if result == nil {
		return trial
	}
	trial.StartedAt, trial.FinishedAt = result.StartedAt, result.FinishedAt
	if manifest := result.ArtifactManifest; manifest != nil {
		trial.NArtifacts = max(trial.NArtifacts, manifest.Listed)
	}
	if result.Score != nil {
		trial.Explanation = clean(result.Score.Explanation)
	}
	for _, attempt := range result.Attempts[:min(len(result.Attempts), maxTries)] {
		trial.Tries = append(trial.Tries, Try{Number: attempt.Number, WaitMS: attempt.WaitMS, Error: cleanError(attempt.Error), Sandboxes: attempt.Sandboxes})
	}
	if result.Job != nil {
		trial.Texts = append(trial.Texts, tailsOf(*result.Job)...)
	}
	return trial
}

func (b *Builder) problemIndex(row spec.TrialRow) int {
	if row.Canary != "" {
		return -1
	}
	index, known := b.samples[row.SampleID]
	if !known {
		index = len(b.samples)
		b.samples[row.SampleID] = index
	}
	return index
}

func outcomeOf(row spec.TrialRow) string {
	switch {
	case row.Canary != "" && row.Status == spec.StatusCompleted:
		return CanaryGood
	case stats.CanaryFailed(row):
		return CanaryBad
	case stats.Scored(row) && *row.Passed:
		return Passed
	case stats.Scored(row):
		return Failed
	case row.Status == spec.StatusCancelled:
		return Cancelled
	case row.Status == spec.StatusNotStarted:
		return NotStarted
	case row.Error != nil && row.Error.Origin == spec.OriginInfra:
		return InfraError
	}
	return OtherError
}

// Finish ends the report. Series is the campaign and those before it; see results.Series.
func (b *Builder) Finish(series []results.Campaign) *Report {
	r := b.report
	r.Campaign, r.Metrics = clean(r.Campaign), b.all.Metrics()
	if r.Status != "unfinished" {
		r.Verdict, r.Reasons = results.Conclude(r.Status, b.ended, r.Metrics, b.gate, r.Comparison)
	}
	for i, reason := range r.Reasons {
		r.Reasons[i] = clean(reason)
	}
	r.Comparison = cleanComparison(r.Comparison)
	for _, name := range b.order {
		m := b.categories[name].Metrics()
		r.Categories = append(r.Categories, Category{clean(name), m.NTotal, m.NScored, m.NPassed, m.Accuracy, m.AccuracyInterval})
	}
	slices.SortFunc(r.Categories, func(a, b Category) int { return cmp.Or(b.NTotal-a.NTotal, cmp.Compare(a.Name, b.Name)) })
	for _, night := range series {
		s := night.Summary
		r.Nights = append(r.Nights, Night{clean(night.Campaign), s.Night(), s.Verdict, s.Accuracy, s.AccuracyInterval})
	}
	return r
}
