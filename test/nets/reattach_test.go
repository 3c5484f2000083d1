//go:build linux

package nets

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"pitwall/internal/spec"
	"pitwall/test/harness"
)

// ticks of the long job, half a second each.
const ticks = 120

// longJob writes to both streams for a minute, leaves a trace of each start, a file at each tick, and its end's time.
func longJob() spec.EvalInput {
	return spec.EvalInput{
		Job: spec.Job{Steps: []spec.Step{{TimeLimit: spec.Duration(5 * time.Minute), Code: fmt.Sprintf(`
import sys, time
open('starts', 'a').write('start\n')
begun = time.monotonic()
for i in range(%d):
    print(*range(i * 1000, (i + 1) * 1000), sep='\n', flush=True)
    print('err', i, file=sys.stderr, flush=True)
    open(f'tick-{i}', 'w').close()
    time.sleep(max(0, begun + (i + 1) / 2 - time.monotonic()))
print(open('starts').read(), end='')
open('ended', 'w').write(str(time.time()))
`, ticks)}}},
		Artifacts: []spec.ArtifactRule{{Path: "ended", Required: true}},
	}
}

// longOutput is what it writes when it is run once.
func longOutput() map[string]string {
	var stdout, stderr strings.Builder
	for i := range ticks {
		for n := range 1000 {
			stdout.WriteString(strconv.Itoa(i*1000+n) + "\n")
		}
		stderr.WriteString("err " + strconv.Itoa(i) + "\n")
	}
	stdout.WriteString("start\n")
	return map[string]string{"stdout": stdout.String(), "stderr": stderr.String()}
}

func TestJobIsReattachedAfterThreeKills(t *testing.T) {
	t.Parallel()
	s := startUnreaped(t, harness.Options{})
	reattach(t, s, func(tick func(int)) {
		// The last one shortly before the job's end, which then nobody sees before the heartbeat timeout.
		for i, at := range []int{20, 60, ticks - 8} {
			tick(at)
			s.Workers[i].Kill()
			s.StartWorker()
		}
	})
}

func TestJobIsReattachedAfterTheNetworkWasCut(t *testing.T) {
	t.Parallel()
	s, proxy := startBehindProxy(t, harness.Options{})
	reattach(t, s, func(tick func(int)) {
		tick(30)
		proxy.Cut(true)
		time.Sleep(20 * time.Second)
		proxy.Cut(false)
	})
}

// reattach runs the long job through a trouble, beside a `logs -f` that was there first.
func reattach(t *testing.T, s *harness.Stack, trouble func(tick func(int))) {
	t.Helper()
	run := s.Run("long", longJob())
	follower := s.StartStarter("logs", "-f", "long", "-o", "json")
	sandbox := s.AwaitSandbox("long")
	trouble(func(i int) { s.AwaitFile(sandbox, "/home/daytona/tick-"+strconv.Itoa(i)) })

	result := s.Result(run)
	known := time.Now()
	require.Equal(t, spec.StatusCompleted, result.Status, "%+v", result.Error)
	require.True(t, result.Score.Passed, "%+v", result.Job)
	require.Len(t, result.Attempts, 1)
	want := longOutput()
	step := result.Job.Steps[0]
	for name, stream := range map[string]spec.Stream{"stdout": step.Stdout, "stderr": step.Stderr} {
		sum := sha256.Sum256([]byte(want[name]))
		require.Equal(t, hex.EncodeToString(sum[:]), stream.SHA256, name)
		require.Equal(t, int64(len(want[name])), stream.BytesTotal, name)
		require.False(t, stream.Truncated, name)
	}
	late := known.Sub(ended(t, s, result))
	t.Logf("the result came %s after the job's end", late.Round(time.Millisecond))
	require.Less(t, late, 15*time.Second)
	require.Equal(t, 0, follower.Wait())
	require.Equal(t, want, followed(t, follower.Output()), "every byte once, in order")
	require.Empty(t, s.Live())
	requireNoPass(t, s)
}

// ended is when the job ended, by its own word; sandboxes share the host's clock.
func ended(t *testing.T, s *harness.Stack, result spec.EvalResult) time.Time {
	t.Helper()
	require.Len(t, result.Artifacts, 1)
	file, err := s.Store.Resolve(t.Context(), result.Artifacts[0].Ref.URI, "")
	require.NoError(t, err)
	defer file.Close()
	text, err := io.ReadAll(io.LimitReader(file, 100))
	require.NoError(t, err)
	seconds, err := strconv.ParseFloat(strings.TrimSpace(string(text)), 64)
	require.NoError(t, err)
	return time.Unix(0, int64(seconds*1e9))
}

// followed joins what `logs -o json` printed, by stream.
func followed(t *testing.T, output string) map[string]string {
	t.Helper()
	joined := map[string]string{}
	for line := range strings.Lines(output) {
		var piece struct{ Stream, Text string }
		require.NoError(t, json.Unmarshal([]byte(line), &piece), line)
		joined[piece.Stream] += piece.Text
	}
	return joined
}
