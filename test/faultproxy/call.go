package faultproxy

import (
	"encoding/json"
	"net/http"
	"slices"
	"strings"
)

// Call is a kind of request.
type Call string

// The calls. Execute is also a code-run and a session's exec; Files is what else there is under files; Stream is a
// WebSocket, or a log that is followed; Other is all the rest.
const (
	Create   Call = "create"
	Get      Call = "get"
	List     Call = "list"
	Delete   Call = "delete"
	Start    Call = "start"
	Stop     Call = "stop"
	Execute  Call = "execute"
	Upload   Call = "upload"
	Download Call = "download"
	Files    Call = "files"
	Stream   Call = "stream"
	Other    Call = "other"
)

// Groups of calls, for the table of faults.
func controlCalls() []Call { return []Call{Create, Get, List, Delete, Start, Stop} }
func toolboxCalls() []Call { return []Call{Execute, Upload, Download, Files, Stream} }
func allCalls() []Call     { return append(append(controlCalls(), toolboxCalls()...), Other) }

// inToolbox says whether a call goes into a sandbox.
func (c Call) inToolbox() bool { return slices.Contains(toolboxCalls(), c) }

// Side is a side of the server.
type Side int

// Before: the server has not seen the request. After: it has answered, and the client has not heard of it.
const (
	Before Side = iota
	After
)

// Request is what a matcher sees.
type Request struct {
	Call   Call
	Method string
	// Path is escaped, such as /api/sandbox/{id} or /toolbox/{id}/process/execute; Query is raw.
	Path, Query string
	// Body is the first MiB of the body of a create or an execute.
	Body []byte
	// SandboxID and Name are given as far as they are known: a create has its ID only after the server has answered.
	SandboxID, Name string
	// Labels are the sandbox's, nil when it was neither made nor shown through this proxy; of a list those that it asks for.
	Labels map[string]string
	// Own says that no client sent this: it is a delete that a fault wants.
	Own bool
}

// classify reads what method and path say: the call, and the id or name of a sandbox.
func classify(r *http.Request) (call Call, sandbox string) {
	path := r.URL.EscapedPath()
	if rest, found := strings.CutPrefix(path, "/toolbox/"); found {
		sandbox, rest, _ = strings.Cut(rest, "/")
		return toolboxCall(r, rest), sandbox
	}
	if r.Header.Get("Upgrade") != "" {
		return Stream, ""
	}
	rest, found := strings.CutPrefix(path, "/api/sandbox")
	switch {
	case found && rest == "" && r.Method == http.MethodPost:
		return Create, ""
	case found && rest == "" && r.Method == http.MethodGet:
		return List, ""
	case !found || !strings.HasPrefix(rest, "/"):
		return Other, ""
	}
	sandbox, action, _ := strings.Cut(r.URL.Path[len("/api/sandbox/"):], "/")
	switch r.Method + " " + action {
	case "GET ":
		return Get, sandbox
	case "DELETE ":
		return Delete, sandbox
	case "POST start":
		return Start, sandbox
	case "POST stop":
		return Stop, sandbox
	}
	return Other, sandbox
}

func toolboxCall(r *http.Request, path string) Call {
	switch {
	case r.Header.Get("Upgrade") != "", r.URL.Query().Get("follow") == "true":
		return Stream
	case path == "process/execute", path == "process/code-run",
		r.Method == http.MethodPost && strings.HasPrefix(path, "process/session/") && strings.HasSuffix(path, "/exec"):
		return Execute
	case path == "files/bulk-upload", path == "files/upload", path == "files/upload-v2":
		return Upload
	case path == "files/download", path == "files/bulk-download":
		return Download
	case path == "files", strings.HasPrefix(path, "files/"):
		return Files
	}
	return Other
}

// labelsAsked are those that a list selects by.
func labelsAsked(r *http.Request) map[string]string {
	var labels map[string]string
	_ = json.Unmarshal([]byte(r.URL.Query().Get("labels")), &labels) // nonsense selects nothing, and the server says so
	return labels
}
