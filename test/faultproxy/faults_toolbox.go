package faultproxy

import (
	"net/http"
	"slices"
)

// toolboxKinds are what a call into a sandbox can meet, and the sandbox itself under any call.
func toolboxKinds() []kind {
	return []kind{
		{
			FaultInfo: FaultInfo{BadGatewayDead, toolboxCalls(), "the sandbox is really deleted, then 502 without a body"},
			before: func(x *exchange) bool {
				x.erase()
				return x.answer(answer{status: x.rule.gatewayStatus()})
			},
			gateway: true,
		},
		{
			FaultInfo: FaultInfo{ToolboxUnauthorized, toolboxCalls(), "401, as for a sandbox that does not exist; it lives"},
			before:    refuse(http.StatusUnauthorized, "authentication failed: Bearer token is invalid"),
		},
		{
			FaultInfo: FaultInfo{ToolboxNotStarted, toolboxCalls(), "400 \"Is the Sandbox started?\"; it is"},
			before:    refuse(http.StatusBadRequest, "failed to resolve container IP after 3 attempts: no IP. Is the Sandbox started?"),
		},
		{
			FaultInfo: FaultInfo{
				Vanish, slices.Concat([]Call{Get, Delete, Start, Stop}, toolboxCalls()),
				"the sandbox is really deleted, then the call goes on",
			},
			before: func(x *exchange) bool { x.erase(); return true },
		},
	}
}
