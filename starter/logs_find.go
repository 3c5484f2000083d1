package main

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"pitwall/internal/artifact"
)

// attempt is the attempt to read: the one asked for, else the last that wrote anything; 0 when none did.
func (l evalLogs) attempt(ctx context.Context) (int, error) {
	attempts, err := l.attempts(ctx)
	if err != nil || len(attempts) == 0 {
		return 0, err
	}
	if l.options.attempt == 0 {
		return slices.Max(attempts), nil
	}
	if !slices.Contains(attempts, l.options.attempt) {
		return 0, &UsageError{Problem: fmt.Sprintf("no attempt %d", l.options.attempt), Hint: fmt.Sprintf("the attempts with output are: %v", attempts)}
	}
	return l.options.attempt, nil
}

// attempts that wrote something.
func (l evalLogs) attempts(ctx context.Context) ([]int, error) {
	var found []int
	for dir, err := range l.store.ListDirs(ctx, l.prefix+"/") {
		if err != nil {
			return nil, err
		}
		digits, isAttempt := strings.CutPrefix(lastName(dir.Key), "attempt-")
		if n, err := strconv.Atoi(digits); isAttempt && err == nil {
			found = append(found, n)
		}
	}
	return found, nil
}

// steps of an attempt, in the order in which they first wrote; the store does not know more of a job that still runs.
func (l evalLogs) steps(ctx context.Context, attempt int) ([]string, error) {
	type step struct {
		name  string
		began time.Time
	}
	var steps []step
	prefix := artifact.Attempt(l.prefix, attempt) + "/streams/"
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
