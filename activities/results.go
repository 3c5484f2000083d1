package activities

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"pitwall/internal/artifact"
	"pitwall/internal/redact"
	"pitwall/internal/results"
	"pitwall/internal/spec"
)

// Results writes result.json.
type Results struct {
	Store    *artifact.Store
	Redactor *redact.Redactor
}

// WriteResultInput is the input of WriteResult.
type WriteResultInput struct {
	Prefix string          `json:"prefix"`
	Result spec.EvalResult `json:"result"`
}

// WriteResultResult says where the result stands.
type WriteResultResult struct {
	URI string `json:"uri"`
	// FinishedAt is what stands there, when an earlier try of the same run wrote it. Zero: this call did.
	FinishedAt time.Time `json:"finished_at,omitzero"`
	// OtherRun: what stands there is of another run of the eval, and was not replaced.
	OtherRun bool `json:"other_run,omitempty"`
}

// WriteResult writes an eval's result.json, once: a repetition with the same content is fine, and what stands there is
// never replaced. It is short and safe to repeat, so it runs as a local activity.
func (r *Results) WriteResult(ctx context.Context, in WriteResultInput) (WriteResultResult, error) {
	if err := r.redact(&in.Result); err != nil {
		return WriteResultResult{}, terminal(ErrTypeStore, fmt.Errorf("redact the result of %s: %w", in.Result.EvalID, err))
	}
	written, err := results.WriteResult(ctx, r.Store, in.Prefix, in.Result)
	answer := WriteResultResult{URI: written.ResultURI}
	if errors.Is(err, artifact.ErrExists) {
		// The workflow task in which it was written may have been repeated, and then the clock went on.
		var stored spec.EvalResult
		stored, err = results.ReadResult(ctx, r.Store, in.Prefix)
		switch {
		case err != nil:
		case stored.RunID == in.Result.RunID:
			answer.FinishedAt = stored.FinishedAt
		default:
			answer.OtherRun = true
		}
	}
	if err != nil {
		return WriteResultResult{}, retryable(ErrTypeStore, fmt.Errorf("write the result of %s: %w", in.Result.EvalID, err), 0)
	}
	return answer, nil
}

// redact is the last look at a result: what a job said in it was redacted where it came in, and an input with a secret in it
// was refused, which is when the result echoes it.
func (r *Results) redact(result *spec.EvalResult) error {
	text, err := json.Marshal(result)
	if err != nil {
		return err
	}
	clean, err := r.Redactor.JSON(text)
	if err != nil || bytes.Equal(clean, text) {
		return err
	}
	*result = spec.EvalResult{}
	return json.Unmarshal(clean, result)
}
