//go:build linux

package devstack

import (
	"fmt"
	"os"
	"strings"
)

// plainEnv is what a program needs that is not ours: no keys of this machine's user reach Temporal or the sandbox server.
func plainEnv() ([]string, error) {
	var kept []string
	for _, name := range []string{"PATH", "HOME", "USER", "LANG", "TMPDIR", "TZ", "XDG_RUNTIME_DIR", "GOMAXPROCS"} {
		if value, found := os.LookupEnv(name); found {
			kept = append(kept, name+"="+value)
		}
	}
	return kept, nil
}

// workerEnv points the worker at this stack. Settings of another Temporal or Daytona in the user's environment would
// send it elsewhere, so they go; what sets bounds and defaults (DAYTONA_MAX_PARALLEL_SANDBOXES, PITWALL_…) stays.
func (c Config) workerEnv(where Endpoints) ([]string, error) {
	key, err := os.ReadFile(where.DaytonaKeyFile)
	if err != nil {
		return nil, fmt.Errorf("read the sandbox server's key: %w", err)
	}
	var kept []string
	for _, pair := range c.WorkerEnv {
		name, _, _ := strings.Cut(pair, "=")
		if !elsewhere(name) {
			kept = append(kept, pair)
		}
	}
	return append(kept,
		"TEMPORAL_ADDRESS="+where.TemporalAddress,
		"TEMPORAL_NAMESPACE="+where.Namespace,
		"DAYTONA_API_URL="+where.DaytonaAPIURL,
		"DAYTONA_API_KEY="+strings.TrimSpace(string(key)),
		"TEMPORAL_CONFIG_FILE=/dev/null", // nor has the user's TOML file a say
		"PITWALL_STORE="+where.StoreURL,
		"PITWALL_HEALTH_ADDR="+strings.TrimPrefix(where.HealthURL, "http://"),
	), nil
}

func elsewhere(name string) bool {
	switch name {
	case "DAYTONA_API_KEY", "DAYTONA_API_URL", "DAYTONA_TARGET", "DAYTONA_ORGANIZATION_ID", "DAYTONA_JWT_TOKEN",
		"PITWALL_STORE", "PITWALL_HEALTH_ADDR":
		return true
	}
	return strings.HasPrefix(name, "TEMPORAL_")
}
