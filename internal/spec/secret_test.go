package spec

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestSecretsOfAJob(t *testing.T) {
	in := valid()
	in.Job.Secrets = []Secret{{Name: "B"}, {Name: "vault-key", Env: "V", From: SecretFromDaytona}, {Name: "A", File: "a"}}
	in.Job.Steps[0].Secrets = []Secret{{Name: "A", Env: "AA"}, {Name: "C"}}
	in = in.WithDefaults(Defaults{})
	require.NoError(t, in.Validate())
	require.Equal(t, []string{"B", "A", "C"}, in.Job.SecretNames(), "each once, and none of Daytona's")
	require.Equal(t, map[string]string{"V": "vault-key"}, in.Job.DaytonaSecrets())
	require.Equal(t, Secret{Name: "B", Env: "B", From: SecretFromWorker}, in.Job.Secrets[0])
	require.Equal(t, Secret{Name: "A", File: "a", From: SecretFromWorker}, in.Job.Secrets[2])
	require.Equal(t, SecretUse{Path: "job.steps[0].secrets[1]", Name: "C"}, in.Job.SecretUses()[4])
}

func TestArtifactsAreScannedUnlessTheInputSaysNo(t *testing.T) {
	no := false
	require.True(t, Redaction{}.Scans())
	require.True(t, valid().WithDefaults(Defaults{}).Redaction.Scans())
	require.False(t, Redaction{ScanArtifacts: &no}.Scans())
}
