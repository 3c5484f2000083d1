package deploy

import (
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"go.yaml.in/yaml/v4"
)

// composeFile is what the tests ask of docker-compose.yml.
type composeFile struct {
	Services map[string]struct {
		Image       string
		User        string
		Restart     string
		ReadOnly    bool     `yaml:"read_only"`
		CapDrop     []string `yaml:"cap_drop"`
		SecurityOpt []string `yaml:"security_opt"`
		MemLimit    string   `yaml:"mem_limit"`
		PidsLimit   int      `yaml:"pids_limit"`
		Healthcheck map[string]any
		Environment map[string]string
		Ports       []string
		Privileged  bool
	}
	Secrets map[string]struct{ File string }
	Volumes map[string]any
}

func readFile(t *testing.T, path string) string {
	t.Helper()
	text, err := os.ReadFile(path)
	require.NoError(t, err)
	return string(text)
}

func readCompose(t *testing.T) composeFile {
	t.Helper()
	var file composeFile
	require.NoError(t, yaml.Unmarshal([]byte(readFile(t, "../docker-compose.yml")), &file))
	require.Greater(t, len(file.Services), 8)
	return file
}

func TestEveryServiceIsBounded(t *testing.T) {
	for name, service := range readCompose(t).Services {
		require.NotEmpty(t, service.Restart, name)
		require.Positive(t, service.PidsLimit, name)
		require.False(t, service.Privileged, name)
		require.Contains(t, service.SecurityOpt, "no-new-privileges:true", name)
		if name != "starter" { // run by hand
			require.NotEmpty(t, service.MemLimit, name)
		}
		if strings.HasPrefix(service.Image, "pitwall/") {
			require.True(t, service.ReadOnly, name)
			require.Equal(t, []string{"ALL"}, service.CapDrop, name)
			require.Empty(t, service.User, "%s: the image says who runs it", name)
		}
		for _, port := range service.Ports {
			require.Regexp(t, `^127\.0\.0\.1:`, port, name)
		}
		tag := regexp.MustCompile(`:-[^}]*$|:[^:}]*}?$`).FindString(service.Image)
		require.NotContains(t, tag, "latest", name)
		require.Contains(t, service.Image, ":", "%s names its version", name)
	}
}

// Secrets stand in files: no variable of the environment holds one, but for a bucket's, which the AWS SDK reads from there.
func TestSecretsAreFiles(t *testing.T) {
	file := readCompose(t)
	require.Len(t, file.Secrets, 2)
	secret := regexp.MustCompile(`KEY|PASSWORD|PWD|TOKEN`)
	for name, service := range file.Services {
		for variable := range service.Environment {
			if secret.MatchString(variable) && !strings.HasPrefix(variable, "AWS_") {
				require.Regexp(t, `_FILE$`, variable, name)
			}
		}
	}
}

// Each variable of the file has its line in .env.example with the same default, and each line there is a variable's.
func TestEnvExampleIsWhole(t *testing.T) {
	used := map[string]string{}
	for _, match := range regexp.MustCompile(`\$\{([A-Z_]+)(?::-([^}]*))?\}`).FindAllStringSubmatch(readFile(t, "../docker-compose.yml"), -1) {
		if used[match[1]] == "" {
			used[match[1]] = match[2]
		}
	}
	// Where Compose's default is empty, the program's own is shown.
	used["DAYTONA_API_URL"] = "https://app.daytona.io/api"
	composeOwn := []string{"COMPOSE_PROFILES"}
	for _, match := range regexp.MustCompile(`(?m)^#?([A-Z_]+)=(.*)$`).FindAllStringSubmatch(readFile(t, "../.env.example"), -1) {
		if slices.Contains(composeOwn, match[1]) {
			continue
		}
		want, known := used[match[1]]
		require.True(t, known, "%s is used by nothing", match[1])
		require.Equal(t, want, match[2], match[1])
		delete(used, match[1])
	}
	require.Empty(t, used, "not in .env.example")
}

// What the stack gives to the workers is documented where every variable is.
func TestVariablesOfWorkersAreDocumented(t *testing.T) {
	page := readFile(t, "../docs/configuration.md")
	for variable := range readCompose(t).Services["worker"].Environment {
		if !strings.HasPrefix(variable, "AWS_") { // the AWS SDK's own
			require.Contains(t, page, "`"+variable+"`")
		}
	}
}

// Every variable that the workers' page has is passed on, but for those that the stack sets, or that are secrets.
func TestSettingsReachTheWorkers(t *testing.T) {
	notPassed := map[string]string{
		"DAYTONA_API_KEY": "a secret, as a file", "PITWALL_WEBHOOK_SECRET": "a secret", "PITWALL_PAYLOAD_KEYS": "a secret, as a file",
		"PITWALL_CODEC_TOKEN": "of codec-server", "PITWALL_UI_URL": "of starter", "PITWALL_HEALTH_ADDR": "of the image",
		"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": "rare", "OTEL_EXPORTER_OTLP_TRACES_PROTOCOL": "rare", "OTEL_TRACES_EXPORTER": "rare",
		"OTEL_SDK_DISABLED": "rare",
	}
	passed := readCompose(t).Services["worker"].Environment
	page, _, _ := strings.Cut(readFile(t, "../docs/configuration.md"), "PITWALL_TEST_DATA")
	found := 0
	for _, match := range regexp.MustCompile("(?m)^\\| `([A-Z_]+)` \\|").FindAllStringSubmatch(page, -1) {
		name := match[1]
		if strings.HasPrefix(name, "TEMPORAL_") || strings.HasPrefix(name, "SENTRY_") || strings.HasPrefix(name, "PITWALL_GALILEO_") || notPassed[name] != "" {
			continue
		}
		require.Contains(t, passed, name)
		found++
	}
	require.Greater(t, found, 20)
}

// Prometheus asks the services that have metrics, on the ports that they have them on.
func TestPrometheusOfTheStack(t *testing.T) {
	promtool(t, "prometheus", "check", "config", "compose.yml")
	config := readFile(t, "prometheus/compose.yml")
	require.Contains(t, config, "names: [worker, slots]")
	require.Contains(t, config, `["temporal:9090"]`)
	require.Contains(t, readFile(t, "../Dockerfile"), "PITWALL_HEALTH_ADDR=0.0.0.0:8080")
	require.Equal(t, "0.0.0.0:9090", readCompose(t).Services["temporal"].Environment["PROMETHEUS_ENDPOINT"])
}
