//go:build linux

package chaos

import (
	"strings"

	"pitwall/test/faultproxy"
	"pitwall/test/temporalproxy"
)

// side of a call: before its effect, or after it and before its caller knows.
type side string

const (
	before side = "before"
	after  side = "after"
)

// point is one call in an eval's life. The points stand in the order in which an eval comes to them.
type point struct {
	name string
	// One of the two says which call it is, of the eval with that ID.
	temporal func(event temporalproxy.Event, evalID string) bool
	call     faultproxy.Call
	daytona  func(request faultproxy.Request) bool
}

// points are every call that a worker makes for an eval: what it tells Temporal, and what it asks of the sandbox server.
func points() []point {
	return []point{
		{name: "slot-scheduled", temporal: said("schedule", "AcquireSlot")},
		{name: "slot-granted", temporal: said("result", "AcquireSlot")},
		{name: "claim", temporal: said("child", "SandboxLease")},
		{name: "lease-begun", temporal: ofLease("begin", "")},
		{name: "create-scheduled", temporal: said("schedule", "CreateSandbox")},
		{name: "create", call: faultproxy.Create},
		{name: "lease-told", temporal: ofLease("signal", "created")},
		{name: "created", temporal: said("result", "CreateSandbox")},
		{name: "upload-scheduled", temporal: said("schedule", "UploadInputs")},
		{name: "upload", call: faultproxy.Upload},
		{name: "uploaded", temporal: said("result", "UploadInputs")},
		{name: "job-scheduled", temporal: said("schedule", "RunJob")},
		{name: "launch", call: faultproxy.Execute, daytona: bodyHas(" launch ")},
		{name: "wait", call: faultproxy.Execute, daytona: bodyHas(" wait ")},
		{name: "stream", call: faultproxy.Download, daytona: queryHas("1.out")},
		{name: "job-done", temporal: said("result", "RunJob")},
		{name: "download-scheduled", temporal: said("schedule", "DownloadArtifacts")},
		{name: "artifact", call: faultproxy.Download, daytona: queryHas("kept.txt")},
		{name: "downloaded", temporal: said("result", "DownloadArtifacts")},
		{name: "remove-scheduled", temporal: said("schedule", "RemoveSandbox")},
		{name: "delete", call: faultproxy.Delete},
		{name: "proof", call: faultproxy.Get},
		{name: "lease-released", temporal: ofLease("signal", "released")},
		{name: "removed", temporal: said("result", "RemoveSandbox")},
		{name: "lease-ended", temporal: ofLease("complete", "")},
		{name: "eval-ended", temporal: said("complete", "")},
	}
}

func said(kind, name string) func(temporalproxy.Event, string) bool {
	return func(event temporalproxy.Event, evalID string) bool {
		return event.Kind == kind && event.Name == name && event.WorkflowID == evalID
	}
}

func ofLease(kind, name string) func(temporalproxy.Event, string) bool {
	return func(event temporalproxy.Event, evalID string) bool {
		return event.Kind == kind && event.Name == name && event.ParentID == evalID && event.WorkflowID != evalID
	}
}

func bodyHas(text string) func(faultproxy.Request) bool {
	return func(request faultproxy.Request) bool { return strings.Contains(string(request.Body), text) }
}

func queryHas(text string) func(faultproxy.Request) bool {
	return func(request faultproxy.Request) bool { return strings.Contains(request.Query, text) }
}

// boundary is one side of a point.
type boundary struct {
	point
	order int
	side  side
}

func (b boundary) String() string { return b.name + "." + string(b.side) }

func boundaries() []boundary {
	var all []boundary
	for i, p := range points() {
		all = append(all, boundary{p, i, before}, boundary{p, i, after})
	}
	return all
}

// pointNamed is where a point stands among them.
func pointNamed(name string) int {
	for i, p := range points() {
		if p.name == name {
			return i
		}
	}
	panic("no point " + name)
}

// gate holds one call.
type gate interface {
	Reached() <-chan struct{}
	Open()
}

// hold makes the eval's call stop at the boundary.
func (l *lab) hold(b boundary, evalID string) gate {
	if b.temporal != nil {
		at := temporalproxy.Before
		if b.side == after {
			at = temporalproxy.After
		}
		return l.temporal.Hold(temporalproxy.Point{Side: at, Match: func(event temporalproxy.Event) bool { return b.temporal(event, evalID) }})
	}
	at := faultproxy.Before
	if b.side == after {
		at = faultproxy.After
	}
	return l.daytona.Hold(faultproxy.Point{Call: b.call, Side: at, Match: func(request faultproxy.Request) bool {
		return request.Labels["pitwall-eval"] == evalID && (b.daytona == nil || b.daytona(request))
	}})
}
