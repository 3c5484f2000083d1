package daytona

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
)

// LanguageLabel carries a sandbox's language: the wire has no field for it.
const LanguageLabel = "code-toolbox-language"

// maxNetworkEntries is Daytona's bound on each allow list.
const maxNetworkEntries = 10

// CreateRequest describes a sandbox to make. The zero value asks for the account's defaults.
type CreateRequest struct {
	// Name is unique among the organisation's living sandboxes; a second create of a name answers ErrConflict. Give one
	// always: after an ambiguous create only the name finds the sandbox. Defaults to the sandbox's id.
	Name string
	// Snapshot is the prepared image to start from. Defaults to the account's.
	Snapshot string
	// Image is a container image to build from instead of a Snapshot.
	Image string
	// User is the account in the sandbox. Defaults to "daytona", or to the snapshot's.
	User string
	// Language is written as the label LanguageLabel when set: python, typescript or javascript.
	Language string
	// Env is the environment of everything that runs in the sandbox.
	Env map[string]string
	// VaultSecrets maps variables to secrets of the organisation's vault: each then holds a placeholder, which Daytona's own
	// proxy replaces in requests to the secret's hosts.
	VaultSecrets map[string]string
	// Labels are echoed by get and list, which can select by them.
	Labels map[string]string
	// Resources sizes the sandbox. Daytona takes it with an Image only and answers 400 with a snapshot; the local server
	// takes it always.
	Resources *Resources
	// NetworkBlockAll cuts the network off; it excludes the allow lists.
	NetworkBlockAll bool
	// NetworkAllowList holds at most 10 IPv4 CIDRs; DomainAllowList at most 10 host names, "*." allowed.
	NetworkAllowList, DomainAllowList []string
	// AutoStopMinutes stops an idle sandbox; 0: never. Defaults to Daytona's 15. A quiet job looks idle.
	AutoStopMinutes *int
	// AutoDeleteMinutes deletes a stopped sandbox; 0: at once (ephemeral), -1: never. Defaults to Daytona's -1.
	AutoDeleteMinutes *int
	// TTLMinutes destroys the sandbox that long after its creation, whatever its state. Defaults to none.
	TTLMinutes *int
}

// Resources sizes a sandbox; 0 leaves a default.
type Resources struct{ CPU, MemoryGiB, DiskGiB int }

// CreateSandbox sends exactly one POST. Daytona holds it for up to 30 s while a sandbox starts, so give it 35 s at least;
// the sandbox returned may still be starting: see WaitStarted. After an error ask Ambiguous whether one may exist.
func (c *Client) CreateSandbox(ctx context.Context, request CreateRequest) (Sandbox, error) {
	cl := call{op: "create sandbox", method: http.MethodPost, path: "/sandbox"}
	if request.Name != "" {
		cl.subject = clean(request.Name)
	}
	if err := request.validate(); err != nil {
		return Sandbox{}, cl.refuse(fmt.Errorf("%w: %w", ErrInvalidRequest, err))
	}
	cl.json = request.wire(c.target)
	return c.sandboxCall(ctx, cl)
}

func (r CreateRequest) validate() error {
	var problems []error
	if r.Snapshot != "" && r.Image != "" {
		problems = append(problems, errors.New("both a snapshot and an image are named"))
	}
	if strings.ContainsAny(r.Image, " \t\r\n") {
		problems = append(problems, fmt.Errorf("image %q holds a blank", r.Image)) // it becomes a line of a Dockerfile
	}
	if r.NetworkBlockAll && len(r.NetworkAllowList)+len(r.DomainAllowList) > 0 {
		problems = append(problems, errors.New("the network is blocked and has an allow list"))
	}
	for _, list := range [][]string{r.NetworkAllowList, r.DomainAllowList} {
		if len(list) > maxNetworkEntries {
			problems = append(problems, fmt.Errorf("an allow list has %d entries, more than %d", len(list), maxNetworkEntries))
		}
	}
	return errors.Join(problems...)
}

// wireCreate is the body of POST /sandbox.
type wireCreate struct {
	Name               string            `json:"name,omitempty"`
	Snapshot           string            `json:"snapshot,omitempty"`
	User               string            `json:"user,omitempty"`
	Env                map[string]string `json:"env,omitempty"`
	Labels             map[string]string `json:"labels,omitempty"`
	Target             string            `json:"target,omitempty"`
	NetworkBlockAll    bool              `json:"networkBlockAll,omitempty"`
	NetworkAllowList   string            `json:"networkAllowList,omitempty"`
	DomainAllowList    string            `json:"domainAllowList,omitempty"`
	CPU                int               `json:"cpu,omitempty"`
	Memory             int               `json:"memory,omitempty"`
	Disk               int               `json:"disk,omitempty"`
	AutoStopInterval   *int              `json:"autoStopInterval,omitempty"`
	AutoDeleteInterval *int              `json:"autoDeleteInterval,omitempty"`
	TTLMinutes         *int              `json:"ttlMinutes,omitempty"`
	BuildInfo          *wireBuildInfo    `json:"buildInfo,omitempty"`
	// Secrets are maps of one variable to the name of its secret.
	Secrets []map[string]string `json:"secrets,omitempty"`
}

type wireBuildInfo struct {
	DockerfileContent string `json:"dockerfileContent"`
}

func (r CreateRequest) wire(target string) wireCreate {
	body := wireCreate{
		Name: r.Name, Snapshot: r.Snapshot, User: r.User, Env: r.Env, Labels: r.Labels, Target: target,
		NetworkBlockAll:  r.NetworkBlockAll,
		NetworkAllowList: strings.Join(r.NetworkAllowList, ","),
		DomainAllowList:  strings.Join(r.DomainAllowList, ","),
		AutoStopInterval: r.AutoStopMinutes, AutoDeleteInterval: r.AutoDeleteMinutes, TTLMinutes: r.TTLMinutes,
	}
	for _, variable := range slices.Sorted(maps.Keys(r.VaultSecrets)) {
		body.Secrets = append(body.Secrets, map[string]string{variable: r.VaultSecrets[variable]})
	}
	if r.Language != "" {
		body.Labels = maps.Clone(r.Labels)
		if body.Labels == nil {
			body.Labels = map[string]string{}
		}
		body.Labels[LanguageLabel] = r.Language
	}
	if r.Image != "" {
		body.BuildInfo = &wireBuildInfo{DockerfileContent: "FROM " + r.Image}
	}
	if r.Resources != nil {
		body.CPU, body.Memory, body.Disk = r.Resources.CPU, r.Resources.MemoryGiB, r.Resources.DiskGiB
	}
	return body
}
