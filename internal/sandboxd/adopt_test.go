//go:build linux

package sandboxd

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"net"
	"os"
	"os/exec"
	"os/signal"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
	"go.uber.org/zap"
)

// TestMain becomes a sandbox server when a test starts this binary as one, to have a process that can be killed.
func TestMain(m *testing.M) {
	if text := os.Getenv("SANDBOXD_TEST_SERVER"); text != "" {
		if err := runServer(text); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	goleak.VerifyTestMain(m, goleak.IgnoreAnyFunction("net/http.(*persistConn).readLoop"), goleak.IgnoreAnyFunction("net/http.(*persistConn).writeLoop"))
}

func runServer(text string) error {
	var cfg Config
	if err := json.Unmarshal([]byte(text), &cfg); err != nil {
		return err
	}
	cfg.Logger, _ = zap.NewDevelopment()
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer stop()
	s, err := New(ctx, cfg)
	if err != nil {
		return err
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	fmt.Printf("listening http://%s %s\n", listener.Addr(), s.APIKey())
	return s.Serve(ctx, listener)
}

// process is a real sandbox server process.
type process struct {
	*client
	cmd *exec.Cmd
}

func startProcess(t *testing.T, cfg Config) *process {
	t.Helper()
	cfg.Logger = nil
	text, err := json.Marshal(cfg)
	require.NoError(t, err)
	self, err := os.Executable()
	require.NoError(t, err)
	cmd := exec.Command(self)
	cmd.Env = append(os.Environ(), "SANDBOXD_TEST_SERVER="+string(text))
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, cmd.Start())
	p := &process{client: &client{t: t}, cmd: cmd}
	t.Cleanup(func() { p.end(syscall.SIGTERM) })
	line, err := bufio.NewReader(out).ReadString('\n')
	require.NoError(t, err)
	fields := strings.Fields(line)
	require.Len(t, fields, 3)
	p.base, p.key = fields[1], fields[2]
	return p
}

func (p *process) end(signal os.Signal) {
	if p.cmd.ProcessState == nil {
		_ = p.cmd.Process.Signal(signal)
		_ = p.cmd.Wait()
	}
}

func TestKilledServersSandboxesAreAdopted(t *testing.T) {
	cfg := testConfig(t)
	first := startProcess(t, cfg)
	alive := first.create(map[string]any{"name": "alive", "labels": map[string]string{"a": "b"}, "ttlMinutes": 60})
	stopped := first.create(map[string]any{"name": "stopped"})
	first.exec(stopped, "echo kept > f")
	status, _ := first.do("POST", "/api/sandbox/stopped/stop", nil)
	require.Equal(t, 200, status)
	victim := first.create(map[string]any{"name": "victim"})
	first.exec(alive, "nohup sh -c 'while :; do date +%s%N > beat; sleep 0.05; done' >/dev/null 2>&1 &")
	_, before := first.do("GET", "/api/sandbox/"+alive, nil)
	first.end(syscall.SIGKILL)
	// What dies while no server lives is found dead.
	killMachine(t, cfg, victim)

	second := startProcess(t, cfg)
	require.Equal(t, first.key, second.key, "the key stays")
	_, after := second.do("GET", "/api/sandbox/alive", nil)
	for _, field := range []string{"id", "name", "labels", "state", "createdAt", "autoDestroyAt"} {
		require.Equal(t, before[field], after[field], field)
	}
	_, one := second.exec(alive, "cat beat")
	require.Eventually(t, func() bool { _, two := second.exec(alive, "cat beat"); return two != one }, 10*time.Second, 10*time.Millisecond,
		"its processes go on")
	require.Equal(t, "stopped", second.state(stopped))
	status, _ = second.do("POST", "/api/sandbox/stopped/start", nil)
	require.Equal(t, 200, status)
	_, out := second.exec(stopped, "cat f")
	require.Equal(t, "kept\n", out)
	require.Equal(t, "error", second.state(victim))
	for _, id := range []string{alive, stopped, victim} {
		status, _ := second.do("DELETE", "/api/sandbox/"+id, nil)
		require.Equal(t, 200, status)
		second.await(id, "404")
	}
	_, sum := second.do("GET", "/api/pitwall/ledger", nil)
	require.EqualValues(t, 3, sum["created"])
	require.EqualValues(t, 3, sum["destroyed"])
	require.EqualValues(t, 0, sum["live"])
	require.EqualValues(t, 3, sum["maxLive"])
}

// killMachine ends a sandbox's gVisor process from outside.
func killMachine(t *testing.T, cfg Config, id string) {
	t.Helper()
	text, err := os.ReadFile(cfg.StateDir + "/gv/m/" + id + "/pid")
	require.NoError(t, err)
	var pid int
	_, err = fmt.Sscan(string(text), &pid)
	require.NoError(t, err)
	require.NoError(t, syscall.Kill(pid, syscall.SIGKILL))
}

// TestServerKilledWhileCreatingLeavesNothing kills servers at random moments of a create, and looks for what is left.
func TestServerKilledWhileCreatingLeavesNothing(t *testing.T) {
	cfg := testConfig(t)
	for round := range 6 {
		p := startProcess(t, cfg)
		_, page := p.do("GET", "/api/sandbox", nil)
		for _, item := range page["items"].([]any) {
			found := item.(map[string]any)
			require.Equal(t, "started", found["state"])
			_, out := p.exec(found["id"].(string), "echo works")
			require.Equal(t, "works\n", out)
		}
		answered := make(chan struct{})
		go func() {
			defer close(answered)
			tryCreate(p.client)
		}()
		time.Sleep(time.Duration(10+25*round) * time.Millisecond) // the moments differ; each must do
		p.end(syscall.SIGKILL)
		<-answered
	}
	last := startProcess(t, cfg)
	last.end(syscall.SIGTERM) // removes all
	require.Empty(t, machineProcesses(t, cfg), "processes left")
}

func tryCreate(c *client) {
	conn, err := net.Dial("tcp", strings.TrimPrefix(c.base, "http://"))
	if err != nil {
		return
	}
	defer conn.Close()
	fmt.Fprintf(conn, "POST /api/sandbox HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer %s\r\nContent-Length: 2\r\n\r\n{}", c.key)
	_, _ = conn.Read(make([]byte, 1))
}

// machineProcesses are the processes whose command line names the state directory.
func machineProcesses(t *testing.T, cfg Config) []string {
	t.Helper()
	entries, err := os.ReadDir("/proc")
	require.NoError(t, err)
	var found []string
	for _, entry := range entries {
		line, _ := os.ReadFile("/proc/" + entry.Name() + "/cmdline")
		if strings.Contains(string(line), cfg.StateDir) {
			found = append(found, entry.Name())
		}
	}
	return found
}

func TestMachineThatDiesIsInError(t *testing.T) {
	var cfg Config
	c := serve(t, func(x *Config) { cfg = *x })
	id := c.create(map[string]any{"name": "dies"})
	killMachine(t, cfg, id)
	c.await(id, "error")
	_, got := c.do("GET", "/api/sandbox/dies", nil)
	require.Contains(t, got["errorReason"], "died")
	status, _ := c.do("POST", "/toolbox/"+id+"/process/execute", map[string]any{"command": "true"})
	require.Equal(t, 502, status)
	require.Eventually(t, func() bool { // 409 while it is cleared away
		status, _ := c.do("DELETE", "/api/sandbox/dies", nil)
		return status == 200
	}, time.Minute, 5*time.Millisecond)
	c.await(id, "404")
}

func TestTwoServersOnOneDirectory(t *testing.T) {
	cfg := testConfig(t)
	_, stop := serveConfig(t, cfg)
	defer stop()
	_, err := New(t.Context(), cfg)
	require.ErrorContains(t, err, "another sandbox server is using it")
}

func TestShutdownKeepsSandboxesWhenAsked(t *testing.T) {
	cfg := testConfig(t)
	cfg.KeepOnShutdown = true
	c, stop := serveConfig(t, cfg)
	id := c.create(map[string]any{})
	stop()
	cfg.KeepOnShutdown = false
	c, stop = serveConfig(t, cfg)
	_, out := c.exec(id, "echo still here")
	require.Equal(t, "still here\n", out)
	stop()
	require.Empty(t, machineProcesses(t, cfg))
}

func TestBadStateDirectory(t *testing.T) {
	cfg := testConfig(t)
	file := cfg.StateDir + "/file"
	require.NoError(t, os.WriteFile(file, nil, 0o600))
	cfg.StateDir = file
	_, err := New(t.Context(), cfg)
	require.ErrorContains(t, err, "make state directory")
	cfg.StateDir = "relative"
	_, err = New(t.Context(), cfg)
	require.ErrorContains(t, err, "not an absolute path")
}
