package supervisor_test

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"pitwall/internal/supervisor"
)

// host is where these tests run the supervisor: its script works on any Linux, so here it is this machine, with
// steps of our own. As root it would look for the sandbox's user; the tests of the local platform do that.
type host struct {
	t   *testing.T
	dir string
}

func newHost(t *testing.T, steps ...supervisor.Step) host {
	t.Helper()
	for _, tool := range []string{"flock", "setsid", "timeout"} {
		if _, err := exec.LookPath(tool); err != nil {
			t.Skipf("not run: the supervisor on this host, because %s is missing", tool)
		}
	}
	h := host{t: t, dir: filepath.Join(t.TempDir(), "control")}
	for _, file := range supervisor.Files(h.dir, steps) {
		require.NoError(t, os.MkdirAll(filepath.Dir(file.Path), 0o755))
		require.NoError(t, os.WriteFile(file.Path, file.Data, 0o644))
	}
	t.Cleanup(func() { h.ask(supervisor.Stop(h.dir)) })
	return h
}

// ask runs one of the supervisor's commands as a user without privileges, as a toolbox on Daytona would.
func (h host) ask(command string) supervisor.Report {
	h.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, "sh", "-c", command)
	if os.Geteuid() == 0 {
		require.NoError(h.t, exec.Command("chown", "-R", "12345:12345", h.dir).Run())
		for dir := filepath.Dir(h.dir); dir != os.TempDir() && dir != "/"; dir = filepath.Dir(dir) {
			require.NoError(h.t, os.Chmod(dir, 0o755))
		}
		cmd = exec.CommandContext(ctx, "setpriv", "--reuid=12345", "--regid=12345", "--clear-groups", "sh", "-c", command)
	}
	cmd.Env = []string{"PATH=/usr/bin:/bin"}
	output, err := cmd.Output()
	require.NoError(h.t, err)
	report, err := supervisor.ParseReport(string(output))
	require.NoError(h.t, err)
	return report
}

func (h host) read(n int, stream string) string {
	h.t.Helper()
	data, err := os.ReadFile(supervisor.StreamPath(h.dir, n, stream))
	require.NoError(h.t, err)
	return string(data)
}

func step(script string) supervisor.Step {
	return supervisor.Step{Script: []byte(script), Limit: 20 * time.Second}
}

func TestStepsRunInOrderWithTheirOwnStreamsAndRecords(t *testing.T) {
	h := newHost(t, step("echo one; echo err >&2"), step("cat; exit 3"), step("echo never"))
	report := h.ask(supervisor.Launch(h.dir, 20*time.Second))
	require.Equal(t, supervisor.PhaseDone, report.Phase)
	require.Len(t, report.Steps, 2, "the job stops at the first failure")
	require.Equal(t, 0, report.Steps[0].ExitCode)
	require.Equal(t, 3, report.Steps[1].ExitCode)
	require.Equal(t, int64(4), report.Steps[0].StdoutBytes)
	require.Equal(t, "one\n", h.read(1, "stdout"))
	require.Equal(t, "err\n", h.read(1, "stderr"))
}

func TestContinueGoesOnAfterAFailureAndStdinIsFed(t *testing.T) {
	first := step("exit 1")
	first.Continue = true
	second := step("cat")
	second.Stdin = []byte("fed\x00\xff without an end")
	h := newHost(t, first, second)
	report := h.ask(supervisor.Launch(h.dir, 20*time.Second))
	require.Len(t, report.Steps, 2)
	require.Equal(t, "fed\x00\xff without an end", h.read(2, "stdout"))
}

func TestLaunchTwiceRunsOnce(t *testing.T) {
	trace := filepath.Join(t.TempDir(), "trace")
	require.NoError(t, os.WriteFile(trace, nil, 0o666))
	require.NoError(t, os.Chmod(trace, 0o666)) //nolint:gosec // another user writes it
	h := newHost(t, step("echo ran >>"+supervisor.Quote(trace)+"; sleep 1"))
	require.Equal(t, supervisor.PhaseRunning, h.ask(supervisor.Launch(h.dir, 0)).Phase)
	for range 3 {
		h.ask(supervisor.Launch(h.dir, 0))
	}
	require.Equal(t, supervisor.PhaseDone, h.ask(supervisor.Wait(h.dir, 20*time.Second)).Phase)
	require.Equal(t, supervisor.PhaseDone, h.ask(supervisor.Launch(h.dir, time.Second)).Phase)
	data, err := os.ReadFile(trace)
	require.NoError(t, err)
	require.Equal(t, "ran\n", string(data))
}

func TestTimeLimitEndsTheStepAndEverythingThatItStarted(t *testing.T) {
	marker := "86" + strconv.Itoa(os.Getpid()) + ".5"
	slow := step("(setsid sleep " + marker + " & ) ; echo started; sleep 30")
	slow.Limit = time.Second
	h := newHost(t, slow)
	report := h.ask(supervisor.Launch(h.dir, 20*time.Second))
	require.Equal(t, supervisor.PhaseDone, report.Phase)
	require.True(t, report.Steps[0].TimedOut)
	require.Equal(t, "started\n", h.read(1, "stdout"))
	require.Empty(t, processesWith(t, "sleep\x00"+marker), "a double fork escaped")
	require.Empty(t, h.read(1, "stderr"), "the shell's own word about the kill is not the job's")
}

func TestKilledSupervisorIsLostAndNotWaitedFor(t *testing.T) {
	h := newHost(t, step("sleep 30"))
	require.Equal(t, supervisor.PhaseRunning, h.ask(supervisor.Launch(h.dir, 0)).Phase)
	started, err := os.ReadFile(filepath.Join(h.dir, "state", "started"))
	require.NoError(t, err)
	pid, _, _ := strings.Cut(string(started), " ")
	require.NoError(t, exec.Command("kill", "-KILL", pid).Run())
	report := h.ask(supervisor.Wait(h.dir, 20*time.Second))
	require.Equal(t, supervisor.PhaseLost, report.Phase)
	require.False(t, report.Steps[0].Ended)
}

func TestStopEndsTheJob(t *testing.T) {
	h := newHost(t, step("echo before; sleep 30; echo after"))
	h.ask(supervisor.Launch(h.dir, 0))
	report := h.ask(supervisor.Stop(h.dir))
	require.Equal(t, supervisor.PhaseLost, report.Phase)
	require.NotContains(t, h.read(1, "stdout"), "after")
}

func TestWaitBeforeLaunchSaysSo(t *testing.T) {
	h := newHost(t, step("true"))
	require.Equal(t, supervisor.PhaseUnclaimed, h.ask(supervisor.Wait(h.dir, 0)).Phase)
}

// processesWith lists the processes whose command line begins with text.
func processesWith(t *testing.T, text string) []string {
	t.Helper()
	paths, err := filepath.Glob("/proc/[0-9]*/cmdline")
	require.NoError(t, err)
	var found []string
	for _, path := range paths {
		if data, err := os.ReadFile(path); err == nil && strings.HasPrefix(string(data), text) {
			found = append(found, path)
		}
	}
	return found
}

func FuzzParseReport(f *testing.F) {
	f.Add("pitwall 1 done\nstep 1 0 0 31 -\nsize 1.out 8\nsize 1.err 0\n")
	f.Add("pitwall 1 missing flock\n")
	f.Add("pitwall 1 running\nstep 1 running\n")
	f.Add("pitwall 1 done\nstep 2 0 0 1 -")
	f.Fuzz(func(t *testing.T, text string) {
		report, err := supervisor.ParseReport(text)
		if err != nil {
			return
		}
		if len(report.Steps) > 32 {
			t.Fatalf("%d steps", len(report.Steps))
		}
		for i, step := range report.Steps {
			if step.Number != i+1 || step.ExitCode < 0 || step.ExitCode > 255 || step.Duration < 0 || step.StdoutBytes < 0 || step.StderrBytes < 0 {
				t.Fatalf("implausible step %+v", step)
			}
		}
	})
}
