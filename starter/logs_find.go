package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"go.temporal.io/api/serviceerror"

	"pitwall/internal/artifact"
)

// attemptLogs is one attempt that wrote something.
type attemptLogs struct {
	number int
	// prefix of its evidence in the store.
	prefix string
	began  time.Time
}

// awaitable refuses to follow what will never come. An eval that has written nothing may wait for its slot: Temporal
// knows, and is asked only then.
func (l evalLogs) awaitable(ctx context.Context, target deployment, evalID string) error {
	begun, err := hasAny(ctx, l.store, l.prefix+"/")
	if err != nil || begun {
		return err
	}
	temporal, err := dialTemporal(ctx, target)
	if err != nil {
		return &InfraError{Err: fmt.Errorf("eval %s has written nothing to %s, and whether it waits cannot be asked: %w", evalID, l.store.URL(), err)}
	}
	defer temporal.Close()
	described, err := temporal.DescribeWorkflowExecution(ctx, evalID, "")
	var missing *serviceerror.NotFound
	if errors.As(err, &missing) {
		return unknownEval(ctx, l.store, evalID)
	}
	if err != nil {
		return fmt.Errorf("ask Temporal about %s: %w", evalID, err)
	}
	if status := statusOfExecution(described.GetWorkflowExecutionInfo().GetStatus()); status != statusRunning {
		return &UsageError{Problem: fmt.Sprintf("eval %s has ended (%s) and wrote nothing", evalID, status), Hint: "see why in Temporal's UI"}
	}
	return nil
}

// attempt is the attempt to read: the last with the number that was asked for, else the last; nil when there is none.
func (l evalLogs) attempt(ctx context.Context) (*attemptLogs, error) {
	attempts, err := l.attempts(ctx)
	if err != nil || len(attempts) == 0 {
		return nil, err
	}
	var numbers []int
	for i := len(attempts) - 1; i >= 0; i-- {
		if l.options.attempt == 0 || l.options.attempt == attempts[i].number {
			return &attempts[i], nil
		}
		numbers = append(numbers, attempts[i].number)
	}
	slices.Sort(numbers)
	return nil, &UsageError{Problem: fmt.Sprintf("no attempt %d", l.options.attempt), Hint: fmt.Sprintf("the attempts with output are: %v", slices.Compact(numbers))}
}

// attempts that wrote something, in the order in which they began.
func (l evalLogs) attempts(ctx context.Context) ([]attemptLogs, error) {
	var found []attemptLogs
	for dir, err := range l.store.ListDirs(ctx, l.prefix+"/") {
		if err != nil {
			return nil, err
		}
		n, isAttempt := artifact.SplitAttempt(lastName(dir.Key))
		if !isAttempt {
			continue
		}
		began, err := l.began(ctx, dir.Key)
		if err != nil {
			return nil, err
		}
		found = append(found, attemptLogs{number: n, prefix: strings.TrimSuffix(dir.Key, "/"), began: began})
	}
	slices.SortStableFunc(found, func(a, b attemptLogs) int { return a.began.Compare(b.began) })
	return found, nil
}

// steps of an attempt, in the order in which they first wrote; the store does not know more of a job that still runs.
func (l evalLogs) steps(ctx context.Context, attempt attemptLogs) ([]string, error) {
	type step struct {
		name  string
		began time.Time
	}
	var steps []step
	prefix := attempt.prefix + "/streams/"
	for dir, err := range l.store.ListDirs(ctx, prefix) {
		if err != nil {
			return nil, err
		}
		began, err := l.began(ctx, dir.Key)
		if err != nil {
			return nil, err
		}
		steps = append(steps, step{unescaped(lastName(dir.Key)), began})
	}
	slices.SortStableFunc(steps, func(a, b step) int { return a.began.Compare(b.began) })
	var names []string
	for _, step := range steps {
		if l.options.step == "" || l.options.step == step.name {
			names = append(names, step.name)
		}
	}
	if len(names) == 0 && len(steps) > 0 {
		var known []string
		for _, step := range steps {
			known = append(known, step.name)
		}
		return nil, &UsageError{Problem: fmt.Sprintf("no step %q with output", l.options.step), Hint: "the steps are: " + strings.Join(known, ", ")}
	}
	return names, nil
}

// began is when the first chunk under a prefix was written.
func (l evalLogs) began(ctx context.Context, prefix string) (time.Time, error) {
	var first time.Time
	for entry, err := range l.store.List(ctx, prefix) {
		if err != nil {
			return first, err
		}
		if first.IsZero() || entry.ModTime.Before(first) {
			first = entry.ModTime
		}
	}
	return first, nil
}

// lastName is the last name of a prefix that ends in "/".
func lastName(prefix string) string {
	prefix = strings.TrimSuffix(prefix, "/")
	return prefix[strings.LastIndexByte(prefix, '/')+1:]
}
