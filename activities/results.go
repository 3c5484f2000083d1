package activities

import (
	"context"
	"errors"
	"fmt"

	"pitwall/internal/artifact"
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
	key := artifact.Result(in.Prefix)
	in.Result.ResultURI = artifact.URI(key)
	_, err := r.Store.PutJSON(ctx, key, in.Result)
	if err != nil && !errors.Is(err, artifact.ErrExists) {
		return WriteResultResult{}, retryable(ErrTypeStore, fmt.Errorf("write %s: %w", key, err), 0)
	}
	return WriteResultResult{URI: in.Result.ResultURI}, nil
}
