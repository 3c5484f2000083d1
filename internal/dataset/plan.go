package dataset

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
	"maps"
	"slices"
	"strconv"
	"strings"

	"pitwall/internal/spec"
)

// MaxTrials of one campaign: 2000 shards of 500 trials, one after the other. 10,000 is the most that was tried.
const MaxTrials = 1_000_000

// Trial is one (sample, epoch) and its eval, rendered and validated (spec's ValidateTrial), with no defaults resolved.
// The content of its input files may be larger than an eval may carry: move it to the store before the eval starts.
type Trial struct {
	Sample string
	// Epoch is 1-based.
	Epoch    int
	Category string
	// Canary is what a canary expects, pass or fail; empty for a trial that counts.
	Canary string
	// Input has its Trial set.
	Input spec.EvalInput
}

// Plan yields the campaign's trials, sample by sample in the dataset's order, its epochs in theirs. Answers is the
// opened samples file, nil unless answers come from one. The input is valid and has its defaults. An error is the last
// thing that is yielded, and may come after trials: of a file (*FileError, of a row *RowError in it), of the template (*spec.RenderError), of a
// rendered input (*spec.InvalidInput), or of reading.
func Plan(ctx context.Context, in spec.CampaignInput, ds *Reader, answers io.Reader) iter.Seq2[Trial, error] {
	return func(yield func(Trial, error) bool) {
		p, err := newPlanner(ctx, in, answers)
		if err == nil {
			err = p.run(ds, func(t Trial) bool { return yield(t, nil) })
		}
		if err != nil && !errors.Is(err, errStopped) {
			yield(Trial{}, err)
		}
	}
}

// errStopped: whoever reads the plan wants no more.
var errStopped = errors.New("stopped")

// planner is one pass over a dataset.
type planner struct {
	ctx      context.Context // of the one call of Plan in which this planner lives
	in       spec.CampaignInput
	template *spec.Template
	answers  candidates
	ids      identifier
	// wanted are the sample ids that were asked for and not seen yet; nil: all are wanted.
	wanted map[string]bool
	// samples kept, trials planned so far.
	samples, trials int
	// unanswered samples have no row in the samples file.
	unanswered []string
}

func newPlanner(ctx context.Context, in spec.CampaignInput, answers io.Reader) (*planner, error) {
	template, err := in.Eval.Compile()
	if err != nil {
		return nil, err
	}
	p := &planner{ctx: ctx, in: in, template: template, ids: identifier{field: in.Dataset.IDField, seen: map[string]int{}}}
	if len(in.Dataset.SampleIDs) > 0 {
		p.wanted = map[string]bool{}
		for _, id := range in.Dataset.SampleIDs {
			p.wanted[id] = true
		}
	}
	p.answers, err = newCandidates(ctx, in.Answers, answers)
	return p, err
}

func (p *planner) run(ds *Reader, yield func(Trial) bool) error {
	for row, err := range ds.Rows() {
		if err == nil {
			err = p.ctx.Err()
		}
		if err != nil {
			return &FileError{Err: err}
		}
		sample, err := p.ids.of(row)
		if err != nil {
			return &FileError{Err: err}
		}
		if !p.keeps(sample) {
			continue
		}
		if err := p.sample(sample, row, yield); err != nil {
			return err
		}
	}
	return p.finish()
}

// keeps applies sample_ids, then limit.
func (p *planner) keeps(sample string) bool {
	if p.wanted != nil {
		if !p.wanted[sample] {
			return false
		}
		delete(p.wanted, sample)
	}
	if p.in.Dataset.Limit > 0 && p.samples >= p.in.Dataset.Limit {
		return false
	}
	p.samples++
	return true
}

// sample plans all epochs of one sample.
func (p *planner) sample(sample string, row Row, yield func(Trial) bool) error {
	answers, err := p.answers.of(sample, row)
	if err != nil {
		return &FileError{Err: err}
	}
	if len(answers) == 0 {
		p.unanswered = append(p.unanswered, sample)
		return nil
	}
	if p.in.ExtendOf == "" { // else they have run
		if err := p.canaries(sample, row, answers[0], yield); err != nil {
			return err
		}
	}
	epochs := p.in.Epochs
	if epochs == 0 {
		epochs = len(answers)
	}
	for epoch := max(1, p.in.FirstEpoch); epoch <= epochs; epoch++ {
		if p.trials++; p.trials > MaxTrials {
			return fmt.Errorf("the campaign has more than %d trials: use limit, fewer epochs, or two campaigns", MaxTrials)
		}
		trial, err := p.trial(sample, epoch, row, answers[(epoch-1)%len(answers)])
		if err != nil {
			return fmt.Errorf("sample %q, epoch %d: %w", sample, epoch, err)
		}
		if !yield(trial) {
			return errStopped
		}
	}
	return nil
}

func (p *planner) trial(sample string, epoch int, row Row, answer any) (Trial, error) {
	return p.rendered(sample, epoch, row, p.fields(sample, epoch, row, answer))
}

// rendered is the trial whose template sees these fields.
func (p *planner) rendered(sample string, epoch int, row Row, fields map[string]any) (Trial, error) {
	root, _, _ := strings.Cut(p.in.Name, "/") // of a retry, and of an extension
	category, err := p.category(fields)
	if err != nil {
		return Trial{}, err
	}
	input, err := p.template.Render(fields)
	if err != nil {
		return Trial{}, err
	}
	if input, err = p.override(input, row); err != nil {
		return Trial{}, err
	}
	input.Trial = &spec.Trial{Campaign: root, Sample: sample, Epoch: epoch, Category: category, Retry: p.in.RetryNumber}
	return Trial{Sample: sample, Epoch: epoch, Category: category, Input: input}, input.ValidateTrial()
}

// fields are what templates see: the row, and above it what the campaign adds.
func (p *planner) fields(sample string, epoch int, row Row, answer any) map[string]any {
	fields := make(map[string]any, len(row.Fields)+4)
	for name, value := range row.Fields {
		fields[name] = value
	}
	fields["sample_id"], fields["epoch"], fields["campaign"] = sample, epoch, p.in.Name
	if answer != nil {
		fields["completion"] = answer
	}
	return fields
}

func (p *planner) category(fields map[string]any) (string, error) {
	text := p.in.Dataset.CategoryField
	if text == "" {
		return "", nil
	}
	if !strings.Contains(text, "{{") {
		text = "{{index . " + strconv.Quote(text) + "}}"
		if _, ok := fields[p.in.Dataset.CategoryField]; !ok {
			return "", &spec.RenderError{Path: "dataset.category_field", Field: p.in.Dataset.CategoryField, Fields: names(fields)}
		}
	}
	return spec.RenderText("dataset.category_field", text, fields)
}

// override lays the row's own settings over the rendered eval.
func (p *planner) override(input spec.EvalInput, row Row) (spec.EvalInput, error) {
	value := row.Fields[p.in.Dataset.OverridesField]
	if p.in.Dataset.OverridesField == "" || value == nil || value == "" {
		return input, nil
	}
	object, isText := value.(string)
	if !isText {
		encoded, err := json.Marshal(value)
		if err != nil {
			return input, fmt.Errorf("read the field %q: %w", p.in.Dataset.OverridesField, err)
		}
		object = string(encoded)
	}
	input, err := input.Override([]byte(object))
	if err != nil {
		return input, fmt.Errorf("its field %q: %w", p.in.Dataset.OverridesField, err)
	}
	return input, nil
}

// finish reports what only the end of the dataset can show.
func (p *planner) finish() error {
	if len(p.ids.seen) == 0 {
		return &FileError{Err: errors.New("it has no rows")}
	}
	if len(p.wanted) > 0 {
		return fmt.Errorf("dataset.sample_ids: the dataset has no %s: it has %d samples, such as %s", list(slices.Sorted(maps.Keys(p.wanted))), len(p.ids.seen), list(firstIDs(p.ids.seen)))
	}
	if err := p.answers.leftover(p.ids.seen); err != nil {
		return err
	}
	if len(p.unanswered) > 0 {
		return &FileError{Samples: true, Err: fmt.Errorf("it has no answer for %d of %d samples: %s: add them, or choose with limit or sample_ids", len(p.unanswered), p.samples, list(p.unanswered))}
	}
	return nil
}
