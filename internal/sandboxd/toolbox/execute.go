//go:build linux

package toolbox

import (
	"errors"
	"net/http"
	"path/filepath"
	"strings"
)

type executeRequest struct {
	Command string            `json:"command"`
	Cwd     string            `json:"cwd"`
	Envs    map[string]string `json:"envs"`
	Timeout int64             `json:"timeout"` // seconds; 0 is none
}

type executeResponse struct {
	ExitCode int    `json:"exitCode"`
	Result   string `json:"result"`
}

// execute serves POST /process/execute: the command is the input of a shell, so it may be of any length, and what it reads
// from its own input is the rest of it.
func (s *Server) execute(w http.ResponseWriter, r *http.Request) error {
	var req executeRequest
	if err := readJSON(w, r, &req); err != nil {
		return err
	}
	id, err := s.identityOf(r)
	if err != nil {
		return err
	}
	timeout, err := checkTimeout(req.Timeout)
	if err != nil {
		return err
	}
	if err := checkEnv(req.Envs); err != nil {
		return err
	}
	if strings.TrimSpace(req.Command) == "" {
		return badRequest("command is required")
	}
	result, err := s.run(command{
		id: id, argv: []string{shellPath()}, dir: workDir(id, req.Cwd), env: s.env.forCommand(id, req.Envs),
	}, req.Command+"\n", timeout)
	if err != nil {
		return executionError(err)
	}
	writeJSON(w, http.StatusOK, executeResponse{result.code, result.out})
	return nil
}

// workDir is where a command starts: id's home unless cwd says otherwise.
func workDir(id identity, cwd string) string {
	if cwd == "" {
		return id.home
	}
	if filepath.IsAbs(cwd) {
		return cwd
	}
	return filepath.Join(id.home, cwd)
}

func executionError(err error) error {
	if errors.Is(err, errTimeout) {
		return &apiError{http.StatusRequestTimeout, "PROCESS_EXECUTION_TIMEOUT", err.Error()}
	}
	return err
}
