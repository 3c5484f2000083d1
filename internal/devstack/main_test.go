//go:build linux

package devstack

import (
	"bufio"
	"context"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"go.uber.org/goleak"
)

// The test binary is also every program of the stack, by the name under which it is started: small servers that listen
// where they are told, write their process id beside themselves, and end on SIGTERM.
func TestMain(m *testing.M) {
	switch name := filepath.Base(os.Args[0]); name {
	case "temporal-dev":
		actTemporal()
	case "starter":
		actSandboxd()
	case "worker":
		actWorker()
	case "stack":
		actParent()
	default:
		goleak.VerifyTestMain(m)
	}
}

// begin does what each program does first. A file crash-<name> beside it makes it die.
func begin(name string) {
	dir := filepath.Dir(os.Args[0])
	pid := fmt.Sprintf("%d\n", os.Getpid())
	file, err := os.OpenFile(filepath.Join(dir, "pids-"+name), os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	if err == nil {
		file.WriteString(pid)
		file.Close()
	}
	if _, err := os.Stat(filepath.Join(dir, "crash-"+name)); err == nil {
		fmt.Println("this is the last thing that", name, "said")
		os.Exit(7)
	}
}

func untilTerm() { <-termination() }

func termination() <-chan os.Signal {
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, syscall.SIGTERM)
	return signals
}

func flagValue(name string) string {
	for i, argument := range os.Args[:len(os.Args)-1] {
		if argument == name {
			return os.Args[i+1]
		}
	}
	return ""
}

func actTemporal() {
	begin("temporal")
	for _, flag := range []string{"--port", "--ui-port"} {
		if _, err := net.Listen("tcp", "127.0.0.1:"+flagValue(flag)); err != nil {
			fmt.Println(err)
			os.Exit(1)
		}
	}
	untilTerm()
}

func actSandboxd() {
	begin("sandboxd")
	key := filepath.Join(flagValue("--state-dir"), "api-key")
	if err := os.WriteFile(key, []byte("made-at-first-start\n"), 0o600); err != nil {
		os.Exit(1)
	}
	serveOK(flagValue("--addr"), "/api/health")
}

func actWorker() {
	begin("worker")
	env := strings.Join(os.Environ(), "\n")
	if err := os.WriteFile(filepath.Join(filepath.Dir(os.Args[0]), "worker-env"), []byte(env), 0o600); err != nil {
		os.Exit(1)
	}
	serveOK(os.Getenv("PITWALL_HEALTH_ADDR"), "/readyz")
}

func serveOK(addr, path string) {
	listener, err := net.Listen("tcp", addr)
	if err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
	http.HandleFunc(path, func(http.ResponseWriter, *http.Request) {})
	go http.Serve(listener, nil)
	untilTerm()
}

// actParent is a program that starts a stack and is killed.
func actParent() {
	dir := filepath.Dir(os.Args[0])
	_, err := Start(context.Background(), testConfig(dir, filepath.Join(dir, "state")), dialProbe)
	if err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
	fmt.Println("ready")
	bufio.NewReader(os.Stdin).ReadString('\n')
}

func testConfig(binDir, stateDir string) Config {
	return Config{
		BinDir: binDir, StarterPath: filepath.Join(binDir, "starter"), StateDir: stateDir,
		WorkerEnv: append(os.Environ(), "TEMPORAL_ADDRESS=elsewhere:7233", "TEMPORAL_API_KEY=theirs", "DAYTONA_API_KEY=theirs",
			"DAYTONA_MAX_PARALLEL_SANDBOXES=3"),
	}
}

// dialProbe is content with an open port.
func dialProbe(ctx context.Context, address, _ string) error {
	connection, err := (&net.Dialer{}).DialContext(ctx, "tcp", address)
	if err != nil {
		return err
	}
	return connection.Close()
}
