package daytonatest

import (
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"time"

	"pitwall/internal/daytona"
)

// sandbox is one row. Its fields are guarded by Server.mu.
type sandbox struct {
	id, name, state, desired, reason string
	create                           createBody
	created                          time.Time
	startPolls, destroyPolls         int
	hidden                           bool // deleted while in error
	dir                              string
}

type createBody struct {
	Name, Snapshot, User, Target   string
	Env, Labels                    map[string]string
	NetworkBlockAll                bool
	NetworkAllowList               string
	DomainAllowList                string
	CPU, Memory, Disk              float64
	AutoStopInterval               *int
	AutoDeleteInterval, TTLMinutes *int
	BuildInfo                      *struct{ DockerfileContent string }
}

func (s *Server) controlRoutes(mux *http.ServeMux) {
	mux.HandleFunc("GET /api/health", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusOK) })
	mux.HandleFunc("GET /api/api-keys/current", s.currentKey)
	mux.HandleFunc("POST /api/sandbox", s.create)
	mux.HandleFunc("GET /api/sandbox", s.list)
	mux.HandleFunc("GET /api/sandbox/{id}", s.get)
	mux.HandleFunc("DELETE /api/sandbox/{id}", s.delete)
	mux.HandleFunc("POST /api/sandbox/{id}/start", s.move(daytona.StateStarted))
	mux.HandleFunc("POST /api/sandbox/{id}/stop", s.move(daytona.StateStopped))
	mux.HandleFunc("POST /api/sandbox/{id}/last-activity", s.activity)
	mux.HandleFunc("GET /api/sandbox/{id}/toolbox-proxy-url", s.proxyURL)
}

// SetState puts a sandbox into a state, as if something had happened to it.
func (s *Server) SetState(id, state, desired, reason string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, row := range s.sandboxes {
		if row.id == id {
			row.state, row.desired, row.reason = state, desired, reason
		}
	}
}

// Living returns the names of the sandboxes that exist, in the order of their creation.
func (s *Server) Living() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	names := []string{}
	for _, row := range s.sandboxes {
		if row.state != daytona.StateDestroyed && !row.hidden {
			names = append(names, row.name)
		}
	}
	return names
}

func (s *Server) currentKey(w http.ResponseWriter, _ *http.Request) {
	writeJSON(w, http.StatusOK, map[string]any{
		"name": "test", "value": "dtn_***", "userId": "u", "createdAt": time.Now().UTC().Format(time.RFC3339),
		"lastUsedAt": nil, "expiresAt": nil,
		"permissions": []string{daytona.PermissionWriteSandboxes, daytona.PermissionDeleteSandboxes},
	})
}

func (s *Server) create(w http.ResponseWriter, r *http.Request) {
	var body createBody
	if err := json.NewDecoder(r.Body).Decode(&body); err != nil {
		writeError(w, r, http.StatusBadRequest, err.Error())
		return
	}
	if body.Snapshot != "" && body.CPU+body.Memory+body.Disk > 0 {
		writeError(w, r, http.StatusBadRequest, "Cannot specify Sandbox resources when using a snapshot")
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	row := &sandbox{
		id: newID(), name: body.Name, create: body, created: time.Now(), desired: daytona.StateStarted,
		state: daytona.StateStarted, startPolls: s.options.StartPolls, destroyPolls: s.options.DestroyPolls,
	}
	row.dir = filepath.Join(s.dir, row.id)
	if err := os.Mkdir(row.dir, 0o755); err != nil {
		writeError(w, r, http.StatusInternalServerError, err.Error())
		return
	}
	if row.name == "" {
		row.name = row.id
	}
	if s.options.StartPolls > 0 {
		row.state = daytona.StateCreating
	}
	if s.find(row.name) != nil {
		writeError(w, r, http.StatusConflict, fmt.Sprintf("Sandbox with name %s already exists", row.name))
		return
	}
	s.sandboxes = append(s.sandboxes, row)
	writeJSON(w, http.StatusOK, s.dto(row, r))
}

// find looks for the id, then for the name.
func (s *Server) find(idOrName string) *sandbox {
	for _, row := range s.sandboxes {
		if row.id == idOrName && row.state != daytona.StateDestroyed && !row.hidden {
			return row
		}
	}
	for _, row := range s.sandboxes {
		if row.name == idOrName && row.state != daytona.StateDestroyed && !row.hidden {
			return row
		}
	}
	return nil
}

// with runs a handler on the sandbox that the path names.
func (s *Server) with(w http.ResponseWriter, r *http.Request, handle func(*sandbox)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	row := s.find(r.PathValue("id"))
	if row == nil {
		writeError(w, r, http.StatusNotFound, fmt.Sprintf("Sandbox with ID or name %s not found", r.PathValue("id")))
		return
	}
	handle(row)
}

func (s *Server) get(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	if row := s.find(r.PathValue("id")); row != nil {
		row.age()
	}
	s.mu.Unlock()
	s.with(w, r, func(row *sandbox) { writeJSON(w, http.StatusOK, s.dto(row, r)) })
}

// age moves a transition on by one look.
func (row *sandbox) age() {
	switch row.state {
	case daytona.StateCreating:
		if row.startPolls--; row.startPolls < 0 {
			row.state = daytona.StateStarted
		}
	case daytona.StateDestroying:
		if row.destroyPolls--; row.destroyPolls < 0 {
			row.state = daytona.StateDestroyed
		}
	}
}

// delete is soft: it mangles the name, so that the name is free at once, and takes its time.
func (s *Server) delete(w http.ResponseWriter, r *http.Request) {
	s.with(w, r, func(row *sandbox) {
		if row.state == daytona.StateDestroying {
			writeError(w, r, http.StatusConflict, "Sandbox state change in progress")
			return
		}
		row.name = fmt.Sprintf("DESTROYED_%s_%d", row.name, time.Now().UnixMilli())
		row.desired = daytona.StateDestroyed
		if row.state == daytona.StateError || row.state == daytona.StateBuildFailed {
			row.hidden = true
		} else {
			row.state = daytona.StateDestroying
		}
		_ = os.RemoveAll(row.dir)
		writeJSON(w, http.StatusOK, s.dto(row, r))
	})
}

func (s *Server) move(state string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		s.with(w, r, func(row *sandbox) {
			row.state, row.desired = state, state
			writeJSON(w, http.StatusOK, s.dto(row, r))
		})
	}
}

func (s *Server) activity(w http.ResponseWriter, r *http.Request) {
	s.with(w, r, func(*sandbox) { w.WriteHeader(http.StatusCreated) })
}

func (s *Server) proxyURL(w http.ResponseWriter, r *http.Request) {
	s.with(w, r, func(*sandbox) { writeJSON(w, http.StatusOK, map[string]string{"url": proxyOf(r)}) })
}

func proxyOf(r *http.Request) string { return "http://" + r.Host + "/toolbox" }
