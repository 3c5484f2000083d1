package scorer

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"unicode"
	"unicode/utf8"

	"pitwall/internal/spec"
)

// ErrSettings: the scorer itself is unusable (an unknown type, a pattern that does not compile, a command scorer without
// its step). The origin is the scorer, not the job.
var ErrSettings = errors.New("unusable scorer")

// ErrNoFile is what a Source returns for a file that the attempt does not have. It carries the reason, wrapped.
var ErrNoFile = errors.New("not fetched")

// Source opens what an attempt left in the store.
type Source interface {
	// OpenStream opens the kept bytes of one output of a step.
	OpenStream(ctx context.Context, stream spec.Stream) (io.ReadCloser, error)
	// OpenFile opens a fetched file by its path in the sandbox. Returns ErrNoFile when there is none.
	OpenFile(ctx context.Context, path string) (io.ReadCloser, error)
}

// Score judges a job by any scorer but command, which needs a sandbox first: see FromCommand. It returns ErrSettings, or
// what the source failed with, which is worth another try; whatever the job did is in the score.
func Score(ctx context.Context, sc spec.Scorer, job spec.JobResult, src Source) (spec.Score, error) {
	switch sc.Type {
	case spec.ScorerExitCode, "":
		return ExitCode(sc, job), nil
	case spec.ScorerJSONFile:
		return jsonFile(ctx, sc, job, src)
	case spec.ScorerRegex:
		return regex(ctx, sc, job, src)
	}
	return spec.Score{}, fmt.Errorf("%w: type %q is not scored from evidence", ErrSettings, sc.Type)
}

// unfinished says why a job's evidence is not that of a finished job, or "".
func unfinished(job spec.JobResult) string {
	if job.SupervisorLost {
		return "the job's supervisor was lost without an exit record"
	}
	if len(job.Steps) == 0 {
		return "the job has no exit record"
	}
	for _, step := range job.Steps {
		if step.TimedOut {
			return fmt.Sprintf("step %s ran into its time limit", step.Name)
		}
	}
	return ""
}

// maxExplanationBytes keeps a score one line of a table.
const maxExplanationBytes = 240

func failed(format string, args ...any) spec.Score {
	return spec.Score{Explanation: explanation(format, args...)}
}

// explanation is one bounded, printable line: parts of it come from the job.
func explanation(format string, args ...any) string {
	line := strings.Map(func(r rune) rune {
		if r == utf8.RuneError || !unicode.IsPrint(r) {
			return '?'
		}
		return r
	}, fmt.Sprintf(format, args...))
	if len(line) <= maxExplanationBytes {
		return line
	}
	line = line[:maxExplanationBytes]
	for !utf8.ValidString(line) {
		line = line[:len(line)-1]
	}
	return line + "…"
}
