package daytona

import (
	"fmt"
	"math"
	"time"
)

// wireSandbox is a sandbox as the API writes it, whole (create, get) or as an item of a list. Only id is relied on.
type wireSandbox struct {
	ID                 string            `json:"id"`
	Name               string            `json:"name"`
	OrganizationID     string            `json:"organizationId"`
	State              string            `json:"state"`
	DesiredState       string            `json:"desiredState"`
	ErrorReason        string            `json:"errorReason"`
	Snapshot           string            `json:"snapshot"`
	User               string            `json:"user"`
	Target             string            `json:"target"`
	ToolboxProxyURL    string            `json:"toolboxProxyUrl"`
	Labels             map[string]string `json:"labels"`
	Env                map[string]string `json:"env"`
	CPU                float64           `json:"cpu"`
	Memory             float64           `json:"memory"`
	Disk               float64           `json:"disk"`
	NetworkBlockAll    *bool             `json:"networkBlockAll"`
	NetworkAllowList   string            `json:"networkAllowList"`
	DomainAllowList    string            `json:"domainAllowList"`
	AutoStopInterval   *float64          `json:"autoStopInterval"`
	AutoDeleteInterval *float64          `json:"autoDeleteInterval"`
	AutoDestroyAt      string            `json:"autoDestroyAt"`
	CreatedAt          string            `json:"createdAt"`
	UpdatedAt          string            `json:"updatedAt"`
	LastActivityAt     string            `json:"lastActivityAt"`
}

// sandbox converts. Returns ErrBadAnswer if the record has no id.
func (w wireSandbox) sandbox() (Sandbox, error) {
	if w.ID == "" {
		return Sandbox{}, fmt.Errorf("%w: a sandbox without an id", ErrBadAnswer)
	}
	return Sandbox{
		ID: w.ID, Name: w.Name, OrganizationID: w.OrganizationID,
		State: w.State, DesiredState: w.DesiredState, ErrorReason: clean(w.ErrorReason),
		Snapshot: w.Snapshot, User: w.User, Target: w.Target, ToolboxProxyURL: w.ToolboxProxyURL,
		Labels: w.Labels, Env: w.Env,
		CPU: w.CPU, MemoryGiB: w.Memory, DiskGiB: w.Disk,
		Network:         Network{BlockAll: w.NetworkBlockAll, AllowList: entries(w.NetworkAllowList), Domains: entries(w.DomainAllowList)},
		AutoStopMinutes: minutes(w.AutoStopInterval), AutoDeleteMinutes: minutes(w.AutoDeleteInterval),
		AutoDestroyAt: wireTime(w.AutoDestroyAt), CreatedAt: wireTime(w.CreatedAt),
		UpdatedAt: wireTime(w.UpdatedAt), LastActivityAt: wireTime(w.LastActivityAt),
	}, nil
}

func minutes(wire *float64) *int {
	if wire == nil || math.Abs(*wire) > math.MaxInt32 {
		return nil
	}
	value := int(*wire)
	return &value
}

// wireTime reads a time; the spec calls it a plain string, so one that cannot be read is left out.
func wireTime(text string) time.Time {
	at, err := time.Parse(time.RFC3339Nano, text)
	if err != nil {
		return time.Time{}
	}
	return at.UTC()
}
