package scorer

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"regexp"

	"pitwall/internal/spec"
)

// maxRegexBytes is how much of a stream a pattern is looked for in: four times the default of what is kept.
const maxRegexBytes = 64 << 20

// streamStderr names the other stream than the default.
const streamStderr = "stderr"

// regex scores 1 when the pattern is found in a stream of a step, whatever the step's exit code. It holds no more of the
// stream than a buffer.
func regex(ctx context.Context, sc spec.Scorer, job spec.JobResult, src Source) (spec.Score, error) {
	pattern, err := regexp.Compile(sc.Pattern)
	if err != nil {
		return spec.Score{}, fmt.Errorf("%w: pattern: %w", ErrSettings, err)
	}
	if why := unfinished(job); why != "" {
		return failed("%s", why), nil
	}
	step, reached := stepNamed(job, sc.Step)
	if !reached {
		return failed("step %s was not reached", sc.Step), nil
	}
	name, stream := "stdout", step.Stdout
	if sc.Stream == streamStderr {
		name, stream = streamStderr, step.Stderr
	}
	found, err := search(ctx, pattern, stream, src)
	if err != nil {
		return spec.Score{}, fmt.Errorf("read %s of step %s: %w", name, step.Name, err)
	}
	if !found {
		return failed("%s of step %s has no match of the pattern", name, step.Name), nil
	}
	return spec.Score{Value: 1, Passed: true}, nil
}

// stepNamed is the step of that name; without a name, the last.
func stepNamed(job spec.JobResult, name string) (spec.StepResult, bool) {
	if name == "" {
		return job.Steps[len(job.Steps)-1], true
	}
	for _, step := range job.Steps {
		if step.Name == name {
			return step, true
		}
	}
	return spec.StepResult{}, false
}

func search(ctx context.Context, pattern *regexp.Regexp, stream spec.Stream, src Source) (bool, error) {
	r, err := src.OpenStream(ctx, stream)
	if err != nil {
		return false, err
	}
	defer r.Close()
	runes := &runeReader{ctx: ctx, r: bufio.NewReaderSize(io.LimitReader(r, maxRegexBytes), 64<<10)}
	found := pattern.MatchReader(runes)
	return found && runes.err == nil, runes.err
}

// runeReader keeps the error that MatchReader takes for the end.
type runeReader struct {
	ctx context.Context // MatchReader has no context
	r   *bufio.Reader
	n   int
	err error
}

func (r *runeReader) ReadRune() (rune, int, error) {
	if r.n++; r.n%(64<<10) == 0 && r.ctx.Err() != nil {
		r.err = r.ctx.Err()
		return 0, 0, io.EOF
	}
	c, size, err := r.r.ReadRune()
	if err != nil && !errors.Is(err, io.EOF) {
		r.err = err
	}
	return c, size, err
}
