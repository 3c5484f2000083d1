//go:build linux

package e2e

import (
	"context"
	"os"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"pitwall/activities"
	"pitwall/internal/spec"
	"pitwall/internal/telemetry"
	"pitwall/test/faultproxy"
	"pitwall/test/harness"
)

// A campaign meets a provider that is full, and then one that is broken: the one only slows it down, the other stops it.
func TestACampaignMeetsAProviderThatIsFullOrBroken(t *testing.T) {
	t.Parallel() // it mostly waits
	s, proxy := behindFaults(t, harness.Options{Slots: 4})

	t.Run("429 and a full quota cost time, and no attempt", func(t *testing.T) {
		const refusals = 3
		require.NoError(t, proxy.Add(
			faultproxy.Rule{Fault: faultproxy.Quota, Call: faultproxy.Create, Count: refusals},
			faultproxy.Rule{Fault: faultproxy.RateLimited, Call: faultproxy.Create, Count: refusals},
		))
		_, stderr, code := s.Starter("campaign", "start", commandCampaign(t, 8, "true", ""), "--name", "full")
		require.Equal(t, 0, code, stderr)
		s.Eventually("evals say that they wait for capacity", func(context.Context) bool {
			stdout, _, _ := s.Starter("campaign", "status", "full")
			return strings.Contains(stdout, "evals for capacity: the provider is full")
		})
		s.Eventually("the worker sends fewer creates at once", func(ctx context.Context) bool {
			limit := createLimit(ctx, s)
			return limit > 0 && limit < 4
		})
		result := finished(t, s, "full")
		require.Equal(t, []int{8, 8, 8}, []int{result.NTotal, result.NScored, result.NPassed})
		for _, row := range s.Rows(result.ResultsURI) {
			var eval spec.EvalResult
			require.NoError(t, s.Temporal.GetWorkflow(t.Context(), row.EvalID, row.RunID).Get(t.Context(), &eval))
			for _, attempt := range eval.Attempts { // one, unless the machine was so busy that a heartbeat was late
				require.False(t, attempt.Error != nil && attempt.Error.Type == activities.ErrTypeCapacity, "a refusal costs no attempt: %+v", attempt.Error)
			}
		}
		injected := proxy.Injected()
		require.Equal(t, []int{refusals, refusals}, []int{injected[faultproxy.Quota], injected[faultproxy.RateLimited]})
		require.Greater(t, createLimit(t.Context(), s), 1.0, "creates that went well raised the bound again")
	})

	t.Run("the circuit breaker", func(t *testing.T) {
		proxy.Clear()
		require.NoError(t, proxy.Add(faultproxy.Rule{Fault: faultproxy.StateError, Call: faultproxy.Create, Count: -1}))
		file := commandCampaign(t, 12, "true", "max_parallel: 1\nbreaker: {window: 2, max_infra_share: 0.5}\n")
		text, err := os.ReadFile(file)
		require.NoError(t, err)
		require.NoError(t, os.WriteFile(file, append(text, "  max_attempts: 1\n"...), 0o600))
		_, stderr, code := s.Starter("campaign", "start", file, "--name", "broken")
		require.Equal(t, 0, code, stderr)
		s.Eventually("it opens, and says so", func(context.Context) bool {
			return campaignProgress(t, s, "broken").Breaker != ""
		})
		stdout, _, _ := s.Starter("campaign", "status", "broken")
		require.Contains(t, stdout, "infrastructure broke 2 of the last 2 trials")
		require.Equal(t, 2, campaignProgress(t, s, "broken").Started, "nothing new is started")

		proxy.Clear() // the provider is well again: the probe, after 30 s, finds that out by itself
		result := finished(t, s, "broken")
		require.Equal(t, []int{12, 10, 10, 2}, []int{result.NTotal, result.NScored, result.NPassed, result.NInfraError})
		require.Equal(t, spec.VerdictInconclusive, result.Verdict)
		told := map[any]bool{}
		for _, line := range s.Journal() {
			told[line["event"]] = true
		}
		require.True(t, told[string(telemetry.BreakerOpened)])
		require.True(t, told[string(telemetry.BreakerClosed)])
	})
	require.Equal(t, s.Ledger().Created, s.Ledger().Destroyed)
}

// createLimit is the worker's bound on creates under way; 0 before the first.
func createLimit(ctx context.Context, s *harness.Stack) float64 {
	match := regexp.MustCompile(`(?m)^pitwall_create_limit (\S+)$`).FindStringSubmatch(metrics(ctx, s))
	if match == nil {
		return 0
	}
	limit, _ := strconv.ParseFloat(match[1], 64)
	return limit
}
