package deploy

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"go.yaml.in/yaml/v4"
)

// promtool runs Prometheus' own checker, or says that it was not run.
func promtool(t *testing.T, dir string, args ...string) {
	t.Helper()
	path, err := exec.LookPath("promtool")
	if err != nil {
		if os.Getenv("PITWALL_TEST_STRICT") == "1" {
			t.Fatal("promtool is not here: install Debian's package prometheus")
		}
		t.Skip("not run: Prometheus' check of rules and queries, because promtool is not here (Debian: prometheus)")
	}
	cmd := exec.CommandContext(t.Context(), path, args...)
	cmd.Dir = dir
	output, err := cmd.CombinedOutput()
	require.NoError(t, err, "promtool %s\n%s", strings.Join(args, " "), output)
}

func TestRulesAsPrometheusSeesThem(t *testing.T) {
	promtool(t, "prometheus", "check", "config", "prometheus.yml")
	promtool(t, "prometheus", "check", "rules", "alerts.yml")
	promtool(t, "prometheus", "test", "rules", "alerts_test.yml")
}

// rules are those of the alerts file.
func rules(t *testing.T) map[string]string {
	t.Helper()
	var file struct {
		Groups []struct {
			Rules []struct{ Alert, Expr string }
		}
	}
	text, err := os.ReadFile("prometheus/alerts.yml")
	require.NoError(t, err)
	require.NoError(t, yaml.Unmarshal(text, &file))
	found := map[string]string{}
	for _, group := range file.Groups {
		for _, rule := range group.Rules {
			found[rule.Alert] = rule.Expr
		}
	}
	require.Greater(t, len(found), 10)
	return found
}

// Every alert is tested in both ways: that it fires, and that it does not.
func TestEveryAlertHasTests(t *testing.T) {
	text, err := os.ReadFile("prometheus/alerts_test.yml")
	require.NoError(t, err)
	for alert := range rules(t) {
		require.Regexp(t, `\n      - eval_time: \d+m\n        alertname: `+alert+`\n        exp_alerts:\n          - exp_labels`, string(text), "%s fires", alert)
		require.Regexp(t, `alertname: `+alert+`, exp_alerts: \[\]`, string(text), "%s is silent", alert)
	}
}

// panel is what the dashboard's test needs of one.
type panel struct {
	ID      int
	Type    string
	Title   string
	Targets []struct{ Expr string }
	GridPos struct{ X, Y, W, H int }
}

func dashboard(t *testing.T) []panel {
	t.Helper()
	text, err := os.ReadFile("grafana/pitwall.json")
	require.NoError(t, err)
	var file struct {
		UID        string
		Title      string
		Panels     []panel
		Templating struct{ List []struct{ Name string } }
	}
	require.NoError(t, json.Unmarshal(text, &file))
	require.Equal(t, "pitwall", file.UID)
	require.Equal(t, "datasource", file.Templating.List[0].Name)
	return file.Panels
}

func TestDashboardIsWhole(t *testing.T) {
	seen := map[int]bool{}
	taken := map[[2]int]string{}
	for _, panel := range dashboard(t) {
		require.False(t, seen[panel.ID], "panel %d is there twice", panel.ID)
		seen[panel.ID] = true
		require.NotEmpty(t, panel.Title)
		require.Equal(t, panel.Type == "row", len(panel.Targets) == 0, panel.Title)
		for x := panel.GridPos.X; x < panel.GridPos.X+panel.GridPos.W; x++ {
			for y := panel.GridPos.Y; y < panel.GridPos.Y+panel.GridPos.H; y++ {
				require.Less(t, x, 24, panel.Title)
				require.Empty(t, taken[[2]int{x, y}], "%s lies over another", panel.Title)
				taken[[2]int{x, y}] = panel.Title
			}
		}
	}
}

// queries are all of the dashboard's and the alerts'.
func queries(t *testing.T) []string {
	t.Helper()
	var all []string
	for _, panel := range dashboard(t) {
		for _, target := range panel.Targets {
			all = append(all, target.Expr)
		}
	}
	for _, expr := range rules(t) {
		all = append(all, expr)
	}
	return all
}

// docs/observability.md is held to the registry by internal/telemetry, so what stands there exists. What Temporal's SDK and
// Prometheus' client count is held to a worker's own page by test/e2e.
func TestQueriesAskForWhatThereIs(t *testing.T) {
	page, err := os.ReadFile("../docs/observability.md")
	require.NoError(t, err)
	asked := 0
	for _, query := range queries(t) {
		for _, name := range regexp.MustCompile(`\bpitwall_[a-z_]+`).FindAllString(query, -1) {
			require.Regexp(t, "\n\\| `"+strings.TrimSuffix(name, "_bucket")+"[`{]", string(page), query)
			asked++
		}
	}
	require.Greater(t, asked, 30)
	for _, query := range queries(t) { // figures of the whole are the same at each worker
		require.NotRegexp(t, `sum[^(]*\((max )?pitwall_(slots_|evals_waiting|sandboxes_|queue_age|queue_backlog|reaper_)`, query)
	}
}

// The dashboard's queries are PromQL: Prometheus reads them as rules.
func TestQueriesOfTheDashboardAreRead(t *testing.T) {
	type rule struct {
		Record string `yaml:"record"`
		Expr   string `yaml:"expr"`
	}
	var recorded []rule
	for _, panel := range dashboard(t) {
		for i, target := range panel.Targets {
			expr := strings.NewReplacer("$__rate_interval", "5m", "$job", ".*").Replace(target.Expr)
			require.NotContains(t, expr, "$", panel.Title)
			recorded = append(recorded, rule{"panel:" + strings.Repeat("p", panel.ID) + strings.Repeat("t", i), expr})
		}
	}
	text, err := yaml.Marshal(map[string]any{"groups": []any{map[string]any{"name": "dashboard", "rules": recorded}}})
	require.NoError(t, err)
	dir := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(dir, "dashboard.yml"), text, 0o600))
	promtool(t, dir, "check", "rules", "dashboard.yml")
}
