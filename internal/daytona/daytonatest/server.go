package daytonatest

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"pitwall/internal/daytona"
)

// Key is the API key that a Server takes.
const Key = "dtn_test_key"

// Options shape a Server.
type Options struct {
	// StartPolls is how many GETs show a new sandbox as creating. 0: it is started in the answer to its create.
	StartPolls int
	// DestroyPolls is how many GETs by id show a deleted sandbox as destroying before it is 404.
	DestroyPolls int
	// PageSize caps a page of a list below what was asked for. 0: not.
	PageSize int
	// HideProxyURL leaves toolboxProxyUrl empty, so that a client must ask for it.
	HideProxyURL bool
	// Execute answers a command. nil: every command is 501, but "sleep" with a limit, which is 408.
	Execute func(Execution) (exitCode int, output string)
	// Around wraps the whole server, for a test that looks at requests and answers.
	Around func(http.Handler) http.Handler
}

// Execution is a command that a sandbox was given.
type Execution struct {
	Command string
	Dir     string            // the sandbox's work dir, on this host
	Env     map[string]string // the sandbox's
}

// Request is one request that a Server received.
type Request struct {
	Method, Path string // Path as escaped on the wire
	Header       http.Header
	Body         string // of control-plane requests only
}

// Server is a fake Daytona.
type Server struct {
	// URL is what a client is given as APIURL.
	URL     string
	options Options
	t       testing.TB
	dir     string // holds the sandboxes' work dirs

	mu        sync.Mutex
	sandboxes []*sandbox // oldest first, the destroyed too
	faults    []*Fault
	requests  []Request
}

// Start runs a Server until the test ends.
func Start(t testing.TB, options Options) *Server {
	t.Helper()
	s := &Server{options: options, t: t, dir: t.TempDir()} // made first, so that it is removed after the server closed
	var handler http.Handler = http.HandlerFunc(s.serve)
	if options.Around != nil {
		handler = options.Around(handler)
	}
	server := httptest.NewServer(handler)
	t.Cleanup(server.Close)
	s.URL = server.URL + "/api"
	return s
}

// Client returns a client of the server, which is closed when the test ends.
func (s *Server) Client(t testing.TB) *daytona.Client {
	t.Helper()
	client, err := daytona.New(daytona.Config{APIURL: s.URL, APIKey: Key})
	require.NoError(t, err)
	t.Cleanup(client.CloseIdle)
	return client
}

// Requests returns what came in so far whose method and path match; an empty method matches all.
func (s *Server) Requests(method, pathPart string) []Request {
	s.mu.Lock()
	defer s.mu.Unlock()
	var found []Request
	for _, request := range s.requests {
		if (method == "" || request.Method == method) && strings.Contains(request.Path, pathPart) {
			found = append(found, request)
		}
	}
	return found
}

// serve keeps a record, lets a fault have its way, and routes.
func (s *Server) serve(w http.ResponseWriter, r *http.Request) {
	path := r.URL.EscapedPath()
	request := Request{Method: r.Method, Path: path, Header: r.Header.Clone()}
	if strings.HasPrefix(path, "/api/") {
		request.Body = s.keepBody(r)
	}
	s.mu.Lock()
	s.requests = append(s.requests, request)
	fault := s.takeFault(r.Method, path)
	s.mu.Unlock()
	if fault != nil {
		fault.Do(w, r, s.route)
		return
	}
	s.route(w, r)
}

func (s *Server) route(w http.ResponseWriter, r *http.Request) {
	if r.Header.Get("Authorization") != "Bearer "+Key && r.URL.Path != "/api/health" {
		writeError(w, r, http.StatusUnauthorized, "Invalid credentials")
		return
	}
	mux := http.NewServeMux()
	s.controlRoutes(mux)
	s.toolboxRoutes(mux)
	mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		writeError(w, r, http.StatusNotFound, "Cannot "+r.Method+" "+r.URL.Path)
	})
	mux.ServeHTTP(w, r)
}

// writeError answers in the shape of Daytona's control plane.
func writeError(w http.ResponseWriter, r *http.Request, status int, message string) {
	writeJSON(w, status, map[string]any{
		"path": r.URL.Path, "timestamp": time.Now().UTC().Format(time.RFC3339Nano),
		"statusCode": status, "error": http.StatusText(status), "message": message,
	})
}

func writeJSON(w http.ResponseWriter, status int, body any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(body)
}

func newID() string { return uuid.NewString() }
