package sandboxd

import "time"

// organization is the one that every local sandbox belongs to; clients need some value.
const organization = "local"

// sandboxDTO is Daytona's Sandbox, and without env its SandboxListItem.
type sandboxDTO struct {
	ID                  string            `json:"id"`
	OrganizationID      string            `json:"organizationId"`
	Name                string            `json:"name"`
	Snapshot            string            `json:"snapshot"`
	User                string            `json:"user"`
	Env                 map[string]string `json:"env,omitzero"`
	Labels              map[string]string `json:"labels"`
	Public              bool              `json:"public"`
	NetworkBlockAll     bool              `json:"networkBlockAll"`
	NetworkAllowList    string            `json:"networkAllowList,omitempty"`
	DomainAllowList     string            `json:"domainAllowList,omitempty"`
	Target              string            `json:"target"`
	CPU                 int               `json:"cpu"`
	GPU                 int               `json:"gpu"`
	Memory              float64           `json:"memory"` // GiB
	Disk                float64           `json:"disk"`   // GiB
	State               State             `json:"state"`
	DesiredState        string            `json:"desiredState"`
	ErrorReason         string            `json:"errorReason,omitempty"`
	Recoverable         bool              `json:"recoverable"`
	BackupState         string            `json:"backupState"`
	AutoStopInterval    int               `json:"autoStopInterval"`
	AutoArchiveInterval int               `json:"autoArchiveInterval"`
	AutoDeleteInterval  int               `json:"autoDeleteInterval"`
	AutoDestroyAt       *time.Time        `json:"autoDestroyAt,omitempty"`
	CreatedAt           time.Time         `json:"createdAt"`
	UpdatedAt           time.Time         `json:"updatedAt"`
	LastActivityAt      time.Time         `json:"lastActivityAt"`
	SandboxClass        string            `json:"sandboxClass"`
	ToolboxProxyURL     string            `json:"toolboxProxyUrl"`
}

// dto shows a record to a client that reached us under host.
func (s *Server) dto(r *record, host string) sandboxDTO {
	d := sandboxDTO{
		ID: r.ID, OrganizationID: organization, Name: r.Name, Snapshot: r.Snapshot, User: "daytona", Env: r.Env, Labels: r.Labels,
		Public: r.Public, NetworkBlockAll: !r.reaches(), NetworkAllowList: r.NetworkAllowList, DomainAllowList: r.DomainAllowList,
		Target: r.Target, CPU: r.Size.CPUs, Memory: gib(r.Size.MemoryBytes), Disk: gib(r.Size.DiskBytes), State: r.State, DesiredState: r.desired(), ErrorReason: r.ErrorReason, BackupState: "None",
		AutoStopInterval: r.AutoStop, AutoArchiveInterval: r.AutoArchive, AutoDeleteInterval: r.AutoDelete,
		CreatedAt: r.CreatedAt, UpdatedAt: r.UpdatedAt, LastActivityAt: r.LastActivityAt, SandboxClass: "container",
		ToolboxProxyURL: toolboxURL(host),
	}
	if at := r.destroyAt(s.cfg.Minute); !at.IsZero() {
		d.AutoDestroyAt = &at
	}
	return d
}

func gib(bytes int64) float64 { return float64(bytes) / (1 << 30) }

// toolboxURL is where a client that reached us under host finds the toolboxes: the same way in.
func toolboxURL(host string) string { return "http://" + host + "/toolbox" }
