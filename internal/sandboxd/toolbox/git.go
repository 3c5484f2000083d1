//go:build linux

package toolbox

import (
	"encoding/base64"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// gitTimeout bounds one git command.
const gitTimeout = 10 * time.Minute

// commandNotFound is the exit code of a shell that did not find a command.
const commandNotFound = 127

type gitCloneRequest struct {
	URL             string `json:"url"`
	Path            string `json:"path"`
	Branch          string `json:"branch"`
	CommitID        string `json:"commit_id"`
	Username        string `json:"username"`
	Password        string `json:"password"`
	Depth           int    `json:"depth"`
	InsecureSkipTLS bool   `json:"insecure_skip_tls"`
}

// gitClone serves POST /git/clone.
func (s *Server) gitClone(w http.ResponseWriter, r *http.Request) error {
	var req gitCloneRequest
	if err := readJSON(w, r, &req); err != nil {
		return err
	}
	id, err := s.identityOf(r)
	if err != nil {
		return err
	}
	if req.URL == "" || req.Path == "" || req.Depth < 0 {
		return badRequest("url and path are required, and depth must not be negative")
	}
	if strings.HasPrefix(req.Branch, "-") || strings.HasPrefix(req.CommitID, "-") {
		return badRequest("branch and commit_id must not begin with -")
	}
	for _, args := range req.commands(workDir(id, req.Path)) {
		result, err := s.git(id, req.env(), "2>&1", args)
		if err != nil {
			return err
		}
		if result.code != 0 {
			return gitError(result)
		}
	}
	w.WriteHeader(http.StatusOK)
	return nil
}

// commands are the git commands of a clone.
func (req gitCloneRequest) commands(path string) [][]string {
	clone := []string{"clone", "--quiet"}
	if req.Branch != "" {
		clone = append(clone, "--branch", req.Branch)
	}
	if req.Depth > 0 {
		clone = append(clone, "--depth", strconv.Itoa(req.Depth))
	}
	commands := [][]string{append(clone, "--", req.URL, path)}
	if req.CommitID == "" {
		return commands
	}
	if req.Depth > 0 {
		commands = append(commands, []string{"-C", path, "fetch", "--quiet", "--depth", strconv.Itoa(req.Depth), "origin", req.CommitID})
	}
	return append(commands, []string{"-C", path, "checkout", "--quiet", "--detach", req.CommitID})
}

// env hands over credentials by variables rather than arguments, which every process could read.
func (req gitCloneRequest) env() map[string]string {
	env := map[string]string{}
	if req.InsecureSkipTLS {
		env["GIT_SSL_NO_VERIFY"] = "1"
	}
	if req.Username != "" || req.Password != "" {
		token := base64.StdEncoding.EncodeToString([]byte(req.Username + ":" + req.Password))
		env["GIT_CONFIG_COUNT"], env["GIT_CONFIG_KEY_0"] = "1", "http.extraHeader"
		env["GIT_CONFIG_VALUE_0"] = "Authorization: Basic " + token
	}
	return env
}

// git runs git as id; redirect says what becomes of its errors.
func (s *Server) git(id identity, env map[string]string, redirect string, args []string) (outcome, error) {
	env["GIT_TERMINAL_PROMPT"] = "0"
	result, err := s.run(command{
		id: id, argv: append([]string{"/bin/sh", "-c", `exec git "$@" ` + redirect, "git"}, args...),
		dir: id.home, env: s.env.forCommand(id, env),
	}, "", gitTimeout)
	if err != nil {
		return outcome{}, internalError("git took more than %s", gitTimeout)
	}
	if result.code == commandNotFound {
		return outcome{}, internalError("git is not in the snapshot's /usr")
	}
	return result, nil
}

// gitFaults are texts of git's errors with what they mean, the more special first.
var gitFaults = []struct {
	text   string
	status int
	code   string
}{
	{"Authentication failed", 401, "GIT_AUTH_FAILED"},
	{"could not read Username", 401, "GIT_AUTH_FAILED"},
	{"Remote branch", 404, "GIT_BRANCH_NOT_FOUND"},
	{"Could not resolve host", 500, "GIT_TRANSPORT_FAILED"},
	{"Failed to connect", 500, "GIT_TRANSPORT_FAILED"},
	{"Network is unreachable", 500, "GIT_TRANSPORT_FAILED"},
	{"not found", 404, "GIT_REPO_NOT_FOUND"},
	{"does not exist", 404, "GIT_REPO_NOT_FOUND"},
	{"does not appear to be a git repository", 404, "GIT_REPO_NOT_FOUND"},
	{"already exists and is not an empty directory", 400, "BAD_REQUEST"},
	{"Permission denied", 403, "FORBIDDEN"},
}

func gitError(result outcome) error {
	text := strings.TrimSpace(result.out)
	for _, fault := range gitFaults {
		if !strings.Contains(text, fault.text) {
			continue
		}
		if fault.code == "GIT_TRANSPORT_FAILED" {
			text += " (a local sandbox has no network)"
		}
		return &apiError{fault.status, fault.code, text}
	}
	return internalError("git: %s", text)
}

type gitStatusBody struct {
	CurrentBranch   string       `json:"currentBranch"`
	FileStatus      []fileStatus `json:"fileStatus"`
	BranchPublished bool         `json:"branchPublished"`
	Upstream        string       `json:"upstream,omitempty"`
	Ahead           int          `json:"ahead"`
	Behind          int          `json:"behind"`
	Detached        bool         `json:"detached,omitempty"`
}

type fileStatus struct {
	Name     string `json:"name"`
	Extra    string `json:"extra"` // the old name of a renamed file
	Staging  string `json:"staging"`
	Worktree string `json:"worktree"`
}

// gitStatus serves GET /git/status?path=.
func (s *Server) gitStatus(w http.ResponseWriter, r *http.Request) error {
	id, err := s.identityOf(r)
	if err != nil {
		return err
	}
	path := r.URL.Query().Get("path")
	if path == "" {
		return badRequest("path is required")
	}
	args := []string{"-C", workDir(id, path), "status", "--porcelain=v2", "--branch", "-z"}
	result, err := s.git(id, map[string]string{}, "2>/dev/null", args)
	if err != nil {
		return err
	}
	if result.code != 0 {
		return &apiError{http.StatusNotFound, "GIT_REPO_NOT_FOUND", path + " is not in a git repository"}
	}
	writeJSON(w, http.StatusOK, parseGitStatus(result.out))
	return nil
}

// fileStatuses are Daytona's words for the letters of git's porcelain format.
var fileStatuses = map[byte]string{
	'.': "Unmodified", '?': "Untracked", 'M': "Modified", 'T': "Modified", 'A': "Added", 'D': "Deleted", 'R': "Renamed",
	'C': "Copied", 'U': "Updated but unmerged",
}

// parseGitStatus reads git's porcelain format, version 2, with NULs between records.
func parseGitStatus(text string) gitStatusBody {
	body := gitStatusBody{FileStatus: []fileStatus{}}
	records := strings.Split(text, "\x00")
	for i := 0; i < len(records); i++ {
		kind, rest, _ := strings.Cut(records[i], " ")
		switch kind {
		case "#":
			body.header(rest)
		case "?":
			body.FileStatus = append(body.FileStatus, fileStatus{rest, "", fileStatuses['?'], fileStatuses['?']})
		case "1", "2", "u":
			// XY and then 6, 7 or 9 fields before the name.
			fields := strings.SplitN(rest, " ", map[string]int{"1": 8, "2": 9, "u": 10}[kind])
			if len(fields) < 8 || len(fields[0]) != 2 {
				continue
			}
			status := fileStatus{fields[len(fields)-1], "", fileStatuses[fields[0][0]], fileStatuses[fields[0][1]]}
			if kind == "2" && i+1 < len(records) {
				i++
				status.Extra = records[i]
			}
			body.FileStatus = append(body.FileStatus, status)
		}
	}
	return body
}

// header reads "branch.head main", "branch.upstream origin/main" or "branch.ab +1 -2".
func (b *gitStatusBody) header(line string) {
	key, value, _ := strings.Cut(line, " ")
	switch key {
	case "branch.head":
		b.CurrentBranch, b.Detached = value, value == "(detached)"
	case "branch.upstream":
		b.Upstream, b.BranchPublished = value, true
	case "branch.ab":
		_, _ = fmt.Sscanf(value, "+%d -%d", &b.Ahead, &b.Behind)
	}
}
