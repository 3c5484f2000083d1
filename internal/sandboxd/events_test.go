//go:build linux

package sandboxd

import (
	"context"
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/coder/websocket"
	"github.com/stretchr/testify/require"
)

// listen opens an event stream as the SDKs do and returns a function that reads the next packet.
func (c *client) listen(key string) (next func() string, end func()) {
	c.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	conn, _, err := websocket.Dial(ctx, "ws"+strings.TrimPrefix(c.base, "http")+"/api/socket.io/?EIO=4&transport=websocket&source=sdk-typescript", nil)
	require.NoError(c.t, err)
	next = func() string {
		_, text, err := conn.Read(ctx)
		if err != nil {
			return "closed"
		}
		return string(text)
	}
	open := next()
	require.True(c.t, strings.HasPrefix(open, "0{"), open)
	require.NoError(c.t, conn.Write(ctx, websocket.MessageText, []byte(`40{"token":"`+key+`"}`)))
	return next, func() { _ = conn.CloseNow(); cancel() }
}

func TestEventsFollowASandboxesLife(t *testing.T) {
	c := serve(t)
	next, end := c.listen(c.key)
	defer end()
	require.Regexp(t, `^40\{"sid":`, next())
	id := c.create(map[string]any{"name": "e"})
	status, _ := c.do("DELETE", "/api/sandbox/e", nil)
	require.Equal(t, 200, status)
	var states []string
	for len(states) == 0 || states[len(states)-1] != "destroyed" {
		packet := next()
		require.True(t, strings.HasPrefix(packet, "42["), packet)
		var event []json.RawMessage
		require.NoError(t, json.Unmarshal([]byte(packet[2:]), &event))
		var body struct {
			ID                        string
			Sandbox                   struct{ ID, State, ToolboxProxyURL string }
			OldState, NewState, State string
		}
		require.NoError(t, json.Unmarshal(event[1], &body))
		if string(event[0]) == `"sandbox.created"` {
			require.Equal(t, id, body.ID)
			states = append(states, body.State)
			continue
		}
		require.Equal(t, `"sandbox.state.updated"`, string(event[0]))
		require.Equal(t, id, body.Sandbox.ID)
		require.Equal(t, body.NewState, body.Sandbox.State)
		require.Equal(t, c.base+"/toolbox", body.Sandbox.ToolboxProxyURL)
		states = append(states, body.NewState)
	}
	require.Equal(t, []string{"creating", "started", "destroying", "destroyed"}, states)
}

func TestEventsNeedTheKey(t *testing.T) {
	c := serve(t)
	next, end := c.listen("wrong")
	defer end()
	require.Contains(t, next(), "44")
	require.Equal(t, "closed", next())
}

// TestToolboxWebSocket follows a session's log through the proxy.
func TestToolboxWebSocket(t *testing.T) {
	c := serve(t)
	id := c.create(map[string]any{})
	version := []string{"X-Daytona-SDK-Version", "0.205.1"}
	status, body := c.raw("POST", "/toolbox/"+id+"/process/session", map[string]any{"sessionId": "s"}, version...)
	if status == http.StatusNotImplemented {
		t.Skip("not run: sessions through the proxy, because this toolbox has none yet")
	}
	require.Equal(t, 201, status, string(body))
	status, command := c.do("POST", "/toolbox/"+id+"/process/session/s/exec", map[string]any{"command": "echo one; sleep 0.2; echo two >&2", "runAsync": true}, version...)
	require.Equal(t, 202, status, command)
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	conn, response, err := websocket.Dial(ctx, "ws"+strings.TrimPrefix(c.base, "http")+"/toolbox/"+id+"/process/session/s/command/"+command["cmdId"].(string)+"/logs?follow=true",
		&websocket.DialOptions{HTTPHeader: http.Header{"Authorization": {"Bearer " + c.key}, "X-Daytona-SDK-Version": {"0.205.1"}}})
	require.NoError(t, err)
	require.Equal(t, http.StatusSwitchingProtocols, response.StatusCode)
	var log strings.Builder
	for {
		_, frame, err := conn.Read(ctx)
		if err != nil {
			require.Equal(t, websocket.StatusNormalClosure, websocket.CloseStatus(err), "%v", err)
			break
		}
		log.Write(frame)
	}
	require.Contains(t, log.String(), "\x01\x01\x01one\n")
	require.Contains(t, log.String(), "\x02\x02\x02two\n")
}
