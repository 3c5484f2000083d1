package config

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestLoadRefusesAMisspeltSetting(t *testing.T) {
	environ, _ := at(t, "PITWALL_POLICY_FLIE=/etc/policy.yaml", "PITWALL_MAX_PARALLEL_SANDBOXES=2", "DAYTONA_SANDBOX_TTL_MINUTE=5")
	_, err := Load(environ)
	require.EqualError(t, err, `3 wrong settings:
  DAYTONA_SANDBOX_TTL_MINUTE is no setting: it is called DAYTONA_SANDBOX_TTL_MINUTES
  PITWALL_MAX_PARALLEL_SANDBOXES is no setting: it is called DAYTONA_MAX_PARALLEL_SANDBOXES
  PITWALL_POLICY_FLIE is no setting: it is called PITWALL_POLICY_FILE`)
}

// What others call so is not ours to refuse: Daytona's own tools, Kubernetes' variables of a service, our tests and secrets.
func TestLoadLeavesOtherVariablesAlone(t *testing.T) {
	environ, _ := at(t,
		"DAYTONA_JWT_TOKEN=x", "DAYTONA_SERVER_URL=x", "DAYTONA_LOG_LEVEL=x", "DAYTONA_API_PORT=x", "DAYTONA_PORT=x",
		"PITWALL_STORE_PORT=x", "PITWALL_STORE_SERVICE_HOST=x", "PITWALL_WORKER_PORT_8080_TCP_ADDR=x",
		"PITWALL_TEST_DATA=x", "PITWALL_TEST_STRICT=1", "PITWALL_BIN=x", "PITWALL_RUNSC=x", "PITWALL_TOOLBOX=x", "PITWALL_VERSION=x",
		"PITWALL_RECORD=x", "PITWALL_SECRET_S_DIR=x", "PITWALL_POLICY_FLIE=")
	_, err := Load(environ)
	require.NoError(t, err)
}

func TestNoSettingIsTakenForAnother(t *testing.T) {
	known := settings()
	require.Contains(t, known, "PITWALL_POLICY_FILE")
	for _, one := range known {
		for _, other := range known {
			require.Equal(t, one == other, meant(one, other), "%s, %s", one, other)
		}
	}
}

func TestDistance(t *testing.T) {
	for _, c := range []struct {
		a, b string
		want int
	}{{"", "", 0}, {"", "abc", 3}, {"kitten", "sitting", 3}, {"abc", "abc", 0}, {"abc", "acb", 2}, {"flaw", "lawn", 2}} {
		require.Equal(t, c.want, distance(c.a, c.b), "%s, %s", c.a, c.b)
		require.Equal(t, c.want, distance(c.b, c.a), "%s, %s", c.b, c.a)
	}
}
