package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"sync"
	"time"

	"pitwall/internal/artifact"
)

const (
	followEvery = 300 * time.Millisecond
	// lastWords is how long streams are read on after the eval has its result; all that they hold is there by then.
	lastWords = 10 * time.Second
)

// follow copies every stream of the eval as it grows, until the eval has its result; of one that has it, what print prints.
func (l evalLogs) follow(ctx context.Context, evalID string, out logOutput) error {
	if done, err := l.store.Exists(ctx, artifact.Result(l.prefix)); err != nil || done {
		if err == nil {
			err = l.print(ctx, evalID, out)
		}
		return followEnd(ctx, err)
	}
	ctx, cancel := context.WithCancel(ctx)
	f := &follower{logs: l, out: map[string]io.Writer{}, seen: map[string]*tail{}}
	var mu sync.Mutex
	for name, w := range out {
		f.out[name] = &lockedWriter{mu: &mu, to: w}
	}
	defer f.wg.Wait()
	defer cancel()
	for {
		done, err := l.store.Exists(ctx, artifact.Result(l.prefix)) // before the look: nothing is written after it
		if err == nil {
			err = f.look(ctx)
		}
		if err != nil {
			return followEnd(ctx, err)
		}
		if done && len(f.seen) == 0 {
			return l.explainNothing(ctx)
		}
		if done {
			return f.finish()
		}
		if !poll(ctx, followEvery) {
			return followEnd(ctx, ctx.Err())
		}
	}
}

// explainNothing: an eval that has ended will never write the attempt or the step that was asked for.
func (l evalLogs) explainNothing(ctx context.Context) error {
	attempt, err := l.attempt(ctx)
	if err == nil && attempt != nil {
		_, err = l.steps(ctx, *attempt)
	}
	return err
}

func followEnd(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return outcome(exitInterrupted)
	}
	return err
}

// follower copies the streams of one eval, those of a step at the same time, each in a goroutine of its own; an eval has at most
// 32 steps and 10 attempts.
type follower struct {
	logs evalLogs
	out  map[string]io.Writer
	seen map[string]*tail // by prefix
	wg   sync.WaitGroup

	mu    sync.Mutex // guards first
	first error
}

// tail is one stream that is followed.
type tail struct {
	attempt string // its prefix
	ended   chan struct{}
}

// look starts to follow each stream that is new.
func (f *follower) look(ctx context.Context) error {
	attempts, err := f.logs.attempts(ctx)
	if err != nil {
		return err
	}
	var earlier []*tail
	for _, attempt := range attempts {
		if f.logs.options.attempt != 0 && f.logs.options.attempt != attempt.number {
			continue
		}
		steps, err := f.logs.steps(ctx, attempt)
		if errors.As(err, new(*UsageError)) {
			continue // the step that was asked for has not begun
		}
		if err != nil {
			return err
		}
		for _, step := range steps {
			if earlier, err = f.lookAt(ctx, attempt, step, earlier); err != nil {
				return err
			}
		}
	}
	return nil
}

// lookAt starts to follow what is new of a step, behind the earlier streams, and returns these with the step's own.
func (f *follower) lookAt(ctx context.Context, attempt attemptLogs, step string, earlier []*tail) ([]*tail, error) {
	all := slices.Clone(earlier)
	for _, stream := range f.logs.streams() {
		prefix := artifact.Stream(attempt.prefix, step, stream)
		if f.seen[prefix] == nil {
			begun, err := hasAny(ctx, f.logs.store, prefix+"/")
			if err != nil {
				return nil, err
			}
			if !begun {
				continue
			}
			f.seen[prefix] = f.start(ctx, attempt, prefix, f.out[stream], earlier)
		}
		all = append(all, f.seen[prefix])
	}
	return all, nil
}

func (f *follower) start(ctx context.Context, attempt attemptLogs, prefix string, w io.Writer, earlier []*tail) *tail {
	t := &tail{attempt: attempt.prefix, ended: make(chan struct{})}
	f.wg.Go(func() {
		defer close(t.ended)
		awaitTails(ctx, attempt.prefix, earlier)
		f.copy(ctx, prefix, w)
	})
	return t
}

// awaitTails waits until streams have been copied to their ends; for those of other attempts a while, as that of a worker that died
// has none. Within an attempt a worker that takes over writes on.
func awaitTails(ctx context.Context, attempt string, tails []*tail) {
	patient, cancel := context.WithTimeout(ctx, lastWords/3)
	defer cancel()
	for _, t := range tails {
		until := ctx
		if t.attempt != attempt {
			until = patient
		}
		select {
		case <-t.ended:
		case <-until.Done():
		}
	}
}

func (f *follower) copy(ctx context.Context, prefix string, w io.Writer) {
	_, err := f.logs.store.TailStream(ctx, prefix, 0, followEvery, w)
	if err != nil && ctx.Err() == nil {
		f.mu.Lock()
		defer f.mu.Unlock()
		f.first = errors.Join(f.first, fmt.Errorf("follow %s: %w", prefix, err))
	}
}

// finish waits for the streams' ends. One whose worker died before it wrote the end never has one.
func (f *follower) finish() error {
	ended := make(chan struct{})
	go func() {
		f.wg.Wait()
		close(ended)
	}()
	select {
	case <-ended:
	case <-time.After(lastWords):
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.first
}

// lockedWriter lets several streams share one terminal.
type lockedWriter struct {
	mu *sync.Mutex
	to io.Writer
}

func (w *lockedWriter) Write(p []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.to.Write(p)
}

// followEval shows a running eval's output on stderr, for `run --follow`; its result follows on stdout.
func followEval(ctx context.Context, term *terminal, target deployment, evalID string) {
	store, err := openStore(ctx, target)
	if err != nil {
		term.note("cannot follow: %v", err)
		return
	}
	defer store.Close()
	guard := guarded(term.err, false)
	out := logOutput{"stdout": guard, "stderr": guard}
	defer out.close()
	if err := (evalLogs{store: store, prefix: evalPrefix(evalID)}).follow(ctx, evalID, out); err != nil && ctx.Err() == nil {
		term.note("cannot follow: %v", err)
	}
}
