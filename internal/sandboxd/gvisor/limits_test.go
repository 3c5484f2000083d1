//go:build linux

package gvisor

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// smallLimits keep the storms of these tests small.
var smallLimits = Limits{CPUs: 1, MemoryBytes: 256 << 20, DiskBytes: 64 << 20, Processes: 64, OpenFiles: 256}

// storm runs a hostile command in one machine, and requires that another works meanwhile and that the stormed one works after.
func storm(t *testing.T, command, user string) (code int, output string) {
	r := newRuntime(t)
	stormed := startMachine(t, r, Spec{ID: "stormed", Limits: smallLimits})
	other := startMachine(t, r, Spec{ID: "other", Limits: smallLimits})
	type result struct {
		code   int
		output string
	}
	done := make(chan result, 1)
	go func() {
		code, output, _ := tryRun(context.Background(), stormed.Socket, user, command)
		done <- result{code, output}
	}()
	var end result
	for running := true; running; {
		select {
		case end = <-done:
			running = false
		default:
			_, out := run(t, other.Socket, "", "echo fine")
			require.Equal(t, "fine\n", out, "the other sandbox")
		}
	}
	require.Eventually(t, func() bool {
		code, out, err := tryRun(context.Background(), stormed.Socket, "", "echo again")
		return err == nil && code == 0 && out == "again\n"
	}, time.Minute, 50*time.Millisecond, "the stormed sandbox")
	return end.code, end.output
}

func TestForkStorm(t *testing.T) {
	_, out := storm(t, `python3 - <<'E'
import os, time
made = 0
for i in range(3000):
    try:
        if os.fork() == 0:
            time.sleep(5); os._exit(0)
        made += 1
    except OSError:
        pass
print("made", made)
E`, "")
	t.Log(out)
	require.NotContains(t, out, "made 3000")
}

func TestForkBomb(t *testing.T) {
	storm(t, `timeout 10 bash -c 'b() { b | b & }; b; sleep 5' 2>/dev/null; true`, "")
}

func TestMemoryStorm(t *testing.T) {
	code, out := storm(t, `python3 -c '
hold = []
for i in range(40):
    hold.append(bytearray(64 << 20))
print("allocated all")'`, "")
	t.Log(code, out)
	require.NotContains(t, out, "allocated all")
}

func TestDiskFlood(t *testing.T) {
	code, out := storm(t, `head -c 300000000 /dev/zero > flood; head -c 300000000 /dev/zero > /tmp/flood; du -sm ~/flood /tmp/flood; rm -f ~/flood /tmp/flood`, "")
	require.Zero(t, code, out)
	t.Log(out)
	require.NotContains(t, out, "287\t")
}

func TestSharedMemoryFlood(t *testing.T) {
	_, out := storm(t, `head -c 300000000 /dev/zero > /dev/shm/flood; stat -c %s /dev/shm/flood; rm /dev/shm/flood; head -c 1000000 /dev/zero > /dev/x`, "")
	require.Contains(t, out, "67108864")
}

// TestOuterMemoryBound breaks the inner ring, as root inside, to meet the outer one: the machine ends, and says why.
func TestOuterMemoryBound(t *testing.T) {
	for name, change := range map[string]func(*Config){
		"as the host allows": func(*Config) {},
		"watched":            func(c *Config) { c.NoCgroups = true },
	} {
		t.Run(name, func(t *testing.T) {
			r := newRuntime(t, change, func(c *Config) { c.Headroom = 128 << 20 })
			m := startMachine(t, r, Spec{ID: "big", Limits: smallLimits})
			other := startMachine(t, r, Spec{ID: "other", Limits: smallLimits})
			_, _, err := tryRun(t.Context(), m.Socket, "root", `python3 -c '
import time
hold = [bytearray(64 << 20) for i in range(30)]
time.sleep(60)'`)
			require.Error(t, err, "the agent goes with its machine")
			select {
			case e := <-r.Exits():
				require.Equal(t, "big", e.ID)
				require.Contains(t, e.Reason, "memory")
			case <-time.After(30 * time.Second):
				t.Fatal("its end was not reported")
			}
			_, out := run(t, other.Socket, "", "echo fine")
			require.Equal(t, "fine\n", out)
			require.NoError(t, r.Delete(t.Context(), "big"))
		})
	}
}

func TestCPUBound(t *testing.T) {
	r := newRuntime(t)
	m := startMachine(t, r, Spec{ID: "cpu", Limits: smallLimits})
	// Two spinners on one CPU get one CPU's worth between them.
	_, out := run(t, m.Socket, "", `python3 - <<'E'
import os, time
start = time.monotonic()
pids = []
for i in range(2):
    pid = os.fork()
    if pid == 0:
        end = time.monotonic() + 2
        n = 0
        while time.monotonic() < end: n += 1
        os._exit(0)
    pids.append(pid)
for pid in pids: os.waitpid(pid, 0)
E`)
	t.Log(out)
	l := r.lives["cpu"]
	require.NotNil(t, l)
	used := cpuSeconds(t, l.pid)
	t.Log(used)
	require.Less(t, used, 3.4, "two spinners had one CPU for 2 s, after a start of some 0.2 s; on two they would use 4")
}

// TestFileFlood makes so many files that gVisor's kernel, not the job, holds too much memory. The job is ended for it, and the
// sandbox lives on.
func TestFileFlood(t *testing.T) {
	r := newRuntime(t, func(c *Config) { c.Headroom = 256 << 20 })
	m := startMachine(t, r, Spec{ID: "files", Limits: Limits{CPUs: 2, MemoryBytes: 64 << 20, DiskBytes: 64 << 20, Processes: 64, OpenFiles: 256}})
	code, out := run(t, m.Socket, "", `python3 -c '
import os
for d in range(1000):
    os.mkdir("%d" % d)
    for f in range(1000):
        os.close(os.open("%d/%d" % (d, f), os.O_CREAT))
print("made all")'; ls | wc -l`)
	t.Log(code, out)
	require.NotContains(t, out, "made all")
	_, out = run(t, m.Socket, "root", `cat /.pitwall/run/limit-events.jsonl; ls /home/daytona | wc -l`)
	t.Log(out)
	require.Contains(t, out, `"limit":"memory"`)
	require.Empty(t, r.Exits(), "the sandbox lives")
}
