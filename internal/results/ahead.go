package results

import (
	"context"
	"iter"
	"sync"
)

// readsAhead is how many results are on their way at a time: a read from S3 takes some 20 ms whatever its size, so one
// after the other 10,000 of them took over three minutes. It also bounds how many are in memory.
const readsAhead = 16

// ahead yields work's answers in the order of items while up to readsAhead of them are being worked on. It ends after the
// first error, and leaves nothing running when it returns. Items are drawn on another goroutine.
func ahead[In, Out any](ctx context.Context, items iter.Seq2[In, error], work func(context.Context, In) (Out, error)) iter.Seq2[Out, error] {
	type answer struct {
		out Out
		err error
	}
	return func(yield func(Out, error) bool) {
		ctx, cancel := context.WithCancel(ctx)
		var running sync.WaitGroup
		defer running.Wait()
		defer cancel()
		answers := make(chan chan answer, readsAhead-1) // the consumer holds one more
		running.Go(func() {
			defer close(answers)
			for item, err := range items {
				next := make(chan answer, 1)
				select {
				case answers <- next:
				case <-ctx.Done():
					return
				}
				if err != nil {
					next <- answer{err: err}
					return
				}
				running.Go(func() {
					out, err := work(ctx, item)
					next <- answer{out, err}
				})
			}
		})
		for next := range answers {
			got := <-next
			if !yield(got.out, got.err) || got.err != nil {
				return
			}
		}
		if err := ctx.Err(); err != nil { // the items may have ended early because of it
			var none Out
			yield(none, err)
		}
	}
}
