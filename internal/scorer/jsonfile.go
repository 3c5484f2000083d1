package scorer

import (
	"context"
	"errors"
	"fmt"
	"io"

	"pitwall/internal/spec"
)

// maxScoreFileBytes bounds a score file; real ones have some hundred bytes.
const maxScoreFileBytes = 1 << 20

const defaultField = "score"

// jsonFile scores by a number or a boolean (1 or 0) in a file that the job wrote.
func jsonFile(ctx context.Context, sc spec.Scorer, job spec.JobResult, src Source) (spec.Score, error) {
	if why := unfinished(job); why != "" {
		return failed("%s", why), nil
	}
	r, err := src.OpenFile(ctx, sc.Path)
	if errors.Is(err, ErrNoFile) {
		return failed("score file %s: %v", sc.Path, err), nil
	}
	if err != nil {
		return spec.Score{}, fmt.Errorf("open score file %s: %w", sc.Path, err)
	}
	defer r.Close()
	data, err := io.ReadAll(io.LimitReader(r, maxScoreFileBytes+1))
	if err != nil {
		return spec.Score{}, fmt.Errorf("read score file %s: %w", sc.Path, err)
	}
	if len(data) > maxScoreFileBytes {
		return failed("score file %s: more than %d bytes", sc.Path, maxScoreFileBytes), nil
	}
	value, err := valueAt(data, fieldOf(sc))
	if err != nil {
		return failed("score file %s: %v", sc.Path, err), nil
	}
	return judged(value, sc), nil
}

func fieldOf(sc spec.Scorer) string {
	if sc.Field == "" {
		return defaultField
	}
	return sc.Field
}

func judged(value float64, sc spec.Scorer) spec.Score {
	threshold := 1.0
	if sc.Threshold != nil {
		threshold = *sc.Threshold
	}
	score := spec.Score{Value: value, Passed: value >= threshold}
	if !score.Passed {
		score.Explanation = explanation("%s is %g, below %g", fieldOf(sc), value, threshold)
	}
	return score
}
