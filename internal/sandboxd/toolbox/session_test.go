//go:build linux

package toolbox

import (
	"context"
	"net/http"
	"os"
	"strconv"
	"strings"
	"testing"

	"github.com/coder/websocket"
	"github.com/stretchr/testify/require"
)

// Versions of client libraries that expect the three output modes.
const (
	splitVersion  = "0.205.1"
	markedVersion = "0.100.0"
)

type sessionAnswer struct {
	CmdID    string  `json:"cmdId"`
	Output   string  `json:"output"`
	Stdout   *string `json:"stdout"`
	Stderr   *string `json:"stderr"`
	ExitCode *int    `json:"exitCode"`
}

type sessionClient struct {
	*agent
	path string
}

func (a *agent) session(id string) sessionClient {
	a.json("POST", "/process/session", map[string]string{"sessionId": id}, 201, nil)
	return sessionClient{a, "/process/session/" + id}
}

func (s sessionClient) exec(command string) (got sessionAnswer) {
	s.t.Helper()
	s.json("POST", s.path+"/exec", sessionExecRequest{Command: command}, 200, &got, versionHeader, splitVersion)
	require.NotNil(s.t, got.ExitCode)
	return got
}

func (s sessionClient) start(req sessionExecRequest) string {
	s.t.Helper()
	req.RunAsync = true
	var got sessionAnswer
	s.json("POST", s.path+"/exec", req, 202, &got)
	return s.path + "/command/" + got.CmdID
}

func (s sessionClient) wait(command string) int {
	s.t.Helper()
	var body commandBody
	eventually(s.t, func() bool {
		s.json("GET", command, nil, 200, &body)
		return body.ExitCode != nil
	}, "the command does not end")
	return *body.ExitCode
}

func TestSessionKeepsItsState(t *testing.T) {
	s := startAgent(t).session("s")
	got := s.exec("cd /usr; export A=kept; f() { echo f $1; }; echo out; echo err >&2")
	require.Equal(t, "out\n", *got.Stdout)
	require.Equal(t, "err\n", *got.Stderr)
	require.Contains(t, got.Output, "\x01\x01\x01out\n")
	require.Contains(t, got.Output, "\x02\x02\x02err\n")
	got = s.exec("pwd; echo $A; f 'it''s'; (exit 7)")
	require.Equal(t, "/usr\nkept\nf its\n", *got.Stdout)
	require.Equal(t, 7, *got.ExitCode)
	require.Equal(t, "quoted 'text'\n", *s.exec("cat <<'EOF'\nquoted 'text'\nEOF").Stdout)
	require.Empty(t, *s.exec("cat").Stdout, "the input of a command that is waited for is empty")
	require.NotZero(t, *s.exec("if then").ExitCode)
}

func TestSessionThatExits(t *testing.T) {
	for name, test := range map[string]struct {
		command string
		code    int
	}{
		"exit":   {"echo bye; exit 9", 9},
		"set -e": {"echo bye; set -e; false", 1},
		"kill":   {"echo bye; kill -9 $$", -1},
	} {
		t.Run(name, func(t *testing.T) {
			s := startAgent(t).session("s")
			got := s.exec(test.command)
			require.Equal(t, test.code, *got.ExitCode)
			require.Equal(t, "bye\n", *got.Stdout)
			s.refuse("POST", s.path+"/exec", sessionExecRequest{Command: "true"}, 409, "SESSION_ENDED")
		})
	}
}

func TestSessionEndsQueuedCommandsWithItsShell(t *testing.T) {
	s := startAgent(t).session("s")
	running := s.start(sessionExecRequest{Command: "read x; exit 4"})
	queued := s.start(sessionExecRequest{Command: "echo never"})
	s.sendLine(running, "go")
	require.Equal(t, 4, s.wait(running))
	require.Equal(t, -1, s.wait(queued))
}

// sendLine sends input as soon as the command takes it.
func (s sessionClient) sendLine(command, data string) {
	s.t.Helper()
	eventually(s.t, func() bool {
		return s.do("POST", command+"/input", strings.NewReader(`{"data":"`+data+`"}`)).status == 204
	}, "the command takes no input")
}

func TestSessionInput(t *testing.T) {
	s := startAgent(t).session("s")
	command := s.start(sessionExecRequest{Command: "read x; echo got $x"})
	var running commandBody
	s.json("GET", command, nil, 200, &running)
	require.Nil(t, running.ExitCode)
	require.NotContains(t, string(s.do("GET", command, nil).body), "exitCode")
	s.sendLine(command, "hello")
	require.Zero(t, s.wait(command))
	require.Equal(t, "hello\ngot hello\n", string(s.do("GET", command+"/logs", nil).body), "input is echoed")
	s.refuse("POST", command+"/input", map[string]string{"data": "x"}, 410, "COMMAND_ALREADY_COMPLETED")
	quiet := s.start(sessionExecRequest{Command: "read x; echo got $x", SuppressInputEcho: true})
	s.sendLine(quiet, "hush")
	s.wait(quiet)
	require.Equal(t, "got hush\n", string(s.do("GET", quiet+"/logs", nil).body))
}

func TestSessionLogsByVersion(t *testing.T) {
	s := startAgent(t).session("s")
	command := s.start(sessionExecRequest{Command: "echo out; echo err >&2"})
	s.wait(command)
	require.ElementsMatch(t, []string{"out", "err"}, strings.Fields(string(s.do("GET", command+"/logs", nil).body)))
	require.Contains(t, string(s.do("GET", command+"/logs", nil, versionHeader, markedVersion).body), "\x01\x01\x01out\n")
	var got sessionAnswer
	s.json("GET", command+"/logs", nil, 200, &got, versionHeader, splitVersion)
	require.Equal(t, "out\n", *got.Stdout)
	require.Equal(t, "err\n", *got.Stderr)
	require.NotContains(t, string(s.do("GET", command+"/logs?follow=true", nil).body), "\x01")
}

func TestOutputModeOfVersion(t *testing.T) {
	for version, mode := range map[string]outputMode{
		"": combined, "0.26.9": combined, "0.27.0": marked, "0.166.3": marked, "0.167.0": split, "0.216.0": split, "1.0.0": split,
		"0.0.0-dev": split, "v0.170.1": split, "nonsense": combined, "x.y": combined,
	} {
		require.Equal(t, mode, outputModeOfVersion(version), version)
	}
}

// stream reads a WebSocket to its end.
func (s sessionClient) stream(target string, options *websocket.DialOptions) (string, websocket.StatusCode, string) {
	s.t.Helper()
	ctx, cancel := context.WithTimeout(s.t.Context(), patience)
	defer cancel()
	options.HTTPClient = s.client
	conn, resp, err := websocket.Dial(ctx, "ws://sandbox"+target, options)
	require.NoError(s.t, err)
	require.Equal(s.t, http.StatusSwitchingProtocols, resp.StatusCode)
	defer conn.CloseNow()
	var all strings.Builder
	for {
		kind, data, err := conn.Read(ctx)
		if err != nil {
			return all.String(), websocket.CloseStatus(err), conn.Subprotocol()
		}
		require.Equal(s.t, websocket.MessageBinary, kind)
		all.Write(data)
	}
}

func TestStreamHasTheWholeTail(t *testing.T) {
	s := startAgent(t).session("s")
	header := http.Header{versionHeader: {splitVersion}}
	command := s.start(sessionExecRequest{Command: "seq 5000; read x; seq 5001 10000; printf 'no newline' >&2"})
	var want strings.Builder
	for i := range 10000 {
		want.WriteString(strconv.Itoa(i+1) + "\n")
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		s.sendLine(command, "go")
	}()
	for range 3 { // while it runs, and again from the beginning
		got, status, _ := s.stream(command+"/logs?follow=true", &websocket.DialOptions{HTTPHeader: header})
		require.Equal(t, websocket.StatusNormalClosure, status)
		out, errOut := demux([]byte(got))
		require.Equal(t, want.String(), strings.Replace(string(out), "go\n", "", 1))
		require.Equal(t, "no newline", string(errOut))
	}
	<-done
	got, status, protocol := s.stream(command+"/logs", &websocket.DialOptions{Subprotocols: []string{"other", versionProtocol + splitVersion}})
	require.Equal(t, websocket.StatusNormalClosure, status)
	require.Contains(t, got, "\x01\x01\x01")
	require.NotEmpty(t, protocol, "one of those that were offered must be chosen")
	got, _, _ = s.stream(command+"/logs?follow=true", &websocket.DialOptions{})
	require.NotContains(t, got, "\x01", "without a version there are no markers")
}

func TestSessionTable(t *testing.T) {
	a := startAgent(t)
	s := a.session("a b")
	a.refuse("POST", "/process/session", map[string]string{"sessionId": "a b"}, 409, "CONFLICT")
	a.refuse("POST", "/process/session", map[string]string{"sessionId": ""}, 400, "BAD_REQUEST")
	a.refuse("GET", "/process/session/entrypoint", nil, 404, "NOT_FOUND")
	a.refuse("GET", "/process/session/nope/command/x", nil, 404, "NOT_FOUND")
	s.path = "/process/session/a%20b"
	s.exec("true")
	var list []sessionBody
	a.json("GET", "/process/session", nil, 200, &list)
	require.Len(t, list, 1)
	require.Equal(t, "a b", list[0].SessionID)
	require.Equal(t, "true", list[0].Commands[0].Command)
	running := s.start(sessionExecRequest{Command: "sleep 600"})
	require.Equal(t, 204, a.do("DELETE", s.path, nil).status)
	a.refuse("GET", running, nil, 404, "NOT_FOUND")
	a.refuse("DELETE", s.path, nil, 404, "NOT_FOUND")
}

func TestSessionLogIsBounded(t *testing.T) {
	a := startAgent(t)
	s := a.session("s")
	got := s.exec("head -c 20000000 /dev/zero | tr '\\0' x")
	require.Zero(t, *got.ExitCode)
	require.Less(t, len(*got.Stdout), maxJournalBytes)
	require.Contains(t, *got.Stderr, "log truncated")
	require.Equal(t, 204, a.do("DELETE", s.path, nil).status)
	require.EqualValues(t, maxJournalsBytes, a.server.sessions.space.Load(), "what a deleted session took is given back")
	left, err := os.ReadDir(a.server.sessions.dir)
	require.NoError(t, err)
	require.Empty(t, left)
}

func TestBackgroundOutputGoesToItsCommand(t *testing.T) {
	s := startAgent(t).session("s")
	got := s.exec("(sleep 0.2; echo late) & echo early")
	require.Equal(t, "early\n", *got.Stdout)
	command := s.path + "/command/" + got.CmdID
	eventually(t, func() bool {
		return string(s.do("GET", command+"/logs", nil).body) == "early\nlate\n"
	}, "late output is lost")
}
