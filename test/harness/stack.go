//go:build linux

package harness

import (
	"context"
	"math/rand/v2"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/client"
	"go.uber.org/zap"

	"pitwall/internal/artifact"
	"pitwall/internal/daytona"
	"pitwall/internal/temporalclient"
	"pitwall/workflows"
)

// Options of a stack.
type Options struct {
	// Slots is DAYTONA_MAX_PARALLEL_SANDBOXES. Default 4.
	Slots int
	// WorkerEnv is added to every worker's environment.
	WorkerEnv []string
	// Workers started at once. Default 1; -1 none.
	Workers int
	// UI serves Temporal's UI, too.
	UI bool
	// FrontDaytona puts something between the sandbox server and whoever is told its address, workers and starter: it is
	// given the server's base URL, and returns its own. The stack's own clients go past it.
	FrontDaytona func(server string) string
	// FrontTemporal does the same between the Temporal server and workers; addresses are host:port.
	FrontTemporal func(server string) string
}

// Stack is a running Pitwall.
type Stack struct {
	t   testing.TB
	opt Options
	bin string
	dir string

	temporalPort, sandboxdPort int
	uiPort                     int // 0: there is no UI
	// What workers and starter are told.
	toldAPI, toldTemporal string

	TemporalServer *Process
	Sandboxd       *Process
	Workers        []*Process

	Temporal client.Client
	Daytona  *daytona.Client
	Store    *artifact.Store
	// Cluster and Namespace are Temporal's UUIDs.
	Cluster, Namespace string
}

// patience bounds every wait for a condition: generous, because these tests run beside builds on two cores.
const patience = 2 * time.Minute

// Start brings a stack up, and down at the test's end. Without the built programs the test is not run, or fails where
// every part must run.
func Start(t testing.TB, opt Options) *Stack {
	t.Helper()
	if opt.Slots == 0 {
		opt.Slots = 4
	}
	if opt.Workers == 0 {
		opt.Workers = 1
	}
	dir, err := os.MkdirTemp("", "pw")
	require.NoError(t, err)
	s := &Stack{t: t, opt: opt, bin: binDir(t), dir: dir, temporalPort: freePort(t), sandboxdPort: freePort(t)}
	if opt.UI {
		s.uiPort = freePort(t)
	}
	t.Cleanup(func() {
		if t.Failed() {
			s.dumpLogs()
		}
		require.NoError(t, os.RemoveAll(dir))
	})
	s.StartTemporal()
	s.StartSandboxd()
	s.connect()
	s.toldAPI, s.toldTemporal = s.APIURL(), s.temporalAddress()
	if opt.FrontDaytona != nil {
		s.toldAPI = opt.FrontDaytona(strings.TrimSuffix(s.APIURL(), "/api")) + "/api"
	}
	if opt.FrontTemporal != nil {
		s.toldTemporal = opt.FrontTemporal(s.temporalAddress())
	}
	for range max(0, opt.Workers) {
		s.StartWorker()
	}
	return s
}

// binDir is where the programs are: PITWALL_BIN, or bin/ at the module's root.
func binDir(t testing.TB) string {
	dir := os.Getenv("PITWALL_BIN")
	if dir == "" {
		dir = filepath.Join(moduleRoot(t), "bin")
	}
	for _, name := range []string{"temporal-dev", "runsc", "toolbox", "starter", "worker"} {
		if _, err := os.Stat(filepath.Join(dir, name)); err == nil {
			continue
		}
		if os.Getenv("PITWALL_TEST_STRICT") == "1" {
			t.Fatalf("%s is not in %s: run make build", name, dir)
		}
		t.Skipf("not run: the tests on real parts, because %s is not in %s (make build)", name, dir)
	}
	return dir
}

func moduleRoot(t testing.TB) string {
	dir, err := os.Getwd()
	require.NoError(t, err)
	for ; dir != "/"; dir = filepath.Dir(dir) {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			return dir
		}
	}
	t.Fatal("no go.mod above the test")
	return ""
}

// freePort finds a port that a server can take, also again after it was killed. It is below those that Linux gives to
// outgoing connections (32768 and up): with many stacks side by side one of these took a server's port now and then. Until the
// test's end a lock on a file keeps it from other tests, which look for theirs at the same time.
func freePort(t testing.TB) int {
	locks := filepath.Join(os.TempDir(), "pitwall-test-ports-"+strconv.Itoa(os.Getuid()))
	require.NoError(t, os.MkdirAll(locks, 0o700))
	for range 100 {
		port := strconv.Itoa(15000 + rand.IntN(17000)) //nolint:gosec // any will do
		lock, err := os.OpenFile(filepath.Join(locks, port), os.O_CREATE|os.O_RDWR, 0o600)
		require.NoError(t, err)
		listener, err := net.Listen("tcp", "127.0.0.1:"+port)
		if err == nil {
			require.NoError(t, listener.Close())
			err = syscall.Flock(int(lock.Fd()), syscall.LOCK_EX|syscall.LOCK_NB) //nolint:gosec // a descriptor is an int
		}
		if err != nil {
			require.NoError(t, lock.Close())
			continue
		}
		t.Cleanup(func() { _ = lock.Close() })
		return listener.Addr().(*net.TCPAddr).Port
	}
	t.Fatal("no port is free between 15000 and 32000")
	return 0
}

func (s *Stack) log(name string) string { return filepath.Join(s.dir, name+".log") }

func (s *Stack) env() []string {
	return []string{"PATH=/usr/local/bin:/usr/bin:/bin", "HOME=" + s.dir, "XDG_STATE_HOME=" + filepath.Join(s.dir, "state"), "TMPDIR=" + os.TempDir(), "LANG=C.UTF-8"}
}

// StartTemporal starts the Temporal server on its database, which outlives it.
func (s *Stack) StartTemporal() {
	s.t.Helper()
	s.TemporalServer = start(s.t, "temporal", s.log("temporal"), s.env(), filepath.Join(s.bin, "temporal-dev"),
		s.temporalArgs()...)
	s.awaitReady(s.TemporalServer, func(ctx context.Context) bool {
		c, err := temporalclient.Dial(ctx, s.temporalOptions(), zap.NewNop())
		if err != nil {
			return false
		}
		defer c.Close()
		s.Cluster, s.Namespace, err = temporalclient.Identity(ctx, c, "default")
		return err == nil
	})
}

func (s *Stack) temporalArgs() []string {
	args := []string{
		"server", "start-dev", "--ip", "127.0.0.1", "--port", strconv.Itoa(s.temporalPort),
		"--db-filename", filepath.Join(s.dir, "temporal.db"), "--log-level", "error",
	}
	for _, pair := range workflows.SearchAttributePairs() {
		args = append(args, "--search-attribute", pair)
	}
	if s.uiPort == 0 {
		return append(args, "--headless")
	}
	return append(args, "--ui-port", strconv.Itoa(s.uiPort))
}

// UIURL is the address of Temporal's UI; empty without one.
func (s *Stack) UIURL() string {
	if s.uiPort == 0 {
		return ""
	}
	return "http://127.0.0.1:" + strconv.Itoa(s.uiPort)
}

func (s *Stack) temporalOptions() temporalclient.Options {
	return temporalclient.Options{Override: temporalclient.Endpoint{Address: s.temporalAddress(), Namespace: "default"}}
}

func (s *Stack) temporalAddress() string { return "127.0.0.1:" + strconv.Itoa(s.temporalPort) }

// StartSandboxd starts the sandbox server on its state, which outlives it.
func (s *Stack) StartSandboxd() {
	s.t.Helper()
	s.Sandboxd = start(s.t, "sandboxd", s.log("sandboxd"), s.env(), filepath.Join(s.bin, "starter"),
		"sandboxd", "--addr", "127.0.0.1:"+strconv.Itoa(s.sandboxdPort), "--state-dir", filepath.Join(s.dir, "sd"),
		"--runsc", filepath.Join(s.bin, "runsc"), "--toolbox", filepath.Join(s.bin, "toolbox"))
	s.t.Cleanup(s.Sandboxd.Stop) // removes what is left, after every worker has ended
	s.awaitReady(s.Sandboxd, func(ctx context.Context) bool {
		if s.Daytona == nil {
			key, err := os.ReadFile(filepath.Join(s.dir, "sd", "api-key"))
			if err != nil {
				return false
			}
			s.Daytona, err = daytona.New(daytona.Config{APIURL: s.APIURL(), APIKey: strings.TrimSpace(string(key))})
			require.NoError(s.t, err)
		}
		return s.Daytona.Health(ctx) == nil
	})
}

// APIURL is the sandbox server's.
func (s *Stack) APIURL() string { return "http://127.0.0.1:" + strconv.Itoa(s.sandboxdPort) + "/api" }

func (s *Stack) storeURL() string { return "file://" + s.StoreDir() }

// StoreDir is the folder of the stack's artifact store.
func (s *Stack) StoreDir() string { return filepath.Join(s.dir, "store") }

func (s *Stack) connect() {
	s.t.Helper()
	ctx := s.t.Context()
	var err error
	s.Temporal, err = temporalclient.Dial(ctx, s.temporalOptions(), zap.NewNop())
	require.NoError(s.t, err)
	s.t.Cleanup(s.Temporal.Close)
	s.Store, err = artifact.Open(ctx, s.storeURL())
	require.NoError(s.t, err)
	s.t.Cleanup(func() { require.NoError(s.t, s.Store.Close()) })
}

// ClientEnv is the environment in which starter and worker find this stack.
func (s *Stack) ClientEnv() []string {
	key, err := os.ReadFile(filepath.Join(s.dir, "sd", "api-key"))
	require.NoError(s.t, err)
	return append(s.env(),
		"TEMPORAL_ADDRESS="+s.temporalAddress(), "TEMPORAL_NAMESPACE=default",
		"DAYTONA_API_URL="+s.toldAPI, "DAYTONA_API_KEY="+strings.TrimSpace(string(key)),
		"PITWALL_STORE="+s.storeURL(), "DAYTONA_MAX_PARALLEL_SANDBOXES="+strconv.Itoa(s.opt.Slots))
}

// TellWorkers replaces what the workers that start from now on are told beside ClientEnv.
func (s *Stack) TellWorkers(env ...string) { s.opt.WorkerEnv = env }

// StartWorker starts one more worker.
func (s *Stack) StartWorker(args ...string) *Process {
	s.t.Helper()
	port := freePort(s.t)
	env := append(s.ClientEnv(), "PITWALL_HEALTH_ADDR=127.0.0.1:"+strconv.Itoa(port), "TEMPORAL_ADDRESS="+s.toldTemporal)
	if size := os.Getenv("PITWALL_TEST_WORKFLOW_CACHE"); size != "" {
		env = append(env, "PITWALL_WORKFLOW_CACHE="+size)
	}
	name := "worker-" + strconv.Itoa(len(s.Workers)+1)
	worker := start(s.t, name, s.log(name), append(env, s.opt.WorkerEnv...), filepath.Join(s.bin, "worker"), args...)
	worker.HealthURL = "http://127.0.0.1:" + strconv.Itoa(port)
	s.Workers = append(s.Workers, worker)
	s.awaitReady(worker, func(ctx context.Context) bool { return get(ctx, worker.HealthURL+"/readyz") == nil })
	return worker
}

// awaitReady waits for a condition that a process is to bring about, or for its early end.
func (s *Stack) awaitReady(p *Process, met func(ctx context.Context) bool) {
	s.t.Helper()
	s.Eventually(p.name+" is ready", func(ctx context.Context) bool {
		select {
		case <-p.done:
			s.t.Fatalf("%s ended at its start\n%s", p.name, p.Tail())
		default:
		}
		return met(ctx)
	})
}

// Eventually waits for a condition, within patience.
func (s *Stack) Eventually(what string, met func(ctx context.Context) bool) {
	s.t.Helper()
	deadline := time.Now().Add(patience)
	for {
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		ok := met(ctx)
		cancel()
		if ok {
			return
		}
		if time.Now().After(deadline) {
			s.t.Fatalf("it never came that %s", what)
		}
		time.Sleep(20 * time.Millisecond)
	}
}

func (s *Stack) dumpLogs() {
	logs, _ := filepath.Glob(filepath.Join(s.dir, "*.log"))
	for _, log := range logs {
		s.t.Log((&Process{name: filepath.Base(log), log: log}).Tail())
	}
}
