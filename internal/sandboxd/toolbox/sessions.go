//go:build linux

package toolbox

import (
	"cmp"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
)

// Bounds of the session table.
const (
	maxSessions      = 64
	maxSessionIDSize = 256
)

// sessions are the live sessions by id.
type sessions struct {
	dir   string
	space atomic.Int64

	mu   sync.Mutex
	made int
	byID map[string]*session
}

// newSessions uses dir for logs, and removes those of an earlier agent.
func newSessions(dir string) (*sessions, error) {
	if err := os.RemoveAll(dir); err != nil {
		return nil, fmt.Errorf("remove old session logs: %w", err)
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("make session log dir: %w", err)
	}
	t := &sessions{dir: dir, byID: map[string]*session{}}
	t.space.Store(maxJournalsBytes)
	return t, nil
}

func (t *sessions) newJournal(path string) (*journal, error) { return newJournal(path, &t.space) }

// add makes a session by start, unless there is one of that id.
func (t *sessions) add(id string, start func(dir string) (*session, error)) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.byID[id] != nil {
		return conflict("session %s exists already", id)
	}
	if len(t.byID) >= maxSessions {
		return conflict("there are %d sessions, which is the most", maxSessions)
	}
	t.made++
	dir := filepath.Join(t.dir, strconv.Itoa(t.made))
	if err := os.Mkdir(dir, 0o700); err != nil {
		return fmt.Errorf("make session log dir: %w", err)
	}
	s, err := start(dir)
	if err != nil {
		return internalError("start session: %s", err)
	}
	t.byID[id] = s
	return nil
}

func (t *sessions) get(id string) (*session, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if s := t.byID[id]; s != nil {
		return s, nil
	}
	return nil, notFound("session %s is not found", id)
}

// take removes a session from the table.
func (t *sessions) take(id string) (*session, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	s := t.byID[id]
	if s == nil {
		return nil, notFound("session %s is not found", id)
	}
	delete(t.byID, id)
	return s, nil
}

func (t *sessions) all() []*session {
	t.mu.Lock()
	defer t.mu.Unlock()
	all := make([]*session, 0, len(t.byID))
	for _, s := range t.byID {
		all = append(all, s)
	}
	slices.SortFunc(all, func(a, b *session) int { return cmp.Compare(a.id, b.id) })
	return all
}

type sessionBody struct {
	SessionID string        `json:"sessionId"`
	Commands  []commandBody `json:"commands"`
}

// commandBody has no exitCode while the command is running.
type commandBody struct {
	ID       string `json:"id"`
	Command  string `json:"command"`
	ExitCode *int   `json:"exitCode,omitempty"`
}

func (c *sessionCommand) body() commandBody {
	b := commandBody{ID: c.id, Command: c.text}
	select {
	case <-c.finished:
		b.ExitCode = &c.code
	default:
	}
	return b
}

func (s *session) body() sessionBody {
	s.mu.Lock()
	defer s.mu.Unlock()
	b := sessionBody{s.id, []commandBody{}}
	for _, c := range s.commands {
		b.Commands = append(b.Commands, c.body())
	}
	return b
}

// createSession serves POST /process/session.
func (s *Server) createSession(w http.ResponseWriter, r *http.Request) error {
	var req struct {
		SessionID string `json:"sessionId"`
	}
	if err := readJSON(w, r, &req); err != nil {
		return err
	}
	id, err := s.identityOf(r)
	if err != nil {
		return err
	}
	if req.SessionID == "" || len(req.SessionID) > maxSessionIDSize || req.SessionID == entrypoint {
		return badRequest("sessionId: must be 1 to %d bytes, and not %s", maxSessionIDSize, entrypoint)
	}
	err = s.sessions.add(req.SessionID, func(dir string) (*session, error) {
		c := command{id: id, argv: []string{shellPath()}, dir: id.home, env: s.env.forCommand(id, nil)}
		return s.startSession(req.SessionID, c, dir)
	})
	if err != nil {
		return err
	}
	w.WriteHeader(http.StatusCreated)
	return nil
}

// entrypoint is the session that Daytona runs an image's entrypoint in; a local sandbox has none.
const entrypoint = "entrypoint"

func (s *Server) listSessions(w http.ResponseWriter, _ *http.Request) error {
	bodies := []sessionBody{}
	for _, session := range s.sessions.all() {
		bodies = append(bodies, session.body())
	}
	writeJSON(w, http.StatusOK, bodies)
	return nil
}

func (s *Server) getSession(w http.ResponseWriter, r *http.Request) error {
	session, err := s.sessions.get(r.PathValue("session"))
	if err != nil {
		return err
	}
	writeJSON(w, http.StatusOK, session.body())
	return nil
}

func (s *Server) deleteSession(w http.ResponseWriter, r *http.Request) error {
	session, err := s.sessions.take(r.PathValue("session"))
	if err != nil {
		return err
	}
	session.close()
	w.WriteHeader(http.StatusNoContent)
	return nil
}

type sessionExecRequest struct {
	Command           string `json:"command"`
	RunAsync          bool   `json:"runAsync"`
	Async             bool   `json:"async"` // the older name of runAsync
	SuppressInputEcho bool   `json:"suppressInputEcho"`
}

func (r sessionExecRequest) async() bool { return r.RunAsync || r.Async }

// sessionExec serves POST /process/session/{session}/exec: 202 at once, or 200 when the command has ended.
func (s *Server) sessionExec(w http.ResponseWriter, r *http.Request) error {
	var req sessionExecRequest
	if err := readJSON(w, r, &req); err != nil {
		return err
	}
	if req.Command == "" {
		return badRequest("command is required")
	}
	session, err := s.sessions.get(r.PathValue("session"))
	if err != nil {
		return err
	}
	c, err := session.add(rand.Text(), req)
	if err != nil {
		return err
	}
	if req.async() {
		writeJSON(w, http.StatusAccepted, map[string]string{"cmdId": c.id})
		return nil
	}
	select {
	case <-c.finished:
	case <-r.Context().Done():
		// The command goes on; its result stays to be asked for.
		return nil
	}
	logs, err := readLogs(c, outputModeOf(r))
	if err != nil {
		return err
	}
	writeJSON(w, http.StatusOK, struct {
		CmdID    string `json:"cmdId"`
		ExitCode int    `json:"exitCode"`
		logsBody
	}{c.id, c.code, logs})
	return nil
}

// sessionCommandOf finds the command that a request's path names.
func (s *Server) sessionCommandOf(r *http.Request) (*session, *sessionCommand, error) {
	session, err := s.sessions.get(r.PathValue("session"))
	if err != nil {
		return nil, nil, err
	}
	c, err := session.command(r.PathValue("command"))
	return session, c, err
}

func (s *Server) getCommand(w http.ResponseWriter, r *http.Request) error {
	_, c, err := s.sessionCommandOf(r)
	if err != nil {
		return err
	}
	writeJSON(w, http.StatusOK, c.body())
	return nil
}

// sendInput serves POST .../command/{command}/input.
func (s *Server) sendInput(w http.ResponseWriter, r *http.Request) error {
	var req struct {
		Data json.RawMessage `json:"data"`
	}
	if err := readJSON(w, r, &req); err != nil {
		return err
	}
	var data string
	if err := json.Unmarshal(req.Data, &data); err != nil {
		return badRequest("data: must be a string")
	}
	session, c, err := s.sessionCommandOf(r)
	if err != nil {
		return err
	}
	if err := session.send(c, data); err != nil {
		return err
	}
	w.WriteHeader(http.StatusNoContent)
	return nil
}
