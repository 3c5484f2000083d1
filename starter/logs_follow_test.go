package main

import (
	"bytes"
	"context"
	"fmt"
	"strconv"
	"testing"

	"github.com/stretchr/testify/require"

	"pitwall/internal/artifact"
	"pitwall/internal/spec"
)

// wroteOut writes what a step of an attempt wrote to stdout, to its end.
func wroteOut(t *testing.T, store *artifact.Store, prefix string, attempt, step int) {
	t.Helper()
	line := fmt.Sprintf("attempt %d step %d\n", attempt, step)
	stream := artifact.Stream(artifact.Attempt(prefix, attempt, fmt.Sprint("run", attempt)), fmt.Sprint("step", step), "stdout")
	require.NoError(t, store.AppendChunk(t.Context(), stream, 0, []byte(line)))
	require.NoError(t, store.FinishStream(t.Context(), stream, artifact.StreamInfo{BytesTotal: int64(len(line)), BytesKept: int64(len(line))}))
}

// Of an eval that has ended -f prints what is printed without: the last attempt, step after step.
func TestFollowOfAnEvalThatHasEnded(t *testing.T) {
	t.Parallel()
	store := newStore(t)
	prefix := evalPrefix("eval/direct/x")
	for attempt := 1; attempt <= 2; attempt++ {
		for step := range 6 {
			wroteOut(t, store, prefix, attempt, step)
		}
	}
	_, err := store.PutJSON(t.Context(), artifact.Result(prefix), spec.EvalResult{})
	require.NoError(t, err)
	logs := evalLogs{store: store, prefix: prefix}
	var printed, followed bytes.Buffer
	require.NoError(t, logs.print(t.Context(), "eval/direct/x", logOutput{"stdout": &printed, "stderr": &printed}))
	require.NoError(t, logs.follow(t.Context(), "eval/direct/x", logOutput{"stdout": &followed, "stderr": &followed}))
	require.Equal(t, printed.String(), followed.String())
	require.Equal(t, 6, bytes.Count(printed.Bytes(), []byte("attempt 2")))
	require.Zero(t, bytes.Count(printed.Bytes(), []byte("attempt 1")))
}

// Steps that end between two looks follow each other, as they did.
func TestFollowKeepsTheOrderOfSteps(t *testing.T) {
	t.Parallel()
	store := newStore(t)
	prefix := evalPrefix("eval/direct/x")
	want := ""
	for step := range 6 {
		wroteOut(t, store, prefix, 1, step)
		want += fmt.Sprintf("attempt 1 step %d\n", step)
	}
	followsAs(t, store, prefix, want)
}

// A worker that died left a stream without an end; what comes after it keeps its order.
func TestFollowKeepsTheOrderAfterADeadWorker(t *testing.T) {
	t.Parallel()
	store := newStore(t)
	prefix := evalPrefix("eval/direct/x")
	dead := artifact.Stream(artifact.Attempt(prefix, 1, "run1"), "step0", "stdout")
	require.NoError(t, store.AppendChunk(t.Context(), dead, 0, []byte("dead\n")))
	want := "dead\n"
	for step := range 6 {
		wroteOut(t, store, prefix, 2, step)
		want += "attempt 2 step " + strconv.Itoa(step) + "\n"
	}
	followsAs(t, store, prefix, want)
}

// followsAs follows an eval that ends once all that is wanted was printed.
func followsAs(t *testing.T, store *artifact.Store, prefix, want string) {
	t.Helper()
	var out safeBuffer
	done := make(chan error, 1)
	go func() {
		logs := evalLogs{store: store, prefix: prefix}
		done <- logs.follow(context.WithoutCancel(t.Context()), "eval/direct/x", logOutput{"stdout": &out, "stderr": &out})
	}()
	require.Eventually(t, func() bool { return len(out.String()) == len(want) }, patience, tick)
	_, err := store.PutJSON(t.Context(), artifact.Result(prefix), spec.EvalResult{})
	require.NoError(t, err)
	require.NoError(t, <-done)
	require.Equal(t, want, out.String())
}

// What a step writes late to its other stream does not wait for the step that runs meanwhile.
func TestFollowDoesNotHoldBackALateStream(t *testing.T) {
	t.Parallel()
	store := newStore(t)
	prefix := evalPrefix("eval/direct/x")
	wroteOut(t, store, prefix, 1, 0)
	attempt := artifact.Attempt(prefix, 1, "run1")
	running := artifact.Stream(attempt, "step1", "stdout")
	require.NoError(t, store.AppendChunk(t.Context(), running, 0, []byte("running\n")))
	var out safeBuffer
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() {
		logs := evalLogs{store: store, prefix: prefix}
		done <- logs.follow(ctx, "eval/direct/x", logOutput{"stdout": &out, "stderr": &out})
	}()
	require.Eventually(t, func() bool { return out.String() == "attempt 1 step 0\nrunning\n" }, patience, tick)
	require.NoError(t, store.AppendChunk(t.Context(), artifact.Stream(attempt, "step0", "stderr"), 0, []byte("late\n")))
	require.Eventually(t, func() bool { return out.String() == "attempt 1 step 0\nrunning\nlate\n" }, patience, tick)
	cancel()
	require.Error(t, <-done)
}
