package docs

import (
	"io/fs"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"pitwall/internal/config"
	"pitwall/internal/spec"
)

func read(t *testing.T, path string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(root, path))
	require.NoError(t, err)
	return string(text)
}

// TestConfiguration: docs/configuration.md has a row for each variable of config.Config, with its default, and no other.
func TestConfiguration(t *testing.T) {
	row := regexp.MustCompile("(?m)^\\| `((?:DAYTONA|PITWALL|OTEL|SENTRY)_[A-Z_]+)` \\| ([^|]+) \\| [^|]+\\|$")
	rows := map[string]string{}
	for _, match := range row.FindAllStringSubmatch(read(t, "docs/configuration.md"), -1) {
		rows[match[1]] = match[2]
	}
	fields := reflect.TypeFor[config.Config]()
	for i := range fields.NumField() {
		name := fields.Field(i).Tag.Get("env")
		if name == "" || name == "-" {
			continue
		}
		documented, ok := rows[name]
		require.True(t, ok, "docs/configuration.md has no row for %s", name)
		delete(rows, name)
		if value := fields.Field(i).Tag.Get("envDefault"); value != "" {
			require.Equal(t, "`"+value+"`", documented, "default of %s", name)
		}
	}
	require.Empty(t, rows, "docs/configuration.md has variables that config.Config has not")
}

// TestVariables: every variable of ours that a page names is read somewhere.
func TestVariables(t *testing.T) {
	named := regexp.MustCompile(`\b(?:DAYTONA|PITWALL|XDG)_[A-Z_]+[A-Z]\b`)
	sources := allSources(t)
	for _, p := range pages(t) {
		for _, name := range named.FindAllString(p.text, -1) {
			if !strings.Contains(sources, name) { // require.Contains would print them all
				t.Errorf("%s names %s, which nothing reads", p.path, name)
			}
		}
	}
}

func allSources(t *testing.T) string {
	t.Helper()
	var all strings.Builder
	err := filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case entry.IsDir() && (entry.Name() == "node_modules" || entry.Name() == "bin" || entry.Name() == "docs" || entry.Name() == ".git"):
			return filepath.SkipDir
		case filepath.Ext(path) != ".go" && filepath.Ext(path) != ".sh":
			return nil
		}
		text, err := os.ReadFile(path)
		all.Write(text)
		return err
	})
	require.NoError(t, err)
	return all.String()
}

// TestExamples: every example that a page names exists, and every YAML file among them is valid.
func TestExamples(t *testing.T) {
	named := regexp.MustCompile(`\bexamples/[A-Za-z0-9_./-]*[A-Za-z0-9]`)
	checked := 0
	for _, p := range pages(t) {
		for _, path := range named.FindAllString(p.text, -1) {
			_, err := os.Stat(filepath.Join(root, path))
			require.NoError(t, err, "%s names %s", p.path, path)
			if filepath.Ext(path) == ".yaml" {
				require.NoError(t, validate([]byte(read(t, path))), path)
				checked++
			}
		}
	}
	require.Positive(t, checked)
}

func validate(data []byte) error {
	if regexp.MustCompile(`(?m)^dataset:`).Match(data) {
		_, err := spec.DecodeCampaign(data)
		return err
	}
	_, err := spec.DecodeEval(data)
	return err
}

// TestFields: docs/spec.md names every field of an input, docs/cli.md every key of a result.
func TestFields(t *testing.T) {
	inputs, results := read(t, "docs/spec.md"), read(t, "docs/cli.md")
	for _, kind := range []reflect.Type{
		reflect.TypeFor[spec.EvalInput](), reflect.TypeFor[spec.Sandbox](), reflect.TypeFor[spec.Resources](), reflect.TypeFor[spec.Network](),
		reflect.TypeFor[spec.File](), reflect.TypeFor[spec.GitSource](), reflect.TypeFor[spec.Job](), reflect.TypeFor[spec.Step](),
		reflect.TypeFor[spec.ArtifactRule](), reflect.TypeFor[spec.Scorer](), reflect.TypeFor[spec.Priority](),
		reflect.TypeFor[spec.CampaignInput](), reflect.TypeFor[spec.Dataset](), reflect.TypeFor[spec.Answers](), reflect.TypeFor[spec.Gate](),
		reflect.TypeFor[spec.Canary](),
	} {
		namesAll(t, "docs/spec.md", inputs, kind, "trial", "retry_of", "retry_number") // set by campaigns, not by people
	}
	for _, kind := range []reflect.Type{
		reflect.TypeFor[spec.EvalResult](), reflect.TypeFor[spec.EvalError](), reflect.TypeFor[spec.Score](), reflect.TypeFor[spec.Attempt](),
		reflect.TypeFor[spec.SandboxUse](), reflect.TypeFor[spec.Certificate](), reflect.TypeFor[spec.JobResult](), reflect.TypeFor[spec.StepResult](),
		reflect.TypeFor[spec.Stream](), reflect.TypeFor[spec.Artifact](), reflect.TypeFor[spec.Ref](),
		reflect.TypeFor[spec.CampaignResult](), reflect.TypeFor[spec.Metrics](), reflect.TypeFor[spec.TrialRow](), reflect.TypeFor[spec.Timings](),
		reflect.TypeFor[spec.Comparison](), reflect.TypeFor[spec.Reduced](), reflect.TypeFor[spec.Bootstrap](), reflect.TypeFor[spec.Interval](),
	} {
		namesAll(t, "docs/cli.md", results, kind)
	}
}

func namesAll(t *testing.T, page, text string, kind reflect.Type, except ...string) {
	t.Helper()
	for i := range kind.NumField() {
		name, _, _ := strings.Cut(kind.Field(i).Tag.Get("json"), ",")
		if name != "" && name != "-" && !slices.Contains(except, name) {
			require.Regexp(t, `\b`+name+`\b`, text, "%s does not name %s of %s", page, name, kind)
		}
	}
}
