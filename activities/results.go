package activities

import (
	"context"
	"errors"
	"fmt"

	"pitwall/internal/artifact"
	"pitwall/internal/results"
	"pitwall/internal/spec"
)

// Results writes result.json.
type Results struct{ Store *artifact.Store }

// WriteResultInput is the input of WriteResult.
type WriteResultInput struct {
	Prefix string          `json:"prefix"`
	Result spec.EvalResult `json:"result"`
}

// WriteResultResult says where the result stands.
type WriteResultResult struct {
	URI string `json:"uri"`
}

// WriteResult writes an eval's result.json, once: a repetition with the same content is fine, and what stands there is
// never replaced. It is short and safe to repeat, so it runs as a local activity.
func (r *Results) WriteResult(ctx context.Context, in WriteResultInput) (WriteResultResult, error) {
	written, err := results.WriteResult(ctx, r.Store, in.Prefix, in.Result)
	if err != nil && !errors.Is(err, artifact.ErrExists) {
		return WriteResultResult{}, retryable(ErrTypeStore, fmt.Errorf("write the result of %s: %w", in.Result.EvalID, err), 0)
	}
	return WriteResultResult{URI: written.ResultURI}, nil
}
