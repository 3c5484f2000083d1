//go:build linux

package toolbox

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/opencontainers/runtime-spec/specs-go"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

// tool finds a built program, or says that a test is not run for want of it.
func tool(t *testing.T, env, name string) string {
	t.Helper()
	path := os.Getenv(env)
	if path == "" {
		path = filepath.Join("..", "..", "..", "bin", name)
	}
	path, err := filepath.Abs(path)
	require.NoError(t, err)
	if _, err := os.Stat(path); err != nil {
		reason := fmt.Sprintf("not run: the agent in gVisor, because %s is missing (make build, or %s)", path, env)
		if os.Getenv("PITWALL_TEST_STRICT") == "1" {
			t.Fatal(reason)
		}
		t.Skip(reason)
	}
	return path
}

// sandboxCapabilities are those that doc.go asks for.
var sandboxCapabilities = []string{
	"CAP_CHOWN", "CAP_DAC_OVERRIDE", "CAP_FOWNER", "CAP_KILL", "CAP_SETUID", "CAP_SETGID", "CAP_SYS_ADMIN", "CAP_SYS_PTRACE", "CAP_SYS_RESOURCE",
}

// startSandbox runs the agent as the first process of a gVisor sandbox, of the root's or rootless as this process is.
func startSandbox(t *testing.T, limits Limits) *agent {
	t.Helper()
	runsc, toolbox := tool(t, "PITWALL_RUNSC", "runsc"), tool(t, "PITWALL_TOOLBOX", "toolbox")
	dir, err := os.MkdirTemp("", "agent")
	require.NoError(t, err)
	t.Cleanup(func() {
		// As root, runsc leaves a mount in its state directory; elsewhere there is none.
		_ = unix.Unmount(filepath.Join(dir, "state", "null-netns"), unix.MNT_DETACH)
		require.NoError(t, os.RemoveAll(dir))
	})
	writeBundle(t, dir, toolbox, limits)

	flags := []string{
		"--root=" + filepath.Join(dir, "state"), "--network=none", "--platform=systrap", "--ignore-cgroups", "--host-uds=create",
		"--in-sandbox-cgroup=v2", "--overlay2=root:self,size=100m",
	}
	if os.Geteuid() != 0 {
		flags = append(flags, "--rootless")
	}
	runscCall := func(args ...string) ([]byte, error) {
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		defer cancel()
		// Its output goes to a file: the sandbox inherits it, and a pipe would stay open.
		log, err := os.OpenFile(filepath.Join(dir, "log"), os.O_CREATE|os.O_APPEND|os.O_RDWR, 0o600)
		require.NoError(t, err)
		defer log.Close()
		cmd := exec.CommandContext(ctx, runsc, append(flags, args...)...)
		cmd.Stdout, cmd.Stderr = log, log
		err = cmd.Run()
		text, _ := os.ReadFile(log.Name())
		return text, err
	}
	text, err := runscCall("run", "--detach", "--bundle", dir, "agent-test")
	require.NoError(t, err, "%s", text)
	t.Cleanup(func() {
		text, err := runscCall("delete", "-force", "agent-test")
		require.NoError(t, err, "%s", text)
	})
	a := &agent{t: t, home: "/home/daytona", socket: filepath.Join(dir, "run", "s")}
	transport := &http.Transport{DialContext: a.dial}
	t.Cleanup(transport.CloseIdleConnections)
	a.client = &http.Client{Transport: transport, Timeout: patience}
	eventually(t, func() bool {
		conn, err := net.Dial("unix", a.socket)
		if err == nil {
			conn.Close()
		}
		return err == nil
	}, "the agent does not listen")
	return a
}

// writeBundle makes an OCI bundle in dir, with the agent and its limits within.
func writeBundle(t *testing.T, dir, toolbox string, limits Limits) {
	t.Helper()
	for _, name := range []string{"usr", "bin", "sbin", "lib", "lib64", "tmp", "proc", "dev", "etc", ".pitwall/run"} {
		require.NoError(t, os.MkdirAll(filepath.Join(dir, "rootfs", name), 0o755))
	}
	require.NoError(t, os.Mkdir(filepath.Join(dir, "run"), 0o700))
	write := func(name string, mode os.FileMode, text []byte) {
		require.NoError(t, os.WriteFile(filepath.Join(dir, name), text, mode))
	}
	program, err := os.ReadFile(toolbox)
	require.NoError(t, err)
	write("rootfs/.pitwall/toolbox", 0o755, program)
	write("rootfs/etc/passwd", 0o644, []byte("root:x:0:0::/:/bin/sh\ndaytona:x:1000:1000::/home/daytona:/bin/sh\n"))
	text, err := json.Marshal(limits)
	require.NoError(t, err)
	write("rootfs/.pitwall/limits.json", 0o600, text)

	mounts := []specs.Mount{
		{Destination: "/proc", Type: "proc", Source: "proc"},
		{Destination: "/tmp", Type: "tmpfs", Source: "tmpfs", Options: []string{"mode=1777", "size=50m"}},
		{Destination: "/.pitwall/run", Type: "bind", Source: filepath.Join(dir, "run"), Options: []string{"rbind", "rw"}},
	}
	for to, from := range map[string]string{"/usr": "/usr", "/bin": "/usr/bin", "/sbin": "/usr/sbin", "/lib": "/usr/lib", "/lib64": "/usr/lib64"} {
		mounts = append(mounts, specs.Mount{Destination: to, Type: "bind", Source: from, Options: []string{"rbind", "ro"}})
	}
	text, err = json.Marshal(specs.Spec{
		Version: "1.0.0", Root: &specs.Root{Path: "rootfs"}, Mounts: mounts,
		Process: &specs.Process{
			Args: []string{"/.pitwall/toolbox", "--socket", "/.pitwall/run/s", "--limits", "/.pitwall/limits.json"},
			Env:  []string{"AGENT_SECRET=visible"}, Cwd: "/", NoNewPrivileges: true,
			Capabilities: &specs.LinuxCapabilities{Bounding: sandboxCapabilities, Effective: sandboxCapabilities, Permitted: sandboxCapabilities},
		},
		Linux: &specs.Linux{Namespaces: []specs.LinuxNamespace{
			{Type: specs.PIDNamespace}, {Type: specs.IPCNamespace}, {Type: specs.UTSNamespace}, {Type: specs.MountNamespace}, {Type: specs.NetworkNamespace},
		}},
	})
	require.NoError(t, err)
	write("config.json", 0o600, text)
}

// as runs a command as a user of the sandbox.
func (a *agent) as(user, command string) executeResponse {
	a.t.Helper()
	var resp executeResponse
	a.json("POST", "/process/execute", executeRequest{Command: command, Timeout: 30}, 200, &resp, HeaderUser, user)
	return resp
}

// events reads the limit events as root.
func (a *agent) events() (events []LimitEvent) {
	a.t.Helper()
	got := a.do("GET", "/files/download"+with("path", "/.pitwall/run/limit-events.jsonl"), nil, HeaderUser, "root")
	if got.status == 404 {
		return nil
	}
	require.Equal(a.t, 200, got.status, "%s", got.body)
	for line := range bytes.Lines(got.body) {
		var e LimitEvent
		require.NoError(a.t, json.Unmarshal(line, &e))
		events = append(events, e)
	}
	return events
}

// alive asserts that the agent and both users' commands work.
func (a *agent) alive() {
	a.t.Helper()
	require.Equal(a.t, 200, a.do("GET", "/version", nil).status)
	for _, user := range []string{"daytona", "root"} {
		eventually(a.t, func() bool { return a.as(user, "echo alive").Result == "alive\n" }, user+"'s commands do not run")
	}
}

func TestSandboxUsers(t *testing.T) {
	a := startSandbox(t, Limits{})
	require.Equal(t, "1000 1000 1000 /home/daytona daytona\n", a.as("daytona", `echo $(id -u) $(id -g) $(id -G) $HOME $USER`).Result)
	require.Equal(t, "0 root\n", a.as("root", "echo $(id -u) $USER").Result)
	// 3 is what ls itself reads.
	require.Equal(t, "0\n1\n2\n3\n", a.as("daytona", "ls /proc/self/fd").Result)
	for _, forbidden := range []string{
		"ls /.pitwall/run", "ls /.pitwall/state", "cat /proc/1/environ", "ls /proc/1/fd", "cat /proc/1/maps", "kill -9 1", "ls /.pitwall/state/cgroup/job",
		"cat /.pitwall/limits.json", "touch /usr/x", "touch /.pitwall/x", "echo 1 >/.pitwall/toolbox", "chmod 777 /.pitwall", "mount -t tmpfs x /mnt", "rm -f /etc/passwd",
	} {
		require.NotZero(t, a.as("daytona", forbidden).ExitCode, forbidden)
	}
	require.NotContains(t, a.as("daytona", "env; cat /proc/*/environ 2>/dev/null").Result, "AGENT_SECRET")

	// File requests have the rights of their user, links or not.
	require.Equal(t, 200, a.do("POST", "/files/upload-v2"+with("path", "mine"), bytes.NewReader([]byte("x"))).status)
	require.Equal(t, "daytona daytona\n", a.as("daytona", "stat -c '%U %U' mine").Result)
	require.Zero(t, a.as("root", "echo secret >/.pitwall/secret; chmod 600 /.pitwall/secret; mkdir -m 700 /.pitwall/control").ExitCode)
	require.Zero(t, a.as("daytona", "ln -s /.pitwall/secret link; ln -s /.pitwall/control dir; ln -s /proc/self/mem mem; ln -s /proc/self/environ env; ln -s / root").ExitCode)
	for _, path := range []string{"/.pitwall/secret", "link", "dir/x", "mem", "env", "/proc/1/environ", "root/.pitwall/secret"} {
		got := a.do("GET", "/files/download"+with("path", path), nil)
		require.Equal(t, 403, got.status, "%s: %s", path, got.body)
	}
	for _, path := range []string{"/.pitwall/x", "dir/x", "/usr/x", "/x", "root/x"} {
		require.Equal(t, 403, a.do("POST", "/files/upload-v2"+with("path", path), bytes.NewReader(nil)).status, path)
		require.Equal(t, 403, a.do("POST", "/files/folder"+with("path", path), nil).status, path)
	}
	require.Equal(t, 403, a.do("DELETE", "/files"+with("path", "/.pitwall/secret"), nil).status)
	require.Equal(t, 403, a.do("POST", "/files/move"+with("source", "/.pitwall/secret", "destination", "stolen"), nil).status)
	require.Equal(t, 403, a.do("POST", "/files/permissions"+with("path", "/.pitwall/secret", "mode", "777"), nil).status)
	require.Equal(t, 403, a.do("POST", "/files/permissions"+with("path", "mine", "owner", "root"), nil).status)
	// Root's are not lent through the user's links.
	for _, path := range []string{"/home/daytona/link", "/home/daytona/dir/x", "/home/daytona/root/etc/passwd"} {
		require.NotEqual(t, 200, a.do("GET", "/files/download"+with("path", path), nil, HeaderUser, "root").status, path)
	}
	require.Equal(t, 200, a.do("POST", "/files/upload-v2"+with("path", "/home/daytona/link"), bytes.NewReader(nil), HeaderUser, "root").status)
	require.Equal(t, "secret\n", a.as("root", "cat /.pitwall/secret").Result)
}

func TestSandboxReapsOrphans(t *testing.T) {
	a := startSandbox(t, Limits{})
	a.as("daytona", "for i in 1 2 3 4 5; do (setsid sleep 0.1 </dev/null >/dev/null 2>&1 &); done")
	eventually(t, func() bool {
		// ps itself, its shell and the agent.
		return a.as("root", "ls -d /proc/[0-9]* | wc -l").Result <= "4\n"
	}, "orphans stay")
}

func TestSandboxRlimits(t *testing.T) {
	a := startSandbox(t, Limits{OpenFiles: 64, FileSizeBytes: 1 << 20, CPUSeconds: 1, AddressSpaceBytes: 4 << 30})
	for _, user := range []string{"daytona", "root"} {
		require.Equal(t, "64 1024 1 4194304 0\n", a.as(user, "echo $(ulimit -n) $(ulimit -f) $(ulimit -t) $(ulimit -v) $(ulimit -c)").Result)
	}
	require.NotZero(t, a.as("daytona", "ulimit -n 65").ExitCode, "a limit can be raised")
	require.NotZero(t, a.as("daytona", "head -c 2000000 /dev/zero >big").ExitCode)
	require.Equal(t, "1048576\n", a.as("daytona", "stat -c %s big").Result)
	require.NotZero(t, a.as("daytona", "python3 -c 'while True: pass'").ExitCode)
	require.NotZero(t, a.as("daytona", "python3 -c 'bytearray(5<<30)'").ExitCode)
	// The agent's own uploads are not a job's.
	require.Equal(t, 200, a.do("POST", "/files/upload-v2"+with("path", "big2"), &endless{2 << 20}).status)
	a.alive()
}

const forkStorm = `python3 -c '
import os, time
for i in range(3000):
    try:
        if os.fork() == 0: time.sleep(60)
    except OSError: pass
time.sleep(60)'`

// asJob starts the user's processes from a command of root's, as a supervisor does.
const asJob = "setpriv --reuid 1000 --regid 1000 --clear-groups -- "

func TestSandboxSurvivesForkStorms(t *testing.T) {
	a := startSandbox(t, Limits{Processes: 50})
	for name, storm := range map[string]func() executeResponse{
		"the user's":              func() executeResponse { return a.as("daytona", forkStorm) },
		"a shell's":               func() executeResponse { return a.as("daytona", "f() { f | f & }; f; sleep 60") },
		"that leaves its session": func() executeResponse { return a.as("daytona", "setsid "+forkStorm) },
		"from root's command":     func() executeResponse { return a.as("root", asJob+forkStorm) },
		"that joined the group":   func() executeResponse { return a.as("root", "(echo 0 >"+JobProcs+"; exec "+asJob+forkStorm+")") },
	} {
		t.Run(name, func(t *testing.T) {
			a.t = t
			before := len(a.events())
			storm()
			events := a.events()
			require.Greater(t, len(events), before)
			last := events[len(events)-1]
			require.Equal(t, LimitProcesses, last.Limit)
			require.EqualValues(t, 50, last.Bound)
			require.Greater(t, last.Value, int64(50))
			require.LessOrEqual(t, last.Value, int64(50+50+controlReserve), "the hard bounds hold")
			a.alive()
			require.Equal(t, "0\n", a.as("root", "cat /.pitwall/state/cgroup/job/pids.current").Result)
		})
	}
	require.Equal(t, 403, a.do("GET", "/files/download"+with("path", "/.pitwall/run/limit-events.jsonl"), nil).status)
}

func TestSandboxLetsAJobHaveItsBound(t *testing.T) {
	a := startSandbox(t, Limits{Processes: 50})
	// The shell, and 49 more.
	require.Equal(t, "done\n", a.as("daytona", "for i in $(seq 49); do sleep 1 & done; wait; echo done").Result)
	require.Empty(t, a.events())
}

// hog takes and touches a gigabyte.
const hog = `python3 -c 'import time; a = [bytearray(b"x" * (10 << 20)) for _ in range(100)]; time.sleep(60)'`

func TestSandboxSurvivesMemoryStorms(t *testing.T) {
	const bound = 128 << 20
	a := startSandbox(t, Limits{MemoryBytes: bound})
	for name, storm := range map[string]func() executeResponse{
		"the user's":          func() executeResponse { return a.as("daytona", hog) },
		"of many":             func() executeResponse { return a.as("daytona", "for i in 1 2 3 4 5 6; do "+hog+" & done; wait") },
		"from root's command": func() executeResponse { return a.as("root", asJob+hog) },
	} {
		t.Run(name, func(t *testing.T) {
			a.t = t
			before := len(a.events())
			start := time.Now()
			storm()
			events := a.events()
			require.Greater(t, len(events), before)
			last := events[len(events)-1]
			require.Equal(t, LimitMemory, last.Limit)
			require.EqualValues(t, bound, last.Bound)
			t.Logf("over by %d MB after %s", (last.Value-bound)>>20, time.Since(start))
			require.Less(t, last.Value, int64(bound+512<<20), "the overshoot")
			a.alive()
		})
	}
}

func TestSandboxSurvivesADiskFlood(t *testing.T) {
	a := startSandbox(t, Limits{})
	require.NotZero(t, a.as("daytona", "head -c 500000000 /dev/zero >flood").ExitCode)
	require.NotZero(t, a.as("daytona", "head -c 500000000 /dev/zero >/tmp/flood").ExitCode)
	got := a.do("POST", "/files/upload-v2"+with("path", "more"), &endless{1 << 20})
	require.Equal(t, 400, got.status, "%s", got.body)
	require.Contains(t, string(got.body), "no space left on device")
	a.alive()
	require.Equal(t, 204, a.do("DELETE", "/files"+with("path", "flood"), nil).status)
	require.Equal(t, 200, a.do("POST", "/files/upload-v2"+with("path", "more"), &endless{1 << 20}).status)
}

func TestSandboxSessions(t *testing.T) {
	s := startSandbox(t, Limits{}).session("s")
	require.Equal(t, "1000\n", *s.exec("cd /tmp; id -u").Stdout)
	require.Equal(t, "/tmp\n", *s.exec("pwd").Stdout)
	require.Equal(t, 9, *s.exec("exit 9").ExitCode)
	require.Equal(t, 204, s.do("DELETE", s.path, nil).status)
}
