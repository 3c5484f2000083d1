//go:build linux

package sandboxd

import (
	"bytes"
	"encoding/json"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestCreateGetExecuteDelete(t *testing.T) {
	c := serve(t)
	status, made := c.do("POST", "/api/sandbox", map[string]any{"name": "n1", "env": map[string]string{"A": "b c"}, "labels": map[string]string{"code-toolbox-language": "python"}})
	require.Equal(t, 200, status, made)
	require.Equal(t, "started", made["state"])
	id := made["id"].(string)
	require.Equal(t, c.base+"/toolbox", made["toolboxProxyUrl"])
	require.Equal(t, map[string]any{"code-toolbox-language": "python"}, made["labels"])

	for _, key := range []string{id, "n1"} {
		status, got := c.do("GET", "/api/sandbox/"+key, nil)
		require.Equal(t, 200, status)
		require.Equal(t, id, got["id"])
	}
	code, out := c.exec(id, `echo "$A"; id -un; exit 3`)
	require.Equal(t, 3, code)
	require.Equal(t, "b c\ndaytona\n", out)
	_, out = c.exec(id, "id -u", "X-Pitwall-User", "root")
	require.Equal(t, "0\n", out)

	status, twice := c.do("POST", "/api/sandbox", map[string]any{"name": "n1"})
	require.Equal(t, 409, status)
	require.Equal(t, "Sandbox with name n1 already exists", twice["message"])

	status, gone := c.do("DELETE", "/api/sandbox/n1", nil)
	require.Equal(t, 200, status)
	require.Equal(t, "destroying", gone["state"])
	require.Regexp(t, `^DESTROYED_n1_\d+$`, gone["name"])
	require.Equal(t, "404", c.state("n1"), "the name is free at once")
	again := c.create(map[string]any{"name": "n1"})
	require.NotEqual(t, id, again)
	c.await(id, "404")
	status, answer := c.do("POST", "/toolbox/"+id+"/process/execute", map[string]any{"command": "true"})
	require.Equal(t, 401, status, answer)

	status, sum := c.do("GET", "/api/pitwall/ledger", nil)
	require.Equal(t, 200, status)
	require.EqualValues(t, 2, sum["created"])
	require.EqualValues(t, 1, sum["destroyed"])
	require.EqualValues(t, 1, sum["live"])
	require.GreaterOrEqual(t, sum["maxLive"], 1.0)
}

func TestLedgerEntriesSayWhoseAndWhy(t *testing.T) {
	c := serve(t)
	c.create(map[string]any{"name": "n1", "labels": map[string]string{"managed-by": "pitwall", "other": "x"}})
	c.do("DELETE", "/api/sandbox/n1", nil)
	c.create(map[string]any{"autoDeleteInterval": 0, "name": "n2"})
	c.do("POST", "/api/sandbox/n2/stop", nil)
	var lines []map[string]any
	require.Eventually(t, func() bool {
		status, text := c.raw("GET", "/api/pitwall/ledger/entries?since=2026-01-02T03:04:05Z", nil)
		require.Equal(t, 200, status)
		lines = nil
		for line := range bytes.Lines(text) {
			var entry map[string]any
			require.NoError(t, json.Unmarshal(line, &entry))
			lines = append(lines, entry)
		}
		return len(lines) == 5
	}, time.Minute, 5*time.Millisecond)
	require.Equal(t, map[string]any{"managed-by": "pitwall"}, lines[0]["labels"])
	causes := map[any]any{}
	for _, line := range lines[:4] {
		if line["event"] == "destroyed" {
			causes[line["name"]] = line["cause"]
		}
	}
	require.Equal(t, map[any]any{"n1": "delete", "n2": "stop"}, causes)
	require.Equal(t, map[string]any{"end": true}, lines[4])

	status, answer := c.do("GET", "/api/pitwall/ledger/entries?until=yesterday", nil)
	require.Equal(t, 400, status, answer)
}
