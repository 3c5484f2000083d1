package sandboxd

import (
	"time"

	"pitwall/internal/sandboxd/gvisor"
)

// State is a sandbox's state, in Daytona's words.
type State string

// The states that occur here.
const (
	Creating   State = "creating"
	Started    State = "started"
	Stopping   State = "stopping"
	Stopped    State = "stopped"
	Starting   State = "starting"
	Destroying State = "destroying"
	Destroyed  State = "destroyed"
	Failed     State = "error"
)

// record is a sandbox as it is kept on disk.
type record struct {
	ID       string            `json:"id"`
	Name     string            `json:"name"`
	Labels   map[string]string `json:"labels"`
	Env      map[string]string `json:"env"`
	Snapshot string            `json:"snapshot"`
	Target   string            `json:"target"`
	Public   bool              `json:"public"`
	Size     gvisor.Limits     `json:"size"`
	// The allow lists as they were asked for, checked. Both empty: nothing may be reached.
	NetworkAllowList, DomainAllowList string `json:",omitempty"`

	State       State  `json:"state"`
	ErrorReason string `json:"errorReason,omitempty"`
	EndCause    string `json:"endCause,omitempty"` // who asked for the end, from Destroying on
	// AutoStop and TTL are off at 0; AutoDelete at -1, and 0 means when it stops. All in minutes.
	AutoStop, AutoArchive, AutoDelete, TTL int
	CreatedAt, UpdatedAt, LastActivityAt   time.Time

	busy bool // a transition is under way
}

func (r *record) ephemeral() bool { return r.AutoDelete == 0 }

// reaches says whether anything outside may be reached.
func (r *record) reaches() bool { return r.NetworkAllowList != "" || r.DomainAllowList != "" }

// destroyAt is when the record's ttl ends; zero without one.
func (r *record) destroyAt(minute time.Duration) time.Time {
	if r.TTL <= 0 {
		return time.Time{}
	}
	return r.CreatedAt.Add(time.Duration(r.TTL) * minute)
}

func (r *record) spec() gvisor.Spec {
	return gvisor.Spec{ID: r.ID, Snapshot: r.Snapshot, Env: r.Env, Limits: r.Size, Egress: r.reaches()}
}

// desired is the state that the record is on its way to, for Daytona's desiredState.
func (r *record) desired() string {
	switch r.State {
	case Stopping, Stopped:
		return "stopped"
	case Destroying, Destroyed:
		return "destroyed"
	default:
		return "started"
	}
}
