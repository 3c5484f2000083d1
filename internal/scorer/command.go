package scorer

import (
	"bytes"
	"fmt"

	"pitwall/internal/spec"
)

// valueField is the field of a scoring command's last line.
const valueField = "value"

// FromCommand makes the score of a command scorer from the step that ran its command and the end of what it printed:
// passed when it exited 0; its value is that of a last line {"value": number}, else 1 or 0. A command that ran into its
// limits, was not found or was killed fails the job: what it judges could have done that to it. It returns ErrSettings
// when sc is of another type.
func FromCommand(sc spec.Scorer, step spec.StepResult, stdoutTail []byte) (spec.Score, error) {
	if sc.Type != spec.ScorerCommand {
		return spec.Score{}, fmt.Errorf("%w: type %q has no command", ErrSettings, sc.Type)
	}
	why := stepFailure(step)
	score := spec.Score{Passed: why == ""}
	if score.Passed {
		score.Value = 1
	} else {
		score.Explanation = explanation("the scoring command %s", why)
	}
	line := lastLine(stdoutTail)
	if !bytes.HasPrefix(line, []byte("{")) || step.TimedOut || step.ExitCode == nil {
		return score, nil
	}
	value, err := valueAt(line, valueField)
	switch {
	case err == nil:
		score.Value = value
	case score.Passed:
		return failed("the scoring command's last line: %v", err), nil
	}
	return score, nil
}

// lastLine is the last line that is not blank.
func lastLine(tail []byte) []byte {
	tail = bytes.TrimSpace(tail)
	return bytes.TrimSpace(tail[bytes.LastIndexByte(tail, '\n')+1:])
}
