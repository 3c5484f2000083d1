package dataset

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"

	"pitwall/internal/spec"
)

// MaxAnswersBytes bounds a samples file's answers, which are held in memory: rows may stand in any order.
const MaxAnswersBytes = 512 << 20

// candidates gives the answers of a sample, one for each epoch.
type candidates interface {
	of(sample string, row Row) ([]any, error)
	// leftover names answers that no sample of the dataset took.
	leftover(samples map[string]int) error
}

func newCandidates(ctx context.Context, a spec.Answers, samples io.Reader) (candidates, error) {
	switch a.From {
	case "", spec.AnswersJob:
		return madeByJob{}, nil
	case spec.AnswersField:
		return fromField{a.Field}, nil
	case spec.AnswersText:
		return fromText{a.Text}, nil
	case spec.AnswersSamples:
		if samples == nil {
			return nil, errors.New("answers come from a samples file, and none was opened: give answers.uri")
		}
		answers, err := readSamples(ctx, samples)
		if err != nil {
			return nil, &FileError{Samples: true, Err: err}
		}
		return answers, nil
	}
	return nil, fmt.Errorf("answers.from %q is not known", a.From)
}

// madeByJob: the template names no completion; a step makes the answer.
type madeByJob struct{}

func (madeByJob) of(string, Row) ([]any, error) { return []any{nil}, nil }
func (madeByJob) leftover(map[string]int) error { return nil }

type fromText struct{ text string }

func (f fromText) of(string, Row) ([]any, error) { return []any{f.text}, nil }
func (fromText) leftover(map[string]int) error   { return nil }

// fromField takes a field of the sample's row: a text, or a list of which each item is one epoch's.
type fromField struct{ field string }

func (f fromField) of(_ string, row Row) ([]any, error) {
	value, ok := row.Fields[f.field]
	answers, isList := value.([]any)
	switch {
	case !ok:
		return nil, &RowError{row.Number, row.Line, fmt.Sprintf("has no field %q, from which the answers come; its fields are %s", f.field, fieldList(row.Fields))}
	case !isList && value != nil:
		return []any{value}, nil
	case len(answers) == 0 || slices.Contains(answers, nil):
		return nil, &RowError{row.Number, row.Line, fmt.Sprintf("its field %q has no answer, or an answer that is null", f.field)}
	}
	return answers, nil
}

func (fromField) leftover(map[string]int) error { return nil }

// fromSamples is a samples file: {task_id, completion} a row, several for one sample are its epochs in their order.
type fromSamples struct {
	answers map[string][]any
	// rows is where each sample's first answer stands, for messages.
	rows map[string]int
}

func readSamples(ctx context.Context, r io.Reader) (*fromSamples, error) {
	file, err := Open(ctx, r, spec.FormatJSONL)
	if err != nil {
		return nil, err
	}
	f := &fromSamples{answers: map[string][]any{}, rows: map[string]int{}}
	var id identifier
	left := MaxAnswersBytes
	for row, err := range file.Rows() {
		if err != nil {
			return nil, err
		}
		sample, err := id.of(row)
		if err != nil {
			return nil, err
		}
		completion, ok := row.Fields["completion"].(string)
		if !ok {
			return nil, &RowError{row.Number, row.Line, fmt.Sprintf("has no text \"completion\"; its fields are %s", fieldList(row.Fields))}
		}
		if left -= len(completion) + len(sample); left < 0 {
			return nil, fmt.Errorf("its answers have more than %d MiB: split the campaign", MaxAnswersBytes>>20)
		}
		if f.rows[sample] == 0 {
			f.rows[sample] = row.Number
		}
		f.answers[sample] = append(f.answers[sample], completion)
	}
	return f, nil
}

func (f *fromSamples) of(sample string, _ Row) ([]any, error) { return f.answers[sample], nil }

func (f *fromSamples) leftover(samples map[string]int) error {
	var unknown []string
	for sample := range f.answers {
		if _, ok := samples[sample]; !ok {
			unknown = append(unknown, sample)
		}
	}
	if len(unknown) == 0 {
		return nil
	}
	slices.SortFunc(unknown, func(a, b string) int { return f.rows[a] - f.rows[b] })
	return &FileError{Samples: true, Err: fmt.Errorf("row %d answers %q, which the dataset does not have (unknown: %s): is it of another dataset?", f.rows[unknown[0]], unknown[0], list(unknown))}
}
