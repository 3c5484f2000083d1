package activities

import (
	"context"
	"errors"
	"fmt"
	"io"

	"pitwall/internal/artifact"
	"pitwall/internal/scorer"
	"pitwall/internal/spec"
)

// Scoring judges from what is stored; no sandbox is needed.
type Scoring struct{ Store *artifact.Store }

// ScoreJobInput is the input of ScoreJob.
type ScoreJobInput struct {
	Scorer    spec.Scorer     `json:"scorer"`
	Job       spec.JobResult  `json:"job"`
	Artifacts []spec.Artifact `json:"artifacts"`
}

// ScoreJob judges with json_file or regex. A missing or malformed score file is the job's failure, not an error; the
// errors are StoreFailed and, for settings that validation should have refused, ScorerFailed.
func (s *Scoring) ScoreJob(ctx context.Context, in ScoreJobInput) (spec.Score, error) {
	score, err := scorer.Score(ctx, in.Scorer, in.Job, scorer.FromStore(s.Store, in.Artifacts))
	if errors.Is(err, scorer.ErrSettings) {
		return spec.Score{}, terminal(ErrTypeScorer, err)
	}
	if err != nil {
		return spec.Score{}, retryable(ErrTypeStore, fmt.Errorf("score with %s: %w", in.Scorer.Type, err), 0)
	}
	return score, nil
}

// ScoreCommandInput is the input of ScoreCommand.
type ScoreCommandInput struct {
	Scorer spec.Scorer `json:"scorer"`
	// Judged is the result of the scorer's own job, run in its own sandbox.
	Judged spec.JobResult `json:"judged"`
}

// verdictTail bounds what is read of a scorer's last words.
const verdictTail = 64 << 10

// ScoreCommand reads the verdict of a command scorer. One that ran out of time, was killed or lost its supervisor fails the
// job: what it judges could have done that to it. ScorerFailed: its command was never started.
func (s *Scoring) ScoreCommand(ctx context.Context, in ScoreCommandInput) (spec.Score, error) {
	if len(in.Judged.Steps) != 1 {
		return spec.Score{}, terminal(ErrTypeScorer, errors.New("the scorer's command was never started"))
	}
	if in.Judged.SupervisorLost {
		return spec.Score{Explanation: "the scoring command's supervisor was lost without an exit record"}, nil
	}
	step := in.Judged.Steps[0]
	if step.Stdout.Truncated && step.ExitCode != nil && *step.ExitCode == 0 && !step.TimedOut {
		// What is kept is the beginning, and its last line may be anybody's.
		return spec.Score{Explanation: "the scoring command printed more than job.max_output_bytes keeps, so its last line is lost"}, nil
	}
	tail, err := s.tail(ctx, step.Stdout)
	if err != nil {
		return spec.Score{}, retryable(ErrTypeStore, fmt.Errorf("read the scorer's output: %w", err), 0)
	}
	score, err := scorer.FromCommand(in.Scorer, step, tail)
	if err != nil {
		return spec.Score{}, terminal(ErrTypeScorer, err)
	}
	return score, nil
}

func (s *Scoring) tail(ctx context.Context, stream spec.Stream) ([]byte, error) {
	if stream.Prefix == "" {
		return nil, nil
	}
	stored, err := s.Store.OpenStream(ctx, stream.Prefix)
	if err != nil {
		return nil, err
	}
	defer stored.Close()
	if _, err := io.CopyN(io.Discard, stored, max(0, stream.BytesKept-verdictTail)); err != nil {
		return nil, err
	}
	return io.ReadAll(io.LimitReader(stored, verdictTail))
}
