//go:build linux

package e2e

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"pitwall/internal/spec"
	"pitwall/test/harness"
)

// hostileFiles makes what a job could leave to harm who collects it.
const hostileFiles = `
import os, socket, subprocess
os.makedirs("out/tree/a/b/c"); os.chdir("out")
def put(name, text="x"):
    with open(name, "w") as f: f.write(text)
put("plain", "plain")
os.link("plain", "hard link")
os.symlink("/etc/passwd", "link to a file")
os.symlink("/", "link to a folder")
os.symlink("link to itself", "link to itself")
os.symlink("/dev/zero", "link to a device")
os.mkfifo("pipe")
socket.socket(socket.AF_UNIX).bind("socket")
put("Case", "upper"); put("case", "lower")
put("...", "dots"); put("..hidden", "dots"); put("a\\..\\..\\b", "backslashes"); put("-rf", "an option")
put("line\nfeed\x1b[2J\x07", "controls"); put("%2e%2e%2f", "escapes"); put("n" * 255, "long")
put("\u202egnp.exe", "right to left")
os.close(os.open(b"\xff\xfe", os.O_CREAT))
put("unreadable"); os.chmod("unreadable", 0)
with open("sparse", "w") as f: f.truncate(1 << 31)
with open("large", "w") as f: f.truncate(3 << 20)
put("tree/a/b/c/deep", "deep")
d = "tree"
for i in range(40):
    d += "/d"; os.mkdir(d)
put(d + "/too deep")
os.makedirs("zz")
for i in range(10000): put("zz/%05d" % i, str(i))
subprocess.Popen("while :; do head -c 100000 /dev/zero >>growing; done", shell=True, start_new_session=True)
while not os.path.exists("growing"): pass
`

// A job's files are collected whatever they are and are called: each ends as stored or with a reason, nothing outside of what
// was named is read, and nothing is written outside of where it is fetched to. The log has the table.
func TestHostileFilesAreStoredOrExplained(t *testing.T) {
	s := harness.Start(t, harness.Options{})
	in := harness.Command("")
	in.Job.Steps = []spec.Step{{Name: "make", Code: hostileFiles}}
	in.ArtifactLimits.MaxFiles = 12_000
	const limit = 2 << 20
	for _, path := range []string{"/dev/*", "/proc/*/environ", "/etc/shadow", "out/link to a folder/**", "/root/**", "none/*", "out/**"} {
		in.Artifacts = append(in.Artifacts, spec.ArtifactRule{Path: path, MaxBytes: limit})
	}
	result := s.Result(s.Run("hostile", in))
	require.Equal(t, spec.StatusCompleted, result.Status, "%+v", result.Error)
	require.Equal(t, 0, *result.Job.Steps[0].ExitCode, result.Job.Steps[0].Stderr.Tail)

	out, errOut, code := s.Starter("artifacts", "list", "hostile", "-o", "json")
	require.Zero(t, code, errOut)
	var lines []spec.Artifact
	require.NoError(t, json.Unmarshal([]byte(out), &lines))
	found, many := map[string]spec.Artifact{}, 0
	for _, line := range lines {
		require.NotContains(t, found, line.Path)
		found[line.Path] = line
		if strings.Contains(line.Path, "/out/zz/") {
			require.Equal(t, spec.ArtifactStored, line.Status, line.Reason)
			many++
			continue
		}
		t.Logf("%-14s %s  %s", line.Status, line.Path, line.Reason)
	}
	const home = "/home/daytona/out/"
	for path, status := range map[string]string{
		home + "plain": spec.ArtifactStored, home + "hard link": spec.ArtifactStored, home + "Case": spec.ArtifactStored,
		home + "case": spec.ArtifactStored, home + "...": spec.ArtifactStored, home + "..hidden": spec.ArtifactStored,
		home + `a\..\..\b`: spec.ArtifactStored, home + "-rf": spec.ArtifactStored, home + "line%0Afeed%1B[2J%07": spec.ArtifactStored,
		home + "%252e%252e%252f": spec.ArtifactStored, home + strings.Repeat("n", 255): spec.ArtifactStored,
		home + "tree/a/b/c/deep": spec.ArtifactStored, home + "\u202egnp.exe": spec.ArtifactStored,
		home + "link to a file": spec.ArtifactRefused, home + "link to a folder": spec.ArtifactRefused,
		home + "link to itself": spec.ArtifactRefused, home + "link to a device": spec.ArtifactRefused,
		home + "pipe": spec.ArtifactRefused, home + "socket": spec.ArtifactRefused, home + "unreadable": spec.ArtifactRefused,
		home + "sparse": spec.ArtifactTooLarge, home + "large": spec.ArtifactTooLarge,
		"out/link to a folder/**": spec.ArtifactMissing, "/root/**": spec.ArtifactMissing, "none/*": spec.ArtifactMissing,
		"/etc/shadow": spec.ArtifactMissing,
	} {
		require.Equal(t, status, found[path].Status, "%s: %s", path, found[path].Reason)
	}
	require.Equal(t, 10_000, many)
	for path, line := range found {
		if strings.HasPrefix(path, "/proc/") {
			require.Equal(t, spec.ArtifactRefused, line.Status)
		}
		require.NotContains(t, path, "too deep")
		if strings.HasPrefix(path, "/dev/") {
			require.Equal(t, spec.ArtifactRefused, line.Status)
		}
	}

	dir := t.TempDir()
	_, errOut, code = s.Starter("artifacts", "get", "hostile", "--dir", filepath.Join(dir, "in"))
	require.Zero(t, code, errOut)
	outside, err := os.ReadDir(dir)
	require.NoError(t, err)
	require.Len(t, outside, 1)
	links := 0
	require.NoError(t, filepath.WalkDir(dir, func(_ string, entry os.DirEntry, err error) error {
		if err == nil && !entry.IsDir() && !entry.Type().IsRegular() {
			links++
		}
		return err
	}))
	require.Zero(t, links)
}
