//go:build linux

package devstack

import (
	"bufio"
	"context"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// patience bounds waits for things that take milliseconds on a quiet machine.
const patience = time.Minute

// newBin makes a folder of programs, each of which is this test binary.
func newBin(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	self, err := os.Executable()
	require.NoError(t, err)
	for _, name := range []string{"temporal-dev", "starter", "worker", "runsc", "toolbox", "stack"} {
		require.NoError(t, os.Symlink(self, filepath.Join(dir, name)))
	}
	return dir
}

// pids are the processes that a program has been, in order.
func pids(t *testing.T, bin, name string) []int {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(bin, "pids-"+name))
	if os.IsNotExist(err) {
		return nil
	}
	require.NoError(t, err)
	var found []int
	for line := range strings.Lines(string(data)) {
		pid, err := strconv.Atoi(strings.TrimSpace(line))
		require.NoError(t, err)
		found = append(found, pid)
	}
	return found
}

func requireAllGone(t *testing.T, bin string) {
	t.Helper()
	for _, name := range []string{"temporal", "sandboxd", "worker"} {
		for _, pid := range pids(t, bin, name) {
			require.Eventually(t, func() bool { return !runs(pid) }, patience, 5*time.Millisecond, "%s %d still runs", name, pid)
		}
	}
}

// runs is false also for a zombie, whose parent has yet to notice.
func runs(pid int) bool {
	stat, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
	if err != nil {
		return false
	}
	_, after, found := strings.Cut(string(stat), ") ")
	return found && !strings.HasPrefix(after, "Z")
}

// notices collects what a stack tells people.
type notices struct {
	mu   sync.Mutex
	text []string
}

func (n *notices) add(message string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.text = append(n.text, message)
}

func (n *notices) contain(part string) bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	return strings.Contains(strings.Join(n.text, "\n"), part)
}

func TestStackStartsAndStopsEverything(t *testing.T) {
	bin := newBin(t)
	stack, err := Start(t.Context(), testConfig(bin, filepath.Join(t.TempDir(), "state")), dialProbe)
	require.NoError(t, err)
	where := stack.Endpoints()
	for _, url := range []string{where.DaytonaAPIURL + "/health", where.HealthURL + "/readyz"} {
		response, err := http.Get(url)
		require.NoError(t, err)
		require.NoError(t, response.Body.Close())
		require.Equal(t, http.StatusOK, response.StatusCode)
	}
	http.DefaultClient.CloseIdleConnections()
	require.FileExists(t, where.DaytonaKeyFile)
	require.NoError(t, stack.Stop())
	requireAllGone(t, bin)
}

func TestPortsAreRemembered(t *testing.T) {
	bin, told := newBin(t), &notices{}
	config := testConfig(bin, t.TempDir())
	config.Notify = told.add
	first, err := Start(t.Context(), config, dialProbe)
	require.NoError(t, err)
	require.NoError(t, first.Stop())

	second, err := Start(t.Context(), config, dialProbe)
	require.NoError(t, err)
	require.Equal(t, first.Endpoints(), second.Endpoints())
	require.NoError(t, second.Stop())
	require.False(t, told.contain("sandbox server was on port"))

	taken, err := net.Listen("tcp", loopback(first.config.SandboxdPort))
	require.NoError(t, err)
	defer taken.Close()
	third, err := Start(t.Context(), config, dialProbe)
	require.NoError(t, err)
	require.NotEqual(t, first.Endpoints().DaytonaAPIURL, third.Endpoints().DaytonaAPIURL)
	require.NoError(t, third.Stop())
	require.True(t, told.contain("sandbox server was on port"))
}

// Linux gives 32768 and up to outgoing connections, and one of these could take a port before its server does.
func TestFreePortsDifferAndAreNoneOfOutgoingConnections(t *testing.T) {
	for range 50 {
		config := testConfig("", t.TempDir())
		require.NoError(t, config.claimPorts())
		found := map[int]bool{}
		for _, port := range []int{config.TemporalPort, config.UIPort, config.SandboxdPort, config.HealthPort} {
			require.GreaterOrEqual(t, port, lowestFree)
			require.Less(t, port, beyondFree)
			found[port] = true
		}
		require.Len(t, found, 4)
	}
}

func TestWorkerSeesThisStackOnly(t *testing.T) {
	bin := newBin(t)
	stack, err := Start(t.Context(), testConfig(bin, t.TempDir()), dialProbe)
	require.NoError(t, err)
	defer func() { require.NoError(t, stack.Stop()) }()
	text, err := os.ReadFile(filepath.Join(bin, "worker-env"))
	require.NoError(t, err)
	env := string(text)
	require.Contains(t, env, "TEMPORAL_ADDRESS="+stack.Endpoints().TemporalAddress)
	require.Contains(t, env, "DAYTONA_API_KEY=made-at-first-start")
	require.Contains(t, env, "DAYTONA_MAX_PARALLEL_SANDBOXES=3")
	require.NotContains(t, env, "elsewhere")
	require.NotContains(t, env, "theirs")
}

func TestStartNamesWhatIsInTheWay(t *testing.T) {
	t.Run("a program that is not built", func(t *testing.T) {
		bin := newBin(t)
		require.NoError(t, os.Remove(filepath.Join(bin, "toolbox")))
		_, err := Start(t.Context(), testConfig(bin, t.TempDir()), dialProbe)
		require.ErrorIs(t, err, ErrProgramsMissing)
		require.ErrorContains(t, err, "toolbox")
	})
	t.Run("a busy port", func(t *testing.T) {
		bin := newBin(t)
		taken, err := net.Listen("tcp", "127.0.0.1:0")
		require.NoError(t, err)
		defer taken.Close()
		config := testConfig(bin, t.TempDir())
		config.UIPort = taken.Addr().(*net.TCPAddr).Port
		_, err = Start(t.Context(), config, dialProbe)
		var busy *BusyPortError
		require.ErrorAs(t, err, &busy)
		require.Equal(t, "--ui-port", busy.Flag)
		require.Equal(t, config.UIPort, busy.Port)
		require.Empty(t, pids(t, bin, "temporal"), "nothing may have been started")
	})
	t.Run("another stack in the same folder", func(t *testing.T) {
		bin, state := newBin(t), t.TempDir()
		first, err := Start(t.Context(), testConfig(bin, state), dialProbe)
		require.NoError(t, err)
		defer func() { require.NoError(t, first.Stop()) }()
		_, err = Start(t.Context(), testConfig(bin, state), dialProbe)
		var locked *LockedError
		require.ErrorAs(t, err, &locked)
		require.Equal(t, os.Getpid(), locked.PID)
	})
	t.Run("a program that dies at once", func(t *testing.T) {
		bin := newBin(t)
		require.NoError(t, os.WriteFile(filepath.Join(bin, "crash-worker"), nil, 0o600))
		_, err := Start(t.Context(), testConfig(bin, t.TempDir()), dialProbe)
		var death *DeathError
		require.ErrorAs(t, err, &death)
		require.Equal(t, "worker", death.Name)
		require.Equal(t, 7, death.ExitCode)
		require.Equal(t, []string{"this is the last thing that worker said"}, death.LastLines)
		requireAllGone(t, bin)
	})
}

func TestInterruptedStartLeavesNothing(t *testing.T) {
	bin := newBin(t)
	ctx, cancel := context.WithCancel(t.Context())
	never := func(context.Context, string, string) error {
		cancel()
		return context.Canceled
	}
	_, err := Start(ctx, testConfig(bin, t.TempDir()), never)
	require.Error(t, err)
	requireAllGone(t, bin)
}

func TestChildThatDiesIsStartedAgain(t *testing.T) {
	bin := newBin(t)
	told := &notices{}
	config := testConfig(bin, t.TempDir())
	config.Notify = told.add
	stack, err := Start(t.Context(), config, dialProbe)
	require.NoError(t, err)
	defer func() {
		require.NoError(t, stack.Stop())
		requireAllGone(t, bin)
	}()
	require.NoError(t, syscall.Kill(pids(t, bin, "sandboxd")[0], syscall.SIGKILL))
	require.Eventually(t, func() bool { return len(pids(t, bin, "sandboxd")) == 2 }, patience, 5*time.Millisecond)
	require.Eventually(t, func() bool {
		return answersOK(t.Context(), stack.Endpoints().DaytonaAPIURL+"/health") == nil
	}, patience, 10*time.Millisecond)
	http.DefaultClient.CloseIdleConnections()
	require.True(t, told.contain("sandboxd ended (signal: killed)"), told.text)
}

func TestChildThatKeepsDyingEndsTheStack(t *testing.T) {
	bin := newBin(t)
	told := &notices{}
	config := testConfig(bin, t.TempDir())
	config.Notify = told.add
	stack, err := Start(t.Context(), config, dialProbe)
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(filepath.Join(bin, "crash-worker"), nil, 0o600))
	require.NoError(t, syscall.Kill(pids(t, bin, "worker")[0], syscall.SIGKILL))
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	var death *DeathError
	require.ErrorAs(t, stack.Wait(ctx), &death)
	require.Equal(t, "worker", death.Name)
	require.Contains(t, death.Error(), "the last thing that worker said")
	require.True(t, told.contain("starting it again (2 of 5)\n  its last line: this is the last thing that worker said"), told.text)
	require.Len(t, pids(t, bin, "worker"), 1+maxRestarts)
	require.NoError(t, stack.Stop())
	requireAllGone(t, bin)
}

func TestKilledParentLeavesNothing(t *testing.T) {
	bin := newBin(t)
	parent := exec.Command(filepath.Join(bin, "stack"))
	stdout, err := parent.StdoutPipe()
	require.NoError(t, err)
	_, err = parent.StdinPipe() // it waits for a line that never comes
	require.NoError(t, err)
	require.NoError(t, parent.Start())
	line, err := bufio.NewReader(stdout).ReadString('\n')
	require.NoError(t, err)
	require.Equal(t, "ready\n", line)
	for _, name := range []string{"temporal", "sandboxd", "worker"} {
		require.True(t, runs(pids(t, bin, name)[0]))
	}
	require.NoError(t, parent.Process.Kill())
	require.Error(t, parent.Wait())
	requireAllGone(t, bin)
}

func TestLogIsBounded(t *testing.T) {
	path := filepath.Join(t.TempDir(), "worker.log")
	log, err := openLog(path)
	require.NoError(t, err)
	defer log.Close()
	_, err = log.Write([]byte(strings.Repeat("x", maxLogBytes)))
	require.NoError(t, err)
	boundLog(path)
	_, err = log.WriteString("after the cut\n") // by the child, through the file it has open
	require.NoError(t, err)
	text, err := os.ReadFile(path)
	require.NoError(t, err)
	require.Equal(t, "after the cut\n", string(text))
	kept, err := os.Stat(path + ".1")
	require.NoError(t, err)
	require.EqualValues(t, maxLogBytes, kept.Size())
	require.Equal(t, []string{"cut"}, lastLines(path, int64(len("after the "))))
}
