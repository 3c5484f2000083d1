//go:build linux

package harness

import (
	"context"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/client"

	"pitwall/internal/sandboxd"
	"pitwall/internal/telemetry"
	"pitwall/workflows"
)

// PauseReaper lets the reaper's schedule start no more passes, until RunReaperEvery.
func (s *Stack) PauseReaper() {
	s.t.Helper()
	require.NoError(s.t, s.reaperSchedule().Pause(s.t.Context(), client.SchedulePauseOptions{Note: "test"}))
}

// RunReaperEvery lets the reaper's own schedule run at this interval.
func (s *Stack) RunReaperEvery(interval time.Duration) {
	s.t.Helper()
	err := s.reaperSchedule().Update(s.t.Context(), client.ScheduleUpdateOptions{DoUpdate: func(in client.ScheduleUpdateInput) (*client.ScheduleUpdate, error) {
		schedule := in.Description.Schedule
		schedule.Spec = &client.ScheduleSpec{Intervals: []client.ScheduleIntervalSpec{{Every: interval}}}
		schedule.State.Paused = false
		return &client.ScheduleUpdate{Schedule: &schedule}, nil
	}})
	require.NoError(s.t, err)
}

func (s *Stack) reaperSchedule() client.ScheduleHandle {
	return s.Temporal.ScheduleClient().GetHandle(s.t.Context(), workflows.ReaperScheduleID)
}

// StartBeside starts a second Pitwall, with a Temporal server and a store of its own, on the sandbox server of this one.
func (s *Stack) StartBeside() *Stack {
	s.t.Helper()
	dir, err := os.MkdirTemp("", "pw")
	require.NoError(s.t, err)
	s.t.Cleanup(func() {
		if s.t.Failed() {
			(&Stack{t: s.t, dir: dir}).dumpLogs()
		}
		require.NoError(s.t, os.RemoveAll(dir))
	})
	require.NoError(s.t, os.Symlink(filepath.Join(s.dir, "sd"), filepath.Join(dir, "sd"))) // the API key
	beside := &Stack{
		t: s.t, opt: s.opt, bin: s.bin, dir: dir, temporalPort: freePort(s.t), sandboxdPort: s.sandboxdPort,
		Sandboxd: s.Sandboxd, Daytona: s.Daytona, toldAPI: s.toldAPI,
	}
	beside.StartTemporal()
	beside.connect()
	beside.toldTemporal = beside.temporalAddress()
	for range max(0, s.opt.Workers) {
		beside.StartWorker()
	}
	return beside
}

// QuickenSandboxd puts a sandbox server in the place of this one, before it has made anything, whose minutes of autoStop,
// autoDelete and ttl are shorter. It runs in the test's process; Sandboxd no longer names a process.
func (s *Stack) QuickenSandboxd(minute time.Duration) {
	s.t.Helper()
	require.Zero(s.t, s.Ledger().Created)
	s.Sandboxd.Stop()
	s.Sandboxd = nil
	file, err := os.OpenFile(s.log("sandboxd"), os.O_APPEND|os.O_WRONLY, 0o600)
	require.NoError(s.t, err)
	log, err := telemetry.NewLogger(file, telemetry.FormatConsole, "info")
	require.NoError(s.t, err)
	ctx, stop := context.WithCancel(context.Background())
	server, err := sandboxd.New(ctx, sandboxd.Config{
		StateDir: filepath.Join(s.dir, "sd"), RunscPath: filepath.Join(s.bin, "runsc"), ToolboxPath: filepath.Join(s.bin, "toolbox"),
		Minute: minute, Logger: log,
	})
	require.NoError(s.t, err)
	listener, err := net.Listen("tcp", "127.0.0.1:"+strconv.Itoa(s.sandboxdPort))
	require.NoError(s.t, err)
	served := make(chan error, 1)
	go func() { served <- server.Serve(ctx, listener) }()
	s.t.Cleanup(func() {
		stop()
		require.NoError(s.t, <-served)
		_ = file.Close()
	})
}
