package daytona

import (
	"context"
	"maps"
	"net/http"
	"net/url"
)

// userHeader asks Pitwall's local server to run a request as another user of the sandbox than the job's. Daytona ignores
// it.
const userHeader = "X-Pitwall-User"

// Toolbox works inside one sandbox. It is safe for concurrent use. Its calls fail with an *Error that has Toolbox set; see
// Client.Diagnose before anyone is blamed.
type Toolbox struct {
	client *Client
	id     string
	proxy  *proxyURL
	header http.Header
}

// Toolbox returns the toolbox of a sandbox. It sends nothing; when the sandbox's record names no proxy, the first use asks
// for it.
func (c *Client) Toolbox(sandbox Sandbox) *Toolbox {
	return &Toolbox{client: c, id: sandbox.ID, proxy: newProxyURL(sandbox.ToolboxProxyURL), header: http.Header{}}
}

// SandboxID names the sandbox.
func (t *Toolbox) SandboxID() string { return t.id }

// AsRoot returns a toolbox whose requests Pitwall's local server runs as the sandbox's root, so that the job can neither
// touch nor see through what they make. On Daytona it changes nothing.
func (t *Toolbox) AsRoot() *Toolbox {
	header := maps.Clone(t.header)
	header.Set(userHeader, "root")
	return &Toolbox{client: t.client, id: t.id, proxy: t.proxy, header: header}
}

// Version asks which toolbox it is; it also shows that the sandbox answers.
func (t *Toolbox) Version(ctx context.Context) (string, error) {
	var wire struct {
		Version string `json:"version"`
	}
	err := t.exchange(ctx, call{op: "ask toolbox version", method: http.MethodGet, path: "/version"}, &wire)
	return clean(wire.Version), err
}

// WorkDir is where commands run and relative paths begin.
func (t *Toolbox) WorkDir(ctx context.Context) (string, error) {
	var wire struct {
		Dir string `json:"dir"`
	}
	err := t.exchange(ctx, call{op: "ask work dir", method: http.MethodGet, path: "/work-dir"}, &wire)
	return wire.Dir, err
}

// exchange is Client.exchange towards the sandbox.
func (t *Toolbox) exchange(ctx context.Context, cl call, out any) error {
	cl, err := t.address(ctx, cl)
	if err != nil {
		return err
	}
	return t.client.exchange(ctx, cl, out)
}

// address points a call at the sandbox.
func (t *Toolbox) address(ctx context.Context, cl call) (call, error) {
	base, err := t.proxy.resolve(ctx, t.client, t.id)
	if err != nil {
		if cl.body != nil {
			cl.body.Close()
		}
		return call{}, err
	}
	cl.toolbox = true
	cl.base = base + "/" + url.PathEscape(t.id)
	cl.header = maps.Clone(cl.header)
	if cl.header == nil {
		cl.header = http.Header{}
	}
	maps.Copy(cl.header, t.header)
	return cl, nil
}
