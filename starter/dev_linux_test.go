package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/zap"

	"pitwall/internal/spec"
	"pitwall/internal/temporalclient"
)

// programs are the built ones: PITWALL_BIN, else bin/ of this checkout.
func programs(t *testing.T) string {
	t.Helper()
	bin := os.Getenv("PITWALL_BIN")
	if bin == "" {
		bin = filepath.Join("..", "bin")
	}
	bin, err := filepath.Abs(bin)
	require.NoError(t, err)
	for _, name := range []string{"starter", "worker", "temporal-dev", "runsc", "toolbox"} {
		if _, err := os.Stat(filepath.Join(bin, name)); err != nil {
			notRun(t, "the whole stack, because "+name+" is not built in "+bin+" (make build)")
		}
	}
	return bin
}

func notRun(t *testing.T, what string) {
	t.Helper()
	if os.Getenv("PITWALL_TEST_STRICT") == "1" {
		t.Fatal("not run: " + what)
	}
	t.Skip("not run: " + what)
}

// devStack is a real `starter dev` in a state folder of its own.
type devStack struct {
	bin, home string
	process   *exec.Cmd
	stderr    *safeBuffer
	info      devInfoForTest
}

type devInfoForTest struct {
	TemporalAddress string `json:"temporal_address"`
	Namespace       string `json:"namespace"`
	Profile         string `json:"profile"`
}

// startDev starts one and waits until it says that it is ready. The folder's name is short: it holds Unix sockets.
func startDev(t *testing.T, args ...string) *devStack {
	t.Helper()
	bin := programs(t)
	home, err := os.MkdirTemp("", "pw")
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, os.RemoveAll(home)) })
	dev := &devStack{bin: bin, home: home, stderr: &safeBuffer{}}
	args = append([]string{"dev", "-o", "json", "--temporal-port", "0", "--ui-port", "0", "--sandboxd-port", "0"}, args...)
	dev.process = dev.command(args...)
	dev.process.Stderr = dev.stderr
	stdout, err := dev.process.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, dev.process.Start())
	t.Cleanup(dev.end)
	require.NoError(t, json.NewDecoder(bufio.NewReader(stdout)).Decode(&dev.info), "%s", dev.stderr)
	return dev
}

// command is a starter in another terminal.
func (d *devStack) command(args ...string) *exec.Cmd {
	cmd := exec.Command(filepath.Join(d.bin, "starter"), args...)
	cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "HOME=" + d.home, "XDG_STATE_HOME=" + d.home, "TMPDIR=" + d.home}
	return cmd
}

// starter runs one command and returns its exit code and both outputs.
func (d *devStack) starter(t *testing.T, args ...string) (code int, stdout, stderr string) {
	t.Helper()
	var out, errs bytes.Buffer
	cmd := d.command(args...)
	cmd.Stdout, cmd.Stderr = &out, &errs
	_ = cmd.Run() // how it ended stands in its state
	require.NotNil(t, cmd.ProcessState, "starter %v did not start", args)
	return cmd.ProcessState.ExitCode(), out.String(), errs.String()
}

// end makes sure that nothing is left, also after a test that failed half-way.
func (d *devStack) end() {
	if d.process.ProcessState == nil {
		_ = d.process.Process.Signal(syscall.SIGTERM)
		_ = d.process.Wait()
	}
}

func (d *devStack) interrupt(t *testing.T) int {
	t.Helper()
	require.NoError(t, d.process.Process.Signal(os.Interrupt))
	_ = d.process.Wait()
	return d.process.ProcessState.ExitCode()
}

// leftovers are the processes that still use the stack's folder.
func (d *devStack) leftovers(t *testing.T) []string {
	t.Helper()
	entries, err := filepath.Glob("/proc/[0-9]*/cmdline")
	require.NoError(t, err)
	var left []string
	for _, entry := range entries {
		line, err := os.ReadFile(entry)
		if err == nil && bytes.Contains(line, []byte(d.home+"/")) {
			left = append(left, strings.ReplaceAll(string(line), "\x00", " "))
		}
	}
	return left
}

func TestDevRunsEvalsAndCampaigns(t *testing.T) {
	dev := startDev(t)
	require.FileExists(t, dev.info.Profile)

	code, stdout, stderr := dev.starter(t, "run", "testdata/pass.yaml", "-o", "json")
	require.Equal(t, exitPassed, code, stderr)
	var result spec.EvalResult
	require.NoError(t, json.Unmarshal([]byte(stdout), &result))
	require.Equal(t, spec.CleanupProven, result.Cleanup)
	require.Equal(t, "404", result.Attempts[0].Sandboxes[0].Removal.ConfirmedBy)

	code, stdout, _ = dev.starter(t, "logs", result.EvalID)
	require.Equal(t, exitPassed, code)
	require.Equal(t, "out\x1b[31m\n", stdout, "to a file, bytes are bytes")

	code, _, stderr = dev.starter(t, "artifacts", "get", result.EvalID, "--dir", filepath.Join(dev.home, "kept"))
	require.Equal(t, exitPassed, code, stderr)
	require.Equal(t, "kept\n", read(t, filepath.Join(dev.home, "kept", "home", "daytona", "kept.txt")))

	code, stdout, _ = dev.starter(t, "run", "testdata/fail.yaml")
	require.Equal(t, exitFailed, code)
	require.Contains(t, stdout, "FAILED")

	code, stdout, stderr = dev.starter(t, "campaign", "start", "testdata/campaign.yaml", "--name", "c", "--wait", "-o", "json")
	require.Equal(t, exitPassed, code, stderr)
	var summary campaignSummary
	require.NoError(t, json.Unmarshal([]byte(stdout), &summary))
	require.Equal(t, 4, summary.NTotal)
	require.Equal(t, 2, summary.NPassed)
	require.Equal(t, 0, *summary.SandboxesLeft)
	require.InDelta(t, 0.5, *summary.Accuracy, 1e-9)

	code, _, stderr = dev.starter(t, "campaign", "start", "testdata/campaign.yaml", "--name", "c", "--wait", "-o", "json")
	require.Equal(t, exitPassed, code)
	require.Contains(t, stderr, "attached to it")
	code, _, stderr = dev.starter(t, "campaign", "start", "testdata/campaign.yaml", "--name", "c", "--epochs", "1")
	require.Equal(t, exitUsage, code)
	require.Contains(t, stderr, "with other input")

	code, stdout, _ = dev.starter(t, "sandboxes", "list", "--all", "-o", "json")
	require.Equal(t, exitPassed, code)
	require.JSONEq(t, "[]", stdout)

	require.Equal(t, exitPassed, dev.interrupt(t), "%s", dev.stderr)
	require.NoFileExists(t, dev.info.Profile)
	require.Empty(t, dev.leftovers(t))

	// What ran is still there to read, without Temporal and without Daytona.
	code, stdout, _ = dev.starter(t, "campaign", "results", "c", "--jsonl")
	require.Equal(t, exitPassed, code)
	require.Equal(t, 4, strings.Count(stdout, "\n"))
	code, stdout, _ = dev.starter(t, "campaign", "list", "--all")
	require.Equal(t, exitPassed, code)
	require.Contains(t, stdout, "PASS")
}

// An eval that is terminated from outside leaves no result: the campaign counts it as broken, is INCONCLUSIVE, and a
// retry runs that trial and no other.
func TestRetryRunsOnlyWhatInfrastructureBroke(t *testing.T) {
	dev := startDev(t)
	temporal, err := temporalclient.Dial(t.Context(), devTemporal(dev.info.TemporalAddress, dev.info.Namespace, 10*time.Second), zap.NewNop())
	require.NoError(t, err)
	t.Cleanup(temporal.Close)
	args := []string{"campaign", "start", "testdata/campaign.yaml", "--name", "c", "--set", "eval.job.steps[0].command=sleep 8"}
	code, _, stderr := dev.starter(t, args...)
	require.Equal(t, exitPassed, code, stderr)
	require.Eventually(t, func() bool {
		return temporal.TerminateWorkflow(t.Context(), "eval/c/b/1", "", "a test") == nil
	}, patience, 20*time.Millisecond)

	code, stdout, stderr := dev.starter(t, append(args, "--wait", "-o", "json")...)
	require.Equal(t, exitInfra, code, stderr)
	var summary campaignSummary
	require.NoError(t, json.Unmarshal([]byte(stdout), &summary))
	require.Equal(t, spec.VerdictInconclusive, summary.Verdict)
	require.Equal(t, []int{4, 3, 1}, []int{summary.NTotal, summary.NScored, summary.NInfraError})
	require.Equal(t, 0, *summary.SandboxesLeft)

	code, stdout, stderr = dev.starter(t, "campaign", "retry", "c", "--wait", "-o", "json")
	require.Equal(t, exitPassed, code, stderr)
	require.NoError(t, json.Unmarshal([]byte(stdout), &summary))
	require.Equal(t, "c/retry-1", summary.Campaign)
	require.Equal(t, 1, summary.NTotal)

	code, stdout, _ = dev.starter(t, "campaign", "results", "c", "-o", "json")
	require.Equal(t, exitPassed, code)
	var rows []spec.TrialRow
	require.NoError(t, json.Unmarshal([]byte(stdout), &rows))
	require.Len(t, rows, 4)
	for _, row := range rows {
		require.True(t, *row.Passed, row.SampleID)
	}
	code, _, stderr = dev.starter(t, "campaign", "retry", "c")
	require.Equal(t, exitUsage, code)
	require.Contains(t, stderr, "nothing to retry")
	require.Equal(t, exitPassed, dev.interrupt(t))
}

func TestInterruptedRunProvesItsSandboxGone(t *testing.T) {
	dev := startDev(t)
	run := dev.command("run", "testdata/slow.yaml", "-o", "json")
	var stdout bytes.Buffer
	run.Stdout = &stdout
	require.NoError(t, run.Start())
	require.Eventually(t, func() bool {
		_, out, _ := dev.starter(t, "sandboxes", "list", "-o", "json")
		return strings.Contains(out, `"held"`)
	}, patience, 100*time.Millisecond)
	require.NoError(t, run.Process.Signal(os.Interrupt))
	_ = run.Wait()
	require.Equal(t, exitInterrupted, run.ProcessState.ExitCode())
	var result spec.EvalResult
	require.NoError(t, json.Unmarshal(stdout.Bytes(), &result))
	require.Equal(t, spec.StatusCancelled, result.Status)
	require.Equal(t, spec.CleanupProven, result.Cleanup)
	_, out, _ := dev.starter(t, "sandboxes", "list", "-o", "json")
	require.JSONEq(t, "[]", out)
	require.Equal(t, exitPassed, dev.interrupt(t))
}

func TestKilledDevLeavesNothing(t *testing.T) {
	dev := startDev(t)
	code, id, stderr := dev.starter(t, "run", "testdata/slow.yaml", "--detach")
	require.Equal(t, exitPassed, code, stderr)
	require.Eventually(t, func() bool {
		_, out, _ := dev.starter(t, "sandboxes", "list", "-o", "json")
		return strings.Contains(out, strings.TrimSpace(id))
	}, patience, 100*time.Millisecond)
	require.NoError(t, dev.process.Process.Kill())
	_ = dev.process.Wait()
	require.Eventually(t, func() bool { return len(dev.leftovers(t)) == 0 }, patience, 50*time.Millisecond)
	code, _, stderr = dev.starter(t, "campaign", "list")
	require.Equal(t, exitInfra, code)
	require.Contains(t, stderr, "no longer runs")
}
