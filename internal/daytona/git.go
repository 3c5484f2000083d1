package daytona

import (
	"context"
	"fmt"
	"net/http"
)

// GitCloneRequest names a repository to clone inside the sandbox.
type GitCloneRequest struct {
	URL, Path string
	// Branch defaults to the repository's own.
	Branch string
	// Commit is checked out after the clone when set.
	Commit string
	// Username and Password are sent to the sandbox, and cut out of every message.
	Username, Password string
	// Depth limits the history; 0: all of it. A Commit may lie beyond a limit.
	Depth int
}

// GitClone clones a repository; it ends when the checkout stands. The sandbox needs a network that reaches the URL.
func (t *Toolbox) GitClone(ctx context.Context, request GitCloneRequest) error {
	cl := call{
		op: "clone repository", method: http.MethodPost, path: "/git/clone", secret: request.Password,
		json: wireGitClone{
			URL: request.URL, Path: request.Path, Branch: request.Branch, CommitID: request.Commit,
			Username: request.Username, Password: request.Password, Depth: request.Depth,
		},
	}
	if request.URL == "" || request.Path == "" {
		return cl.refuse(fmt.Errorf("%w: a clone needs a URL and a path", ErrInvalidRequest))
	}
	return t.exchange(ctx, cl, nil)
}

type wireGitClone struct {
	URL      string `json:"url"`
	Path     string `json:"path"`
	Branch   string `json:"branch,omitempty"`
	CommitID string `json:"commit_id,omitempty"`
	Username string `json:"username,omitempty"`
	Password string `json:"password,omitempty"`
	Depth    int    `json:"depth,omitempty"`
}
