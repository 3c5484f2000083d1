package faultproxy

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"time"
)

// deleteKinds are what a delete can meet.
func deleteKinds() []kind {
	deletes := []Call{Delete}
	return []kind{
		{
			FaultInfo: FaultInfo{DeleteConflict, deletes, "409 \"Sandbox state change in progress\", and nothing happens"},
			before:    refuse(http.StatusConflict, "Sandbox state change in progress"),
		},
		{
			FaultInfo: FaultInfo{DeleteNotFound, deletes, "404, and nothing happens: a GET still shows the sandbox"},
			before: func(x *exchange) bool {
				return x.answer(x.refusal(http.StatusNotFound, fmt.Sprintf("Sandbox with ID or name %s not found", x.named)))
			},
		},
		{
			FaultInfo: FaultInfo{DeleteForbidden, deletes, "403, and nothing happens"},
			before:    refuse(http.StatusForbidden, "Forbidden resource"),
		},
		{
			FaultInfo: FaultInfo{
				DeleteHidden, deletes,
				"200 with state error; then GET, toolbox and lists know no such sandbox, while it runs and its name is taken; really deleted after Delay, if there is one",
			},
			before: deleteHidden,
		},
		{
			FaultInfo: FaultInfo{
				DeleteStuck, deletes,
				"200; then GET by id shows destroying and by name 404, lists omit it unless Listed, while it runs; really deleted after Delay, else at Clear",
			},
			before: deleteStuck,
		},
	}
}

// deleteHidden is the delete of a sandbox in error.
func deleteHidden(x *exchange) bool {
	return x.pretend(mask{fault: DeleteHidden}, x.rule.Delay > 0, func(shown object) {
		shown.set("state", "error")
		shown.set("errorReason", "the runner lost the sandbox")
	})
}

// deleteStuck is a delete that the runner does not finish.
func deleteStuck(x *exchange) bool {
	return x.pretend(mask{fault: DeleteStuck, listed: x.rule.Listed}, true, func(shown object) {
		shown.set("state", "destroying")
		shown.set("name", fmt.Sprintf("DESTROYED_%s_%d", shown.text("name"), time.Now().UnixMilli()))
	})
}

// pretend answers a delete as if it was done, and masks the sandbox. A sandbox that the server does not have, or whose delete
// was accepted already, gets the ordinary answer.
func (x *exchange) pretend(m mask, atClear bool, edit func(shown object)) bool {
	if row, known := x.p.sandboxes.find(x.named); known && row.mask.active() && row.mask.deleting() {
		return true
	}
	had, found := x.fetch()
	if !found || had.text("desiredState") == "destroyed" {
		return true
	}
	shown := maps.Clone(had)
	shown.set("desiredState", "destroyed")
	edit(shown)
	m.name = shown.text("name")
	request := x.request
	request.SandboxID, request.Name = x.p.sandboxes.show(had, false), had.text("name")
	x.p.sandboxes.change(request.SandboxID, func(row *sandbox) { row.deleted = time.Now() })
	x.disguise(request.SandboxID, m)
	if !x.eraseLater(request, x.rule.Delay, atClear) {
		x.reset()
		return false
	}
	body, _ := json.Marshal(shown)
	return x.answer(answer{http.StatusOK, "application/json", string(body)})
}
