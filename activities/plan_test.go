package activities

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/temporal"

	"pitwall/internal/config"
	"pitwall/internal/policy"
	"pitwall/internal/spec"
)

func planConfig() config.Config {
	return config.Config{
		Enabled: true, APIURL: "https://daytona.example/api", DefaultLanguage: "javascript",
		SandboxTTLMinutes: 30, MaxTTLMinutes: 120, MaxParallelSandboxes: 2, CreateHorizon: time.Minute,
	}
}

func plan(t *testing.T, cfg config.Config, in spec.EvalInput) (EvalPlan, *temporal.ApplicationError) {
	t.Helper()
	return planUnder(t, policy.Default(), cfg, in)
}

func planUnder(t *testing.T, admitted *policy.Policy, cfg config.Config, in spec.EvalInput) (EvalPlan, *temporal.ApplicationError) {
	t.Helper()
	planned, err := (&Planning{Config: cfg, Policy: admitted}).PlanEval(t.Context(), PlanInput{EvalID: "eval-1", Input: in})
	if err == nil {
		return planned, nil
	}
	var app *temporal.ApplicationError
	require.ErrorAs(t, err, &app)
	require.True(t, app.NonRetryable())
	return planned, app
}

func oneStep(limit time.Duration) spec.EvalInput {
	return spec.EvalInput{Job: spec.Job{Steps: []spec.Step{{Command: "true", TimeLimit: spec.Duration(limit)}}}}
}

func TestPlanResolvesEveryDefault(t *testing.T) {
	planned, refused := plan(t, planConfig(), oneStep(0))
	require.Nil(t, refused)
	require.Equal(t, "eval-1", planned.Input.Name)
	require.Equal(t, "javascript", planned.Input.Sandbox.Language)
	require.Equal(t, spec.NetworkNone, planned.Input.Sandbox.Network.Mode)
	require.Equal(t, spec.ScorerExitCode, planned.Input.Scorer.Type)
	require.Equal(t, planConfig().Account(), planned.Account)
	require.Equal(t, time.Minute, planned.CreateHorizon)
	require.Equal(t, 30*time.Minute, planned.JobClocks.TTL)
	require.Zero(t, planned.ScorerClocks)
}

func TestPlanOrdersTheClocks(t *testing.T) {
	in := oneStep(time.Hour)
	in.Scorer = &spec.Scorer{Type: spec.ScorerCommand, Command: "true"}
	planned, refused := plan(t, planConfig(), in)
	require.Nil(t, refused)
	for _, clocks := range []spec.Clocks{planned.JobClocks, planned.ScorerClocks} {
		require.LessOrEqual(t, clocks.JobLimit+spec.UploadAllowance+spec.DownloadAllowance+spec.ClockMargin, clocks.LeaseDeadline)
		require.LessOrEqual(t, clocks.LeaseDeadline+spec.ClockMargin, clocks.TTL)
	}
	require.Less(t, planned.ScorerClocks.TTL, planned.JobClocks.TTL)

	_, refused = plan(t, planConfig(), oneStep(2*time.Hour))
	require.Equal(t, ErrTypeInvalidInput, refused.Type())
	require.Contains(t, refused.Message(), "2h20m", "what it needs")
	require.Contains(t, refused.Message(), "2h0m0s", "what it may have")
}

func TestPlanPutsATrialsEvidenceUnderItsCampaign(t *testing.T) {
	in := oneStep(0)
	in.Trial = &spec.Trial{Campaign: "c", Sample: "s/1", Epoch: 2}
	planned, refused := plan(t, planConfig(), in)
	require.Nil(t, refused)
	direct, _ := plan(t, planConfig(), oneStep(0))
	require.NotEqual(t, direct.Prefix, planned.Prefix)
	require.Contains(t, planned.Prefix, "c/trials/")
}

func TestPlanSaysAllThatIsWrongAtOnce(t *testing.T) {
	in := oneStep(-time.Second)
	in.MaxAttempts, in.Sandbox.Network.Mode = 99, "sometimes"
	_, refused := plan(t, planConfig(), in)
	require.Equal(t, ErrTypeInvalidInput, refused.Type())
	for _, word := range []string{"time_limit", "max_attempts", "network"} {
		require.Contains(t, refused.Message(), word)
	}
}

func TestPlanRefusesWhatLocalSandboxesCannotDo(t *testing.T) {
	cfg := planConfig()
	open, err := policy.Decode([]byte("version: 1\nall: {network: {mode: full}}"))
	require.NoError(t, err)
	in := oneStep(0)
	in.Sandbox.Network = spec.Network{Mode: spec.NetworkAllow, AllowDomains: []string{"example.org"}}
	_, refused := planUnder(t, open, cfg, in)
	require.Nil(t, refused)
	cfg.APIURL = "http://127.0.0.1:3986/api"
	_, refused = planUnder(t, open, cfg, in)
	require.Nil(t, refused)
	in.Sandbox.Network = spec.Network{Mode: spec.NetworkFull}
	_, refused = planUnder(t, open, cfg, in)
	require.Equal(t, ErrTypeInvalidInput, refused.Type())
	require.Contains(t, refused.Message(), "at most what an allow list names")
}

func TestPlanSaysEveryRuleThatIsBroken(t *testing.T) {
	strict, err := policy.Decode([]byte("version: 1\nall: {languages: [python], max_time_limit: 10s}"))
	require.NoError(t, err)
	in := oneStep(0)
	in.Sandbox.Network = spec.Network{Mode: spec.NetworkFull}
	_, refused := planUnder(t, strict, planConfig(), in)
	require.Equal(t, ErrTypePolicyViolation, refused.Type())
	for _, rule := range []string{"languages", "max_time_limit", "network.mode"} {
		require.Contains(t, refused.Message(), "  "+rule+": admits ")
	}
	var sum string
	require.NoError(t, refused.Details(&sum))
	require.Equal(t, strict.SHA256(), sum)
	described := Describe(refused)
	require.Equal(t, spec.OriginUser, described.Origin)
	require.Equal(t, refused.Message(), described.Message)

	admitted, refused := plan(t, planConfig(), oneStep(0))
	require.Nil(t, refused)
	require.Equal(t, policy.Default().SHA256(), admitted.PolicySHA256)
}

func TestPlanWhereSandboxesAreSwitchedOff(t *testing.T) {
	cfg := planConfig()
	cfg.Enabled = false
	_, refused := plan(t, cfg, oneStep(0))
	require.Equal(t, ErrTypeDisabled, refused.Type())
}
