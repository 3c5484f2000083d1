package faultproxy

import (
	"net/http"
	"slices"
	"strings"
)

// Fault is the name of a fault.
type Fault string

// The faults; doc.go says what each does.
const (
	ResetBefore         Fault = "reset-before"
	ResetAfter          Fault = "reset-after"
	BadGatewayBefore    Fault = "bad-gateway-before"
	BadGatewayAfter     Fault = "bad-gateway-after"
	BadGatewayDead      Fault = "bad-gateway-dead"
	ServerError         Fault = "server-error"
	LateRequest         Fault = "late-request"
	LateReply           Fault = "late-reply"
	ResetThenLate       Fault = "reset-then-late"
	FailedToStart       Fault = "failed-to-start"
	StatePending        Fault = "state-pending"
	StateCreating       Fault = "state-creating"
	StateError          Fault = "state-error"
	Quota               Fault = "quota"
	NoRunners           Fault = "no-runners"
	RateLimited         Fault = "rate-limited"
	DeleteConflict      Fault = "delete-conflict"
	DeleteNotFound      Fault = "delete-not-found"
	DeleteHidden        Fault = "delete-hidden"
	DeleteStuck         Fault = "delete-stuck"
	DeleteForbidden     Fault = "delete-forbidden"
	ListStale           Fault = "list-stale"
	ListFlapping        Fault = "list-flapping"
	ToolboxUnauthorized Fault = "toolbox-unauthorized"
	ToolboxNotStarted   Fault = "toolbox-not-started"
	Vanish              Fault = "vanish"
	StreamCut           Fault = "stream-cut"
	BodyCut             Fault = "body-cut"
	SlowBody            Fault = "slow-body"
)

// FaultInfo describes a fault: each call in Calls can meet it.
type FaultInfo struct {
	Name  Fault
	Calls []Call
	Doc   string
}

// kind is a fault at work.
type kind struct {
	FaultInfo
	// before happens ahead of the server; false: the client needs nothing more, and the server is not asked.
	before func(*exchange) bool
	// after changes the server's answer; an error resets the client.
	after      func(*exchange, *http.Response) error
	needsDelay bool
	needsBytes bool
	gateway    bool // takes a Status
	detached   bool // the server's work does not end with the client, whatever the call
}

// Faults lists every fault, for those who want to try each on each call that it can hit.
func Faults() []FaultInfo {
	var infos []FaultInfo
	for _, k := range kinds() {
		infos = append(infos, k.FaultInfo)
	}
	return infos
}

func find(fault Fault) (kind, bool) {
	for _, k := range kinds() {
		if k.Name == fault {
			return k, true
		}
	}
	return kind{}, false
}

func names() string {
	var all []string
	for _, info := range Faults() {
		all = append(all, string(info.Name))
	}
	return strings.Join(all, ", ")
}

func kinds() []kind {
	return slices.Concat(connectionKinds(), controlKinds(), createKinds(), deleteKinds(), listKinds(), toolboxKinds(), bodyKinds())
}
