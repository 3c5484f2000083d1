package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/worker"
	"go.temporal.io/sdk/workflow"
)

// asServer makes the test binary the program, so that a test can kill it.
const asServer = "TEMPORAL_DEV_TEST_AS_SERVER"

func TestMain(m *testing.M) {
	if os.Getenv(asServer) != "" {
		main()
	}
	os.Exit(m.Run())
}

type process struct {
	cmd    *exec.Cmd
	opts   Options
	stderr *bytes.Buffer
}

// launch starts the program on free ports and does not wait for it.
func launch(t *testing.T, args ...string) *process {
	t.Helper()
	ports, err := freePorts("127.0.0.1", 2)
	require.NoError(t, err)
	args = append([]string{"server", "start-dev", "--port", fmt.Sprint(ports[0]), "--ui-port", fmt.Sprint(ports[1])}, args...)
	opts, err := parse(args, io.Discard)
	require.NoError(t, err)
	p := &process{cmd: exec.Command(os.Args[0], args...), opts: opts, stderr: &bytes.Buffer{}}
	p.cmd.Env = append(os.Environ(), asServer+"=1")
	p.cmd.Stderr = p.stderr
	require.NoError(t, p.cmd.Start())
	t.Cleanup(p.kill)
	return p
}

func (p *process) kill() {
	_ = p.cmd.Process.Kill()
	_ = p.cmd.Wait()
}

// dial waits until the server answers.
func (p *process) dial(t *testing.T) client.Client {
	t.Helper()
	var connected client.Client
	require.Eventually(t, func() bool {
		c, err := client.Dial(client.Options{HostPort: p.opts.frontendAddress()})
		if err != nil {
			return false
		}
		if _, err := c.CheckHealth(context.Background(), &client.CheckHealthRequest{}); err != nil {
			c.Close()
			return false
		}
		connected = c
		return true
	}, time.Minute, 50*time.Millisecond, "the server does not answer")
	t.Cleanup(connected.Close)
	return connected
}

func clusterID(t *testing.T, c client.Client) string {
	t.Helper()
	info, err := c.WorkflowService().GetClusterInfo(context.Background(), &workflowservice.GetClusterInfoRequest{})
	require.NoError(t, err)
	return info.GetClusterId()
}

func idle(ctx workflow.Context, n int) error {
	ctx = workflow.WithActivityOptions(ctx, workflow.ActivityOptions{StartToCloseTimeout: time.Minute})
	for range n {
		if err := workflow.ExecuteActivity(ctx, nothing).Get(ctx, nil); err != nil {
			return err
		}
	}
	return nil
}

func nothing(context.Context) error { return nil }

func TestDatabaseSurvivesKillAndCarriesOn(t *testing.T) {
	ctx := context.Background()
	file := filepath.Join(t.TempDir(), "temporal.db")
	first := launch(t, "--headless", "--db-filename", file)
	c := first.dial(t)
	id := clusterID(t, c)
	run, err := c.ExecuteWorkflow(ctx, client.StartWorkflowOptions{ID: "kept", TaskQueue: "q"}, idle, 5)
	require.NoError(t, err)
	first.kill()

	second := launch(t, "--headless", "--db-filename", file, "--search-attribute", "CampaignId=Keyword")
	c = second.dial(t)
	require.Equal(t, id, clusterID(t, c), "the cluster's ID is the database's")
	w := worker.New(c, "q", worker.Options{})
	w.RegisterWorkflow(idle)
	w.RegisterActivity(nothing)
	require.NoError(t, w.Start())
	t.Cleanup(w.Stop)
	require.NoError(t, c.GetWorkflow(ctx, run.GetID(), run.GetRunID()).Get(ctx, nil))

	key := temporal.NewSearchAttributeKeyKeyword("CampaignId")
	require.Eventually(t, func() bool {
		_, err = c.ExecuteWorkflow(ctx, client.StartWorkflowOptions{
			TaskQueue: "q", TypedSearchAttributes: temporal.NewSearchAttributes(key.ValueSet("c1")),
		}, idle, 0)
		return err == nil
	}, time.Minute, 50*time.Millisecond, "a search attribute can be added to a namespace of an older database")

	third := launch(t, "--headless", "--db-filename", file)
	require.Error(t, third.cmd.Wait())
	require.Contains(t, third.stderr.String(), "another server has it open")

	require.NoError(t, second.cmd.Process.Signal(syscall.SIGTERM))
	require.NoError(t, second.cmd.Wait(), "SIGTERM ends it with exit code 0: %s", second.stderr)
}

func TestKillAtAnyMomentOfTheFirstStart(t *testing.T) {
	file := filepath.Join(t.TempDir(), "temporal.db")
	for _, after := range []time.Duration{0, 100, 150, 200, 250, 300, 400} {
		killed := launch(t, "--headless", "--db-filename", file)
		time.Sleep(after * time.Millisecond) // the fault itself: no condition tells how far the start has come
		killed.kill()
	}
	clusterID(t, launch(t, "--headless", "--db-filename", file).dial(t))
}

func TestUIServesItselfAndAsksNobodyElse(t *testing.T) {
	server := launch(t, "--namespace", "pitwall")
	server.dial(t)
	var page []byte
	require.Eventually(t, func() bool {
		response, err := http.Get("http://" + server.opts.uiAddress() + "/")
		if err != nil {
			return false
		}
		defer response.Body.Close()
		page, err = io.ReadAll(io.LimitReader(response.Body, 1<<20))
		return err == nil && response.StatusCode == http.StatusOK
	}, time.Minute, 50*time.Millisecond, "the UI does not answer")
	require.Empty(t, regexp.MustCompile(`(?:src|href)="(?:https?:)?//[^"]*`).FindAllString(string(page), -1), "references to other hosts")

	response, err := http.Get("http://" + server.opts.uiAddress() + "/api/v1/settings")
	require.NoError(t, err)
	defer response.Body.Close()
	var settings struct {
		DisableNewsFetch, NotifyOnNewVersion bool
		DefaultNamespace                     string
	}
	require.NoError(t, json.NewDecoder(response.Body).Decode(&settings))
	require.True(t, settings.DisableNewsFetch)
	require.False(t, settings.NotifyOnNewVersion)
	require.Equal(t, "pitwall", settings.DefaultNamespace)
}

func TestBusyPortIsNamedByItsFlag(t *testing.T) {
	first := launch(t, "--headless")
	first.dial(t)
	_, err := Start(context.Background(), first.opts)
	require.ErrorContains(t, err, "--port")
	require.ErrorContains(t, err, first.opts.frontendAddress())
	require.False(t, strings.Contains(first.stderr.String(), "panic"))
}
