package docs

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

var (
	makeTarget = regexp.MustCompile(`^(?:\$ )?make ([a-z]+(?:-[a-z]+)*)`)
	target     = regexp.MustCompile(`(?m)^([a-z]+(?:-[a-z]+)*):`)
	starter    = regexp.MustCompile(`(?:^|[ /])starter ([a-z]+(?:-[a-z]+)*)(?: ([a-z]+)\b)?`)
	flag       = regexp.MustCompile(`--[a-z][a-z-]+`)
	groups     = map[string]bool{"campaign": true, "schedule": true, "artifacts": true, "sandboxes": true, "retention": true}
)

// TestMakeTargets: every `make X` that a page names is in the Makefile.
func TestMakeTargets(t *testing.T) {
	makefile, err := os.ReadFile(filepath.Join(root, "Makefile"))
	require.NoError(t, err)
	known := map[string]bool{}
	for _, match := range target.FindAllStringSubmatch(string(makefile), -1) {
		known[match[1]] = true
	}
	named := 0
	for _, p := range pages(t) {
		for _, piece := range code(p.text) {
			if match := makeTarget.FindStringSubmatch(piece); match != nil {
				named++
				require.True(t, known[match[1]], "%s names `make %s`", p.path, match[1])
			}
		}
	}
	require.Greater(t, named, 5)
}

// TestStarterCommands: every `starter X` that a page names exists, with the flags behind it.
func TestStarterCommands(t *testing.T) {
	program := filepath.Join(t.TempDir(), "starter")
	output, err := exec.Command("go", "build", "-o", program, filepath.Join(root, "starter")).CombinedOutput()
	require.NoError(t, err, string(output))
	helps := map[string]string{}
	help := func(command string) string {
		if helps[command] == "" {
			output, err := exec.Command(program, append(strings.Fields(command), "--help")...).CombinedOutput()
			require.NoError(t, err, string(output))
			helps[command] = string(output)
		}
		return helps[command]
	}
	for _, p := range pages(t) {
		for _, piece := range code(p.text) {
			at := starter.FindStringSubmatchIndex(piece)
			if at == nil {
				continue
			}
			match := starter.FindStringSubmatch(piece)
			command, behind := match[1], piece[at[3]:]
			if groups[command] && match[2] != "" {
				command += " " + match[2]
			}
			require.Contains(t, help(command), "Usage:\n  starter "+command, "%s names `%s`", p.path, piece)
			for _, name := range flag.FindAllString(behind, -1) {
				require.Contains(t, help(command), name, "%s names `%s`", p.path, piece)
			}
		}
	}
	require.Greater(t, len(helps), 8)
}

// TestCommandTable: README's table names every command, and its flags exist.
func TestCommandTable(t *testing.T) {
	readme, err := os.ReadFile(filepath.Join(root, "README.md"))
	require.NoError(t, err)
	sources, err := filepath.Glob(filepath.Join(root, "starter", "*.go"))
	require.NoError(t, err)
	var all strings.Builder
	for _, source := range sources {
		text, err := os.ReadFile(source)
		require.NoError(t, err)
		all.Write(text)
	}
	rows := 0
	for line := range strings.Lines(string(readme)) {
		if !strings.HasPrefix(line, "| `starter ") {
			continue
		}
		rows++
		for _, name := range flag.FindAllString(line, -1) {
			require.Contains(t, all.String(), `"`+strings.TrimPrefix(name, "--")+`"`, line)
		}
	}
	for _, name := range []string{"dev", "run", "validate", "campaign", "schedule", "logs", "artifacts", "sandboxes", "sandboxd", "doctor", "version"} {
		require.Contains(t, string(readme), "| `starter "+name)
	}
	require.Greater(t, rows, 10)
}
