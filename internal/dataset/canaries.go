package dataset

import (
	"fmt"

	"pitwall/internal/spec"
)

// canaries plans the extra trials of one sample whose answers are known: each runs the sample's own eval, in which the
// canary's values stand in place of the row's. They come before the sample's trials, so that a broken harness shows early.
func (p *planner) canaries(sample string, row Row, answer any, yield func(Trial) bool) error {
	for i, canary := range p.in.Canaries {
		if p.samples > max(canary.Samples, 1) {
			continue
		}
		if p.trials++; p.trials > MaxTrials {
			return fmt.Errorf("the campaign has more than %d trials", MaxTrials)
		}
		id := canaryID(i, sample)
		if first, taken := p.ids.seen[id]; taken {
			return &FileError{Err: fmt.Errorf("the id of row %d, %q, is that of a canary: rename it", first, id)}
		}
		p.ids.seen[id] = row.Number // a later row of this id is refused as double
		trial, err := p.canary(id, canary, row, p.fields(sample, 1, row, answer))
		if err != nil {
			return fmt.Errorf("canaries[%d], sample %q: %w", i, sample, err)
		}
		if !yield(trial) {
			return errStopped
		}
	}
	return nil
}

func (p *planner) canary(id string, canary spec.Canary, row Row, fields map[string]any) (Trial, error) {
	set := make(map[string]string, len(canary.Set))
	for name, text := range canary.Set {
		value, err := spec.RenderText("canaries.set."+name, text, fields)
		if err != nil {
			return Trial{}, err
		}
		set[name] = value
	}
	for name, value := range set {
		fields[name] = value
	}
	trial, err := p.rendered(id, 1, row, fields)
	trial.Canary = spec.ExpectPass
	if canary.Expect != "" {
		trial.Canary = canary.Expect
	}
	return trial, err
}

// canaryID is the sample's name in the canary's trial: number from 1.
func canaryID(i int, sample string) string { return fmt.Sprintf("canary-%d:%s", i+1, sample) }
