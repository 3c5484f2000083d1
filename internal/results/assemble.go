package results

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"iter"

	"pitwall/internal/artifact"
	"pitwall/internal/spec"
)

// maxResultsBytes bounds results.jsonl: a row of 16 KiB for each of 500,000 trials.
const maxResultsBytes = 8 << 30

// Assemble writes a campaign's results.jsonl from its rows (see Rows) and hands each row to add, in the manifest's order,
// holding a few at a time. What was assembled before is replaced.
func Assemble(ctx context.Context, store *artifact.Store, campaign string, missing Missing, add func(spec.TrialRow)) (spec.Ref, error) {
	pipe, out := io.Pipe()
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = out.CloseWithError(writeRows(out, Rows(ctx, store, campaign, missing), add)) // always nil
	}()
	ref, err := store.Overwrite(ctx, artifact.Results(campaign), pipe, maxResultsBytes)
	_ = pipe.CloseWithError(io.ErrClosedPipe) // ends the writer if the store gave up first
	<-done
	if err != nil {
		return spec.Ref{}, fmt.Errorf("assemble the results of campaign %s: %w", campaign, err)
	}
	return ref, nil
}

func writeRows(w io.Writer, rows iter.Seq2[spec.TrialRow, error], add func(spec.TrialRow)) error {
	out := bufio.NewWriterSize(w, 64<<10)
	encoder := json.NewEncoder(out)
	encoder.SetEscapeHTML(false)
	for row, err := range rows {
		if err == nil {
			err = encoder.Encode(row)
		}
		if err != nil {
			return err
		}
		add(row)
	}
	return out.Flush()
}
