package main

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestAuditRange(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 3, 2, 12, 0, 0, 0, time.UTC)
	day := span{now.Add(-24 * time.Hour), now}
	for given, want := range map[[2]string]span{
		{"24h", ""}:                  day,
		{"24h", "0s"}:                day,
		{"2026-03-01T12:00:00Z", ""}: day,
		{"2026-03-01T13:00:00+01:00", "2027-01-01T00:00:00Z"}: day,
		{"48h", "24h"}: {now.Add(-48 * time.Hour), now.Add(-24 * time.Hour)},
	} {
		got, err := parseSpan(given[0], given[1], now)
		require.NoError(t, err, given)
		require.True(t, want.since.Equal(got.since) && want.until.Equal(got.until), "%v: %v", given, got)
	}
	for given, says := range map[[2]string]string{
		{"yesterday", ""}:            "--since",
		{"-1h", ""}:                  "--since",
		{"24h", "noon"}:              "--until",
		{"1h", "2h"}:                 "empty",
		{"2027-01-01T00:00:00Z", ""}: "empty",
	} {
		_, err := parseSpan(given[0], given[1], now)
		require.ErrorContains(t, err, says, given)
		require.Equal(t, exitUsage, exitCode(t.Context(), err))
	}
}

// A job may leave an artifact of that name, and a sample may be called like an attempt.
func TestResultKeys(t *testing.T) {
	t.Parallel()
	for key, want := range map[string]bool{
		"evals/eval%2Fdirect%2Fx/result.json":                               true,
		"campaigns/c/trials/s/1/result.json":                                true,
		"campaigns/c/trials/attempt-1.x/1/r2/result.json":                   true,
		"evals/eval%2Fdirect%2Fx/attempt-1.run/artifacts/result.json":       false,
		"campaigns/c/trials/s/1/attempt-1.run/artifacts/result.json":        false,
		"campaigns/c/trials/s/1/r1/attempt-1.run/artifacts/result.json":     false,
		"campaigns/c/trials/s/1/attempt-1.run/scorer.run/x/y/z/result.json": false,
		"campaigns/c/result.json":                                           false,
	} {
		require.Equal(t, want, resultKey.MatchString(key), key)
	}
}

func TestEachAtOnceEndsAtTheFirstError(t *testing.T) {
	t.Parallel()
	done := make(chan int, 100)
	items := make([]int, 100)
	for i := range items {
		items[i] = i
	}
	broken := errors.New("broken")
	err := eachAtOnce(t.Context(), items, func(_ context.Context, i int) error {
		done <- i
		if i == 3 {
			return broken
		}
		return nil
	})
	require.ErrorIs(t, err, broken)
	require.NoError(t, eachAtOnce(t.Context(), items[:3], func(context.Context, int) error { return nil }))
}
