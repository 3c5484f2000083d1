//go:build linux

package gvisor

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

func write(t *testing.T, path, content string, mode os.FileMode) {
	t.Helper()
	require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o755))
	require.NoError(t, os.WriteFile(path, []byte(content), mode))
}

func TestVirtualEnvironmentSnapshot(t *testing.T) {
	dir := stateDir(t)
	write(t, dir+"/bin/tool", "#!/bin/sh\necho from the snapshot\n", 0o755)
	require.NoError(t, os.Chmod(dir, 0o755))
	r := newRuntime(t, func(c *Config) { c.Snapshots = []Snapshot{{Name: "venv", Dir: dir}} })
	m := startMachine(t, r, Spec{ID: "v", Snapshot: "venv"})
	_, out := run(t, m.Socket, "", "tool; echo $VIRTUAL_ENV")
	require.Equal(t, "from the snapshot\n/opt/snapshot\n", out)
	_, out = run(t, m.Socket, "root", "touch /opt/snapshot/x")
	require.Contains(t, out, "Read-only file system")
	_, out = run(t, m.Socket, "", "cat /proc/mounts /proc/self/mountinfo")
	require.NotContains(t, out, dir)
}

// TestPreparedRootSnapshot shows that the snapshot's own /usr is seen, and neither its /etc nor its /root.
func TestPreparedRootSnapshot(t *testing.T) {
	dir := stateDir(t)
	require.NoError(t, os.Chmod(dir, 0o755))
	for _, name := range []string{"bin", "lib", "lib64", "sbin"} {
		require.NoError(t, os.Symlink("usr/"+name, filepath.Join(dir, name)))
	}
	write(t, dir+"/usr/bin/own", "x", 0o755)
	write(t, dir+"/usr/lib/own", "x", 0o644)
	write(t, dir+"/etc/shadow", "secret", 0o644)
	write(t, dir+"/root/key", "secret", 0o644)
	write(t, dir+"/opt/extra", "seen", 0o644)
	s, err := Snapshot{Name: "root", Dir: dir}.resolve()
	require.NoError(t, err)
	base := stateDir(t)
	tree, err := buildTemplate(base, program(t, "PITWALL_TOOLBOX", "toolbox"), s)
	require.NoError(t, err)
	require.ElementsMatch(t, []bind{{dir + "/usr", "/usr"}, {dir + "/opt", "/opt"}}, tree.binds)
	require.NoFileExists(t, tree.dir+"/etc/shadow")
	require.NoFileExists(t, tree.dir+"/root/key")
	target, err := os.Readlink(tree.dir + "/bin")
	require.NoError(t, err)
	require.Equal(t, "usr/bin", target)
}

func TestSnapshotDigestPins(t *testing.T) {
	dir := stateDir(t)
	write(t, dir+"/bin/tool", "one", 0o755)
	first, err := Snapshot{Name: "s", Dir: dir}.resolve()
	require.NoError(t, err)
	again, err := Snapshot{Name: "s", Dir: dir, Digest: first.Digest}.resolve()
	require.NoError(t, err)
	require.Equal(t, first, again)
	for name, change := range map[string]func(){
		"content": func() { write(t, dir+"/bin/tool", "two", 0o755) },
		"mode": func() {
			write(t, dir+"/bin/tool", "one", 0o755)
			require.NoError(t, os.Chmod(dir+"/bin/tool", 0o700))
		},
		"link": func() {
			require.NoError(t, os.Chmod(dir+"/bin/tool", 0o755))
			require.NoError(t, os.Symlink("/etc/shadow", dir+"/bin/link"))
		},
	} {
		change()
		_, err := Snapshot{Name: "s", Dir: dir, Digest: first.Digest}.resolve()
		require.ErrorContains(t, err, "as pinned", name)
	}
}

func TestParseSnapshot(t *testing.T) {
	s, err := ParseSnapshot("a=/x/y@sha256:00ff")
	require.NoError(t, err)
	require.Equal(t, Snapshot{Name: "a", Dir: "/x/y", Digest: "sha256:00ff"}, s)
	for _, bad := range []string{"", "a", "=b", "a="} {
		_, err := ParseSnapshot(bad)
		require.Error(t, err, bad)
	}
	_, err = Snapshot{Name: "a", Dir: "/nonexistent"}.resolve()
	require.ErrorContains(t, err, "find snapshot a")
	_, err = Snapshot{Name: "default", Dir: "/usr"}.resolve()
	require.ErrorContains(t, err, "not usable")
}
