//go:build linux

package toolbox

import (
	"maps"
	"net/http"
	"slices"
	"strings"
)

func (s *Server) version(w http.ResponseWriter, _ *http.Request) error {
	writeJSON(w, http.StatusOK, map[string]string{"version": s.cfg.Version})
	return nil
}

// homeDir serves GET /work-dir and GET /user-home-dir, which are one directory here.
func (s *Server) homeDir(w http.ResponseWriter, _ *http.Request) error {
	writeJSON(w, http.StatusOK, map[string]string{"dir": s.cfg.Home})
	return nil
}

type updateEnvRequest struct {
	Set              map[string]string `json:"set"`
	Unset            []string          `json:"unset"`
	UnsetValuePrefix string            `json:"unsetValuePrefix"`
}

// updateEnv serves POST /env: the variables of every command from now on.
func (s *Server) updateEnv(w http.ResponseWriter, r *http.Request) error {
	var req updateEnvRequest
	if err := readJSON(w, r, &req); err != nil {
		return err
	}
	if err := checkEnv(req.Set); err != nil {
		return err
	}
	s.env.update(req)
	writeJSON(w, http.StatusOK, map[string]string{"message": "environment updated"})
	return nil
}

func (e *environment) update(req updateEnvRequest) {
	e.mu.Lock()
	defer e.mu.Unlock()
	maps.DeleteFunc(e.vars, func(name, value string) bool {
		_, set := req.Set[name]
		reconciled := req.UnsetValuePrefix != "" && strings.HasPrefix(value, req.UnsetValuePrefix) && !set
		return slices.Contains(req.Unset, name) || reconciled
	})
	maps.Copy(e.vars, req.Set)
}
