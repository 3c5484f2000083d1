//go:build linux

package gvisor

import (
	"os"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestStartRunsCommandsAsTheUserAndDeleteLeavesNothing(t *testing.T) {
	r := newRuntime(t)
	m := startMachine(t, r, Spec{ID: "one", Env: map[string]string{"GREETING": "hello"}})
	code, out := run(t, m.Socket, "", `echo $GREETING; id -un; pwd; touch f && stat -c %U f; touch /tmp/x && ls /tmp`)
	require.Zero(t, code, out)
	require.Equal(t, "hello\ndaytona\n/home/daytona\ndaytona\nx\n", out)
	t.Logf("timing %+v, total %v", m.Timing, m.Timing.Total())

	require.NoError(t, r.Delete(t.Context(), "one"))
	require.NoDirExists(t, r.machineDir("one"))
	require.Empty(t, r.ours())
	require.NoError(t, r.Delete(t.Context(), "one"), "a second time")
	select {
	case e := <-r.Exits():
		t.Fatalf("a deleted machine is not an exit: %v", e)
	default:
	}
}

func TestStopKeepsFiles(t *testing.T) {
	r := newRuntime(t)
	m := startMachine(t, r, Spec{ID: "keep"})
	_, out := run(t, m.Socket, "", `echo survive > f; ln -s f l; mkdir -p d/e; head -c 3000000 /dev/urandom > big; sha256sum big; (sleep 600 &) >/dev/null 2>&1`)
	for range 2 {
		require.NoError(t, r.Stop(t.Context(), "keep"))
		require.Empty(t, r.ours())
		m = startMachine(t, r, Spec{ID: "keep"})
		code, again := run(t, m.Socket, "", `cat l; stat -c %U f; test -d d/e && sha256sum big`)
		require.Zero(t, code, again)
		require.Equal(t, "survive\ndaytona\n"+out, again)
	}
}

func TestUnknownSnapshotIsRefused(t *testing.T) {
	r := newRuntime(t)
	_, err := r.Start(t.Context(), Spec{ID: "x", Snapshot: "nope"})
	require.ErrorIs(t, err, ErrUnknownSnapshot)
	require.NoDirExists(t, r.machineDir("x"))
}

func TestHostileIDIsRefused(t *testing.T) {
	r := newRuntime(t)
	for _, id := range []string{"", "..", "a/b", "../../etc", "-rf", "A", "a b", string(make([]byte, 40))} {
		_, err := r.Start(t.Context(), Spec{ID: id})
		require.Error(t, err, id)
		require.Error(t, r.Delete(t.Context(), id), id)
	}
}

func TestFailedStartLeavesNothing(t *testing.T) {
	r := newRuntime(t)
	// An agent that ends at once: the template's is replaced.
	require.NoError(t, os.WriteFile(r.templates[DefaultSnapshot].dir+"/.pitwall/toolbox", []byte("#!/bin/sh\necho broken agent >&2; exit 3\n"), 0o755))
	r.cfg.StartTimeout = 3e9
	_, err := r.Start(t.Context(), Spec{ID: "bad"})
	require.ErrorContains(t, err, "broken agent")
	require.NoDirExists(t, r.machineDir("bad"))
	require.Empty(t, r.ours())
}
