package faultproxy_test

import (
	"context"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"pitwall/internal/daytona"
	fp "pitwall/test/faultproxy"
	"pitwall/test/harness"
)

// TestPlatform: real sandboxes behind the proxy, through our own client.
func TestPlatform(t *testing.T) {
	platform := harness.StartPlatform(t)
	proxy, err := fp.New(strings.TrimSuffix(platform.APIURL(), "/api"), fp.Script{Rules: []fp.Rule{
		{Fault: fp.ResetAfter, Call: fp.Create},
		{Fault: fp.BadGatewayAfter, Call: fp.Execute, After: 1},
		{Fault: fp.DeleteConflict},
		{Fault: fp.DeleteStuck, Delay: 100 * time.Millisecond},
	}})
	require.NoError(t, err)
	front := httptest.NewServer(proxy)
	defer front.Close()
	defer proxy.Close()
	client, err := daytona.New(daytona.Config{APIURL: front.URL + "/api", APIKey: key(platform)})
	require.NoError(t, err)
	defer client.CloseIdle()
	defer platform.Daytona.CloseIdle()
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()

	_, err = client.CreateSandbox(ctx, daytona.CreateRequest{Name: "box", Labels: map[string]string{"who": "me"}})
	require.True(t, daytona.Ambiguous(err), "%v", err)
	box, err := client.GetSandbox(ctx, "box")
	require.NoError(t, err)
	require.Equal(t, front.URL+"/toolbox", box.ToolboxProxyURL, "its calls come through the proxy as well")

	toolbox := client.Toolbox(box)
	run, err := toolbox.Execute(ctx, daytona.ExecuteRequest{Command: "echo once >> f; cat f"})
	require.NoError(t, err)
	require.Equal(t, "once\n", run.Output)
	_, err = toolbox.Execute(ctx, daytona.ExecuteRequest{Command: "echo twice >> f"})
	require.ErrorIs(t, err, daytona.ErrSandboxSuspect)
	run, err = toolbox.Execute(ctx, daytona.ExecuteRequest{Command: "cat f"})
	require.NoError(t, err)
	require.Equal(t, "once\ntwice\n", run.Output, "the command was passed on")

	platform.Sandboxd.Kill()
	_, err = client.GetSandbox(ctx, box.ID)
	require.Error(t, err)
	platform.StartSandboxd()

	proof, err := client.RemoveSandbox(ctx, box.ID, nil)
	require.NoError(t, err)
	require.Equal(t, daytona.ConfirmedByAbsence, proof.ConfirmedBy)
	_, err = platform.Daytona.GetSandbox(ctx, box.ID)
	require.ErrorIs(t, err, daytona.ErrNotFound)
	require.Equal(t, map[fp.Fault]int{fp.ResetAfter: 1, fp.BadGatewayAfter: 1, fp.DeleteConflict: 1, fp.DeleteStuck: 1}, proxy.Injected())
}

func key(platform *harness.Stack) string {
	for _, variable := range platform.ClientEnv() {
		if key, found := strings.CutPrefix(variable, "DAYTONA_API_KEY="); found {
			return key
		}
	}
	return ""
}
