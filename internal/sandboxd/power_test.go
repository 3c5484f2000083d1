//go:build linux

package sandboxd

import (
	"fmt"
	"net/url"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestStopAndStartKeepFiles(t *testing.T) {
	c := serve(t)
	id := c.create(map[string]any{})
	c.exec(id, "echo kept > f")
	status, stopped := c.do("POST", "/api/sandbox/"+id+"/stop?force=false", nil)
	require.Equal(t, 200, status, stopped)
	require.Equal(t, "stopped", stopped["state"])

	status, answer := c.do("POST", "/toolbox/"+id+"/process/execute", map[string]any{"command": "true"})
	require.Equal(t, 400, status)
	require.Contains(t, answer["message"], "Is the Sandbox started?")
	status, answer = c.do("POST", "/api/sandbox/"+id+"/stop", nil)
	require.Equal(t, 400, status)
	require.Contains(t, answer["message"], "not in a stoppable state")

	for range 2 { // the second is no change
		status, started := c.do("POST", "/api/sandbox/"+id+"/start", nil)
		require.Equal(t, 200, status, started)
		require.Equal(t, "started", started["state"])
	}
	_, out := c.exec(id, "cat f")
	require.Equal(t, "kept\n", out)
}

func TestStopDestroysAnEphemeralSandbox(t *testing.T) {
	c := serve(t)
	id := c.create(map[string]any{"autoDeleteInterval": 0})
	status, _ := c.do("POST", "/api/sandbox/"+id+"/stop", nil)
	require.Equal(t, 200, status)
	c.await(id, "404")
}

func TestClocks(t *testing.T) {
	c := serve(t, func(cfg *Config) { cfg.Minute = 300 * time.Millisecond })
	ttl := c.create(map[string]any{"ttlMinutes": 1, "autoStopInterval": 0})
	idle := c.create(map[string]any{"autoStopInterval": 1})
	stopped := c.create(map[string]any{"autoStopInterval": 1, "autoDeleteInterval": 1})
	c.await(ttl, "404")
	c.await(idle, "stopped")
	c.await(stopped, "404")
}

// TestActivityKeepsASandboxStarted is generous with time, as the machine may be loaded: six seconds without activity stop it.
func TestActivityKeepsASandboxStarted(t *testing.T) {
	c := serve(t, func(cfg *Config) { cfg.Minute = 300 * time.Millisecond })
	id := c.create(map[string]any{"autoStopInterval": 20})
	skip := []string{"X-Daytona-Skip-Last-Activity-Update", "true"}
	for begin := time.Now(); time.Since(begin) < 7*time.Second; {
		status, _ := c.raw("POST", "/api/sandbox/"+id+"/last-activity", nil)
		require.Equal(t, 201, status)
		c.exec(id, "sleep 0.1", skip...)
	}
	require.Equal(t, "started", c.state(id))
	c.await(id, "stopped")
}

func TestSettings(t *testing.T) {
	c := serve(t)
	id := c.create(map[string]any{"name": "s"})
	form := []string{"Content-Type", "application/x-www-form-urlencoded"}
	for path, field := range map[string]string{"autostop/7": "autoStopInterval", "autodelete/7": "autoDeleteInterval", "autoarchive/7": "autoArchiveInterval"} {
		status, got := c.do("POST", "/api/sandbox/s/"+path, nil, form...)
		require.Equal(t, 200, status)
		require.EqualValues(t, 7, got[field])
	}
	status, got := c.do("POST", "/api/sandbox/s/ttl/60", nil, form...)
	require.Equal(t, 200, status)
	require.NotEmpty(t, got["autoDestroyAt"])
	for _, bad := range []string{"autostop/-1", "autostop/x", "autodelete/-2", "ttl/99999999999"} {
		status, _ := c.do("POST", "/api/sandbox/s/"+bad, nil)
		require.Equal(t, 400, status, bad)
	}
	status, got = c.do("PUT", "/api/sandbox/"+id+"/labels", map[string]any{"labels": map[string]string{"x": "y"}})
	require.Equal(t, 200, status)
	require.Equal(t, map[string]any{"labels": map[string]any{"x": "y"}}, got)
	status, got = c.do("GET", "/api/sandbox/s/toolbox-proxy-url", nil)
	require.Equal(t, 200, status)
	require.Equal(t, c.base+"/toolbox", got["url"])
}

func TestListPages(t *testing.T) {
	c := serve(t)
	want := map[string]bool{}
	for i := range 5 {
		id := c.create(map[string]any{"name": fmt.Sprint("p", i), "labels": map[string]string{"odd": fmt.Sprint(i % 2), "all": "1"}})
		want[id] = true
	}
	list := func(query string) (ids []string, cursor any) {
		status, page := c.do("GET", "/api/sandbox?"+query, nil)
		require.Equal(t, 200, status, page)
		for _, item := range page["items"].([]any) {
			require.NotContains(t, item, "env")
			ids = append(ids, item.(map[string]any)["id"].(string))
		}
		return ids, page["nextCursor"]
	}
	for _, order := range []string{"", "&order=asc", "&sort=name", "&sort=cpu&order=asc"} {
		seen := map[string]bool{}
		cursor, pages := any(""), 0
		for ; cursor != nil; pages++ {
			var ids []string
			ids, cursor = list("limit=2&cursor=" + url.QueryEscape(cursor.(string)) + order)
			for _, id := range ids {
				require.False(t, seen[id])
				seen[id] = true
			}
		}
		require.Equal(t, want, seen, order)
		require.Equal(t, 3, pages)
	}
	ids, _ := list("labels=" + url.QueryEscape(`{"odd":"1","all":"1"}`))
	require.Len(t, ids, 2)
	ids, _ = list("states=stopped&states=error")
	require.Empty(t, ids)
	ids, _ = list("states=started&states=stopped&name=P3&unknown=x")
	require.Len(t, ids, 1)
	for _, bad := range []string{"limit=0", "limit=201", "cursor=%21", "labels=x", "sort=x"} {
		status, answer := c.do("GET", "/api/sandbox?"+bad, nil)
		require.Equal(t, 400, status, bad)
		require.NotEmpty(t, answer["message"])
	}
}

func TestRefusals(t *testing.T) {
	c := serve(t, func(cfg *Config) { cfg.MaxSandboxes = 1 })
	for text, body := range map[string]map[string]any{
		"Snapshot nope not found":                    {"snapshot": "nope"},
		"Cannot specify Sandbox resources":           {"snapshot": "default", "cpu": 1},
		"builds no images":                           {"buildInfo": map[string]any{"dockerfileContent": "FROM x"}},
		"cpu must be between":                        {"cpu": 1000},
		"memory must be between":                     {"memory": 100000},
		"disk must be between":                       {"disk": -1},
		"user must be daytona":                       {"user": "root"},
		"name must be":                               {"name": "<b>"},
		"env names must match":                       {"env": map[string]string{"a b": "c"}},
		"is not of the public Internet":              {"networkAllowList": "10.0.0.0/8"},
		"ttlMinutes must be":                         {"ttlMinutes": -1},
		"Request body is not what was expected":      {"env": 5},
		"no GPUs, the local sandbox server has no v": {"gpu": 1, "volumes": []any{map[string]any{}}},
	} {
		status, answer := c.do("POST", "/api/sandbox", body)
		require.Equal(t, 400, status, text)
		require.Contains(t, answer["message"], text)
		require.EqualValues(t, 400, answer["statusCode"])
	}
	c.create(map[string]any{})
	status, answer := c.do("POST", "/api/sandbox", map[string]any{})
	require.Equal(t, 400, status)
	require.Contains(t, answer["message"], "limit exceeded")
	status, answer = c.do("POST", "/api/sandbox/x/archive", nil)
	require.Equal(t, 501, status)
	require.Contains(t, answer["message"], "not a part of the local sandbox server")
	status, _ = c.do("GET", "/api/sandbox/paginated", nil)
	require.Equal(t, 501, status)
	status, _ = c.do("GET", "/api/sandbox/none", nil)
	require.Equal(t, 404, status)
	c.key = "wrong"
	status, answer = c.do("GET", "/api/sandbox", nil)
	require.Equal(t, 401, status)
	require.NotEmpty(t, answer["message"])
	status, _ = c.do("GET", "/toolbox/x/version", nil)
	require.Equal(t, 401, status)
}
