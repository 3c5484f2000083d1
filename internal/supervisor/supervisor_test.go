//go:build linux

package supervisor_test

import (
	"bytes"
	"context"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"pitwall/internal/daytona"
	"pitwall/internal/sandboxd/sandboxdtest"
	"pitwall/internal/supervisor"
)

// box is one sandbox with a job's plan in it. These tests run nowhere else: the supervisor kills what its job's user
// started, and on a developer's machine that would be the developer's own processes.
type box struct {
	t       *testing.T
	toolbox *daytona.Toolbox
	dir     string
}

// inEachMode runs a test once with the supervisor as the sandbox's root, which is how the local platform has it, and
// once as the job's own user, which is how it is on Daytona.
func inEachMode(t *testing.T, test func(t *testing.T, open func(steps ...supervisor.Step) box)) {
	client := sandboxdtest.Start(t)
	for _, mode := range []string{"root", "user"} {
		t.Run(mode, func(t *testing.T) {
			sandbox, err := client.CreateSandbox(t.Context(), daytona.CreateRequest{})
			require.NoError(t, err)
			toolbox := client.Toolbox(sandbox)
			if mode == "root" {
				toolbox = toolbox.AsRoot()
			}
			test(t, func(steps ...supervisor.Step) box { return newBox(t, toolbox, steps) })
		})
	}
}

func newBox(t *testing.T, toolbox *daytona.Toolbox, steps []supervisor.Step) box {
	t.Helper()
	b := box{t: t, toolbox: toolbox, dir: "/var/tmp/.pitwall"}
	var uploads []daytona.UploadFile
	for _, file := range supervisor.Files(b.dir, steps) {
		uploads = append(uploads, daytona.UploadFile{Path: file.Path, Size: int64(len(file.Data)), Body: bytes.NewReader(file.Data)})
	}
	require.NoError(t, toolbox.Upload(t.Context(), uploads))
	return b
}

func (b box) execute(command string) string {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(b.t.Context(), 2*time.Minute)
	defer cancel()
	result, err := b.toolbox.Execute(ctx, daytona.ExecuteRequest{Command: command, Timeout: 100 * time.Second})
	require.NoError(b.t, err)
	return result.Output
}

func (b box) ask(command string) supervisor.Report {
	b.t.Helper()
	report, err := supervisor.ParseReport(b.execute(command))
	require.NoError(b.t, err)
	return report
}

func (b box) read(path string) string {
	b.t.Helper()
	body, _, err := b.toolbox.Download(b.t.Context(), path, 0, -1)
	require.NoError(b.t, err)
	defer body.Close()
	data, err := io.ReadAll(io.LimitReader(body, 1<<20))
	require.NoError(b.t, err)
	return string(data)
}

func (b box) stream(n int, stream string) string {
	return b.read(supervisor.StreamPath(b.dir, n, stream))
}

func step(script string) supervisor.Step {
	return supervisor.Step{Script: []byte(script), Limit: time.Minute}
}

// patient is how long a test waits for a job that takes no time.
const patient = time.Minute

func TestStepsRunInOrderWithTheirOwnStreamsAndRecords(t *testing.T) {
	inEachMode(t, func(t *testing.T, open func(...supervisor.Step) box) {
		b := open(step("echo one; echo err >&2; id -un"), step("cat; exit 3"), step("echo never"))
		report := b.ask(supervisor.Launch(b.dir, patient))
		require.Equal(t, supervisor.PhaseDone, report.Phase)
		require.Len(t, report.Steps, 2, "the job stops at the first failure")
		require.Equal(t, 0, report.Steps[0].ExitCode)
		require.Equal(t, 3, report.Steps[1].ExitCode)
		require.Equal(t, int64(12), report.Steps[0].StdoutBytes)
		require.Equal(t, "one\ndaytona\n", b.stream(1, "stdout"))
		require.Equal(t, "err\n", b.stream(1, "stderr"))
	})
}

func TestContinueGoesOnAfterAFailureAndStdinIsFed(t *testing.T) {
	inEachMode(t, func(t *testing.T, open func(...supervisor.Step) box) {
		first, second := step("exit 1"), step("cat")
		first.Continue = true
		second.Stdin = []byte("fed\x00\xff without an end")
		b := open(first, second)
		require.Len(t, b.ask(supervisor.Launch(b.dir, patient)).Steps, 2)
		require.Equal(t, "fed\x00\xff without an end", b.stream(2, "stdout"))
	})
}

func TestLaunchTwiceRunsOnce(t *testing.T) {
	inEachMode(t, func(t *testing.T, open func(...supervisor.Step) box) {
		b := open(step("echo ran >>/home/daytona/trace; sleep 1"))
		for range 4 {
			b.ask(supervisor.Launch(b.dir, 0))
		}
		require.Equal(t, supervisor.PhaseDone, b.ask(supervisor.Wait(b.dir, patient)).Phase)
		require.Equal(t, supervisor.PhaseDone, b.ask(supervisor.Launch(b.dir, time.Second)).Phase)
		require.Equal(t, "ran\n", b.read("/home/daytona/trace"))
	})
}

func TestTimeLimitEndsTheStepAndEverythingThatItStarted(t *testing.T) {
	inEachMode(t, func(t *testing.T, open func(...supervisor.Step) box) {
		slow := step("(setsid sleep 4321 & ) ; echo started; sleep 30")
		slow.Limit = time.Second
		b := open(slow)
		report := b.ask(supervisor.Launch(b.dir, patient))
		require.Equal(t, supervisor.PhaseDone, report.Phase)
		require.True(t, report.Steps[0].TimedOut)
		require.Equal(t, "started\n", b.stream(1, "stdout"))
		require.Empty(t, b.stream(1, "stderr"), "the shell's own word about the kill is not the job's")
		require.Empty(t, b.execute(`grep -lz '^4321$' /proc/[0-9]*/cmdline 2>/dev/null`), "a double fork escaped")
	})
}

// gVisor shows a process's name as it is, line feeds and all.
func TestProcessNamesDoNotHideProcesses(t *testing.T) {
	inEachMode(t, func(t *testing.T, open func(...supervisor.Step) box) {
		b := open(step(`for name in 'a\nb' 'x) R 1 1' 'x\nUid:\t0\t0\n'; do
			python3 -c "import ctypes, os, time
ctypes.CDLL(None).prctl(15, b'$name', 0, 0, 0)
open('/home/daytona/named', 'a').write('x')
time.sleep(4321)" &
		done
		while [ "$(cat /home/daytona/named)" != xxx ]; do sleep 0.1; done`))
		report := b.ask(supervisor.Launch(b.dir, patient))
		require.Equal(t, supervisor.PhaseDone, report.Phase)
		require.Equal(t, 0, report.Steps[0].ExitCode)
		require.Empty(t, b.execute(`grep -l 'sleep(432[1])' /proc/[0-9]*/cmdline 2>/dev/null`))
	})
}

func TestKilledSupervisorIsLostAndNotWaitedFor(t *testing.T) {
	inEachMode(t, func(t *testing.T, open func(...supervisor.Step) box) {
		b := open(step("sleep 300"))
		require.Equal(t, supervisor.PhaseRunning, b.ask(supervisor.Launch(b.dir, 0)).Phase)
		pid, _, _ := strings.Cut(b.read(b.dir+"/state/started"), " ")
		b.execute("kill -KILL " + pid)
		report := b.ask(supervisor.Wait(b.dir, patient))
		require.Equal(t, supervisor.PhaseLost, report.Phase)
		require.False(t, report.Steps[0].Ended)
	})
}

func TestStopEndsTheJob(t *testing.T) {
	inEachMode(t, func(t *testing.T, open func(...supervisor.Step) box) {
		b := open(step("echo before; sleep 300; echo after"))
		require.Equal(t, supervisor.PhaseUnclaimed, b.ask(supervisor.Stop(b.dir)).Phase)
		b.ask(supervisor.Launch(b.dir, 0))
		require.Equal(t, supervisor.PhaseLost, b.ask(supervisor.Stop(b.dir)).Phase)
		require.NotContains(t, b.stream(1, "stdout"), "after")
	})
}

func TestWaitBeforeLaunchSaysSo(t *testing.T) {
	inEachMode(t, func(t *testing.T, open func(...supervisor.Step) box) {
		b := open(step("true"))
		require.Equal(t, supervisor.PhaseUnclaimed, b.ask(supervisor.Wait(b.dir, 0)).Phase)
	})
}
