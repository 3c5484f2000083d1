package livecheck_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"pitwall/internal/daytona"
	"pitwall/internal/daytona/daytonatest"
	"pitwall/internal/daytona/livecheck"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// shell runs a check's own command on this host: they are constants of this package, no one else's code.
func shell(execution daytonatest.Execution) (int, string) {
	command := exec.Command("sh")
	command.Dir, command.Stdin = execution.Dir, strings.NewReader(execution.Command)
	command.Env = append(command.Environ(), "HOME="+execution.Dir)
	for name, value := range execution.Env {
		command.Env = append(command.Env, name+"="+value)
	}
	var output bytes.Buffer
	command.Stdout, command.Stderr = &output, &output
	err := command.Run()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		return -1, err.Error()
	}
	return command.ProcessState.ExitCode(), output.String()
}

func check(t *testing.T, server *daytonatest.Server) (livecheck.Report, error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	return livecheck.Run(ctx, server.Client(t), livecheck.Options{
		Out: func(c livecheck.Check) { t.Logf("%-9s %s %s", c.Status, c.Name, c.Detail) },
	})
}

func TestAServiceAsExpectedHasNoDeviations(t *testing.T) {
	t.Parallel()
	server := daytonatest.Start(t, daytonatest.Options{StartPolls: 2, DestroyPolls: 2, Execute: shell})
	report, err := check(t, server)
	require.NoError(t, err)
	require.Empty(t, report.Deviations())
	require.Empty(t, server.Living())
	require.Len(t, report.Removals, 1)
	require.Equal(t, report.SandboxID, report.Removals[0].SandboxID)
	require.Greater(t, len(report.Checks), 20)
}

// Whatever breaks, the sandbox is removed, and the report or the error says what broke.
func TestFaultsAreReportedAndLeaveNothing(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		fault    daytonatest.Fault
		deviates string // in the report
		fails    string // the run's error
		finds    bool   // a sandbox came to be, and was removed
	}{
		"no key route": {
			fault: daytonatest.Fault{Path: "/api-keys/current", Do: daytonatest.Answer(404, "Cannot GET /api/api-keys/current")},
			finds: true,
		},
		"a gateway's 404": {
			fault:    daytonatest.Fault{Method: "GET", Path: "/api/sandbox/", Do: daytonatest.Raw(404, "text/html", "<html>")},
			deviates: "unknown sandbox is a 404 of Daytona's own: no removal could be proven here", finds: true,
		},
		"create refused": {
			fault:    daytonatest.Fault{Method: "POST", Path: "/api/sandbox", Do: daytonatest.Answer(400, "Total CPU limit exceeded")},
			deviates: "create: ", fails: "Total CPU limit exceeded",
		},
		"create's answer lost": {
			fault: daytonatest.Fault{Method: "POST", Path: "/api/sandbox", Do: daytonatest.ResetAfter}, finds: true,
		},
		"every command fails": {
			fault:    daytonatest.Fault{Path: "/process/execute", Times: 99, Do: daytonatest.Raw(502, "", "")},
			deviates: "command: exit code and merged output: execute command: POST /process/execute: 502", finds: true,
		},
		"output is lossy": {
			fault:    daytonatest.Fault{Path: "/files/download", Do: daytonatest.Raw(200, "", "\uFFFDo")},
			deviates: "streams: split, and binary: ", finds: true,
		},
		"uploads are lost": {
			fault:    daytonatest.Fault{Path: "/files/bulk-upload", Do: daytonatest.Raw(200, "application/json", "{}")},
			deviates: "download: digest: ", finds: true,
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server := daytonatest.Start(t, daytonatest.Options{Execute: shell})
			server.Fail(test.fault)
			report, err := check(t, server)
			if test.fails == "" {
				require.NoError(t, err)
			} else {
				require.ErrorContains(t, err, test.fails)
			}
			if test.deviates == "" {
				require.Empty(t, report.Deviations())
			} else {
				require.Contains(t, strings.Join(report.Deviations(), "\n"), test.deviates)
			}
			require.Equal(t, test.finds, len(report.Removals) == 1)
			require.Empty(t, server.Living())
		})
	}
}

func TestASecondSandboxOfTheNameIsRemovedToo(t *testing.T) {
	t.Parallel()
	server := daytonatest.Start(t, daytonatest.Options{Execute: shell, Around: renaming})
	report, err := check(t, server)
	require.NoError(t, err)
	require.Contains(t, strings.Join(report.Deviations(), "\n"), "names do not fence a second create")
	require.Len(t, report.Removals, 2)
	require.Empty(t, server.Living())
}

// renaming is a service that does not keep names unique.
func renaming(next http.Handler) http.Handler {
	posts := 0
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodPost && r.URL.Path == "/api/sandbox" {
			if posts++; posts == 2 {
				r.Body = io.NopCloser(strings.NewReader(`{"name":"second"}`))
			}
		}
		next.ServeHTTP(w, r)
	})
}

func TestAnInterruptedRunRemovesItsSandbox(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	server := daytonatest.Start(t, daytonatest.Options{Execute: shell})
	report, err := livecheck.Run(ctx, server.Client(t), livecheck.Options{Out: func(c livecheck.Check) {
		if c.Name == "toolbox answers" {
			cancel()
		}
	}})
	require.ErrorIs(t, err, context.Canceled)
	require.Len(t, report.Removals, 1)
	require.Empty(t, server.Living())
}

func TestALeftSandboxIsNamed(t *testing.T) {
	t.Parallel()
	server := daytonatest.Start(t, daytonatest.Options{Execute: shell})
	server.Fail(daytonatest.Fault{Method: "DELETE", Path: "/api/sandbox/", Times: 9, Do: daytonatest.Answer(403, "no delete:sandboxes")})
	report, err := check(t, server)
	require.ErrorIs(t, err, daytona.ErrDeleteDenied)
	require.ErrorContains(t, err, "sandbox "+report.SandboxID+" may be left behind, its TTL is 10 minutes")
	require.Empty(t, report.Removals)
}
