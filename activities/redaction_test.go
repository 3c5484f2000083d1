package activities

import (
	"fmt"
	"io"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/temporal"

	"pitwall/internal/artifact"
	"pitwall/internal/leakscan"
	"pitwall/internal/redact"
	"pitwall/internal/secrets"
	"pitwall/internal/spec"
)

const jobSecret = "a-secret-of-the-job"

func TestNamesOfArtifactsStayApart(t *testing.T) {
	redactor := redact.New()
	redactor.Add("S", jobSecret)
	redactor.Add("T", "another-secret")
	filter := newArtifactFilter(redactor, nil, true)
	require.Equal(t, "plain", filter.name("plain"))
	require.Equal(t, "out/[REDACTED:S].txt", filter.name("out/"+jobSecret+".txt"))
	require.Equal(t, "out/[REDACTED:S].txt~2", filter.name("out/612d7365637265742d6f662d7468652d6a6f62.txt"), "the same in hex")
	require.Equal(t, "plain", filter.name("plain"), "a name as it was is the walk's to tell apart")
}

func TestWhatIsTakenOutOfAnArtifactIsCounted(t *testing.T) {
	scanner, err := leakscan.New()
	require.NoError(t, err)
	redactor := redact.New()
	redactor.Add("S", jobSecret)
	text := jobSecret + " AKIAIOSFODNN7EXAMPLE postgres://app:c0rrect-horse@db/x\n"
	for _, c := range []struct {
		scan    bool
		want    string
		counts  map[string]int
		scanned bool
	}{
		{true, "[REDACTED:S] [REDACTED:aws-access-key-id] postgres://app:[REDACTED:url-password]@db/x\n", map[string]int{"S": 1, "aws-access-key-id": 1, "url-password": 1}, true},
		{false, "[REDACTED:S] AKIAIOSFODNN7EXAMPLE postgres://app:c0rrect-horse@db/x\n", map[string]int{"S": 1}, false},
	} {
		filter := newArtifactFilter(redactor, scanner, c.scan)
		filtered := filter.open(strings.NewReader(text), int64(len(text)))
		stored, err := io.ReadAll(filtered)
		require.NoError(t, err)
		require.Equal(t, c.want, string(stored))
		counts, scanned := filtered.outcome()
		require.Equal(t, c.counts, counts)
		require.Equal(t, c.scanned, scanned)
	}
	_, err = io.ReadAll(newArtifactFilter(redactor, scanner, true).open(strings.NewReader(text), int64(len(text))-1))
	require.ErrorIs(t, err, artifact.ErrTooLarge)
}

// Hundreds of rules may match one file; a line names some, and no replacement goes uncounted.
func TestALineNamesFewKindsOfSecrets(t *testing.T) {
	counts := map[string]int{}
	for i := range 20 {
		counts[fmt.Sprintf("rule-%02d", i)] = i
	}
	few := fewNames(counts)
	require.Len(t, few, maxRedactedNames+1)
	require.Equal(t, 7, few["rule-07"])
	sum := 0
	for _, n := range few {
		sum += n
	}
	require.Equal(t, 19*20/2, sum)
	require.Equal(t, map[string]int{"a": 1}, fewNames(map[string]int{"a": 1}))
}

func TestInputsThatHoldASecretAreRefused(t *testing.T) {
	redactor := redact.New()
	keeper, err := secrets.NewKeeper([]string{"PITWALL_SECRET_KEY=" + jobSecret}, "", redactor)
	require.NoError(t, err)
	check := secretCheck{secrets: keeper, redactor: redactor, local: true}
	for _, c := range []struct {
		job  spec.Job
		kind string
		want string
	}{
		{spec.Job{Env: map[string]string{"A": jobSecret}}, ErrTypeInvalidInput, "the input holds the value of the secret KEY: replace it, and name the secret in job.secrets"},
		{spec.Job{Secrets: []spec.Secret{{Name: "K", Env: "K", From: spec.SecretFromDaytona}}}, ErrTypeInvalidInput, "local sandboxes have no vault"},
		{spec.Job{Secrets: []spec.Secret{{Name: "K", Env: "K"}}}, ErrTypeSecretMissing, `find secret "K"`},
	} {
		err := check.of(c.job, spec.EvalInput{Job: c.job})
		var app *temporal.ApplicationError
		require.ErrorAs(t, err, &app)
		require.Equal(t, c.kind, app.Type())
		require.True(t, app.NonRetryable())
		require.ErrorContains(t, err, c.want)
		require.NotContains(t, err.Error(), jobSecret)
	}
	named := spec.Job{Secrets: []spec.Secret{{Name: "KEY"}, {Name: "{{.key}}"}}}
	require.NoError(t, check.of(named, named), "a name that a template makes is known when it is rendered")
}

func TestTheLastLookAtAResult(t *testing.T) {
	redactor := redact.New()
	redactor.Add("S", jobSecret)
	results := &Results{Redactor: redactor}
	result := spec.EvalResult{EvalID: "e", Effective: &spec.EvalInput{Job: spec.Job{Steps: []spec.Step{{Command: "echo " + jobSecret}}}}}
	require.NoError(t, results.redact(&result))
	require.Equal(t, "echo [REDACTED:S]", result.Effective.Job.Steps[0].Command)
	require.Equal(t, "e", result.EvalID)
}

// A file that bears the very name that another was given is another.
func TestTwoNamesAreNeverOne(t *testing.T) {
	filter := newArtifactFilter(redact.New(), nil, true)
	token := "out/AKIA" + "IOSFODNN7EXAMPLQ"
	first := filter.name(token)
	require.NotEqual(t, token, first)
	second := filter.name(first)
	require.NotEqual(t, first, second)
	require.NotEqual(t, second, filter.name(token))
}
