package faultproxy

import (
	"cmp"
	"net/http"
)

// connectionKinds are the faults of whatever stands between client and server.
func connectionKinds() []kind {
	return []kind{
		{
			FaultInfo: FaultInfo{ResetBefore, allCalls(), "the connection is reset, the server sees nothing"},
			before:    func(x *exchange) bool { x.reset(); return false },
		},
		{
			FaultInfo: FaultInfo{ResetAfter, allCalls(), "the server does it, then the connection is reset"},
			after:     func(*exchange, *http.Response) error { return errLost },
			detached:  true,
		},
		{
			FaultInfo: FaultInfo{BadGatewayBefore, allCalls(), "502 with an HTML page, the server sees nothing"},
			before:    func(x *exchange) bool { return x.answer(gatewayPage(x.rule.gatewayStatus())) },
			gateway:   true,
		},
		{
			FaultInfo: FaultInfo{BadGatewayAfter, allCalls(), "the server does it, then 502 with an HTML page"},
			after:     badGatewayAfter, gateway: true, detached: true,
		},
		{
			FaultInfo: FaultInfo{LateRequest, allCalls(), "the request reaches the server only after Delay, whatever the client does meanwhile"},
			before:    func(x *exchange) bool { return x.pause(x.rule.Delay) }, needsDelay: true, detached: true,
		},
		{
			FaultInfo: FaultInfo{LateReply, allCalls(), "the server does it, and the answer comes only after Delay"},
			after:     lateReply, needsDelay: true, detached: true,
		},
		{
			FaultInfo: FaultInfo{
				ResetThenLate,
				[]Call{Create, Delete, Start, Stop, Execute},
				"the connection is reset at once, and the request reaches the server after Delay",
			},
			before: func(x *exchange) bool { x.reset(); return x.pause(x.rule.Delay) }, needsDelay: true, detached: true,
		},
	}
}

func (a *armed) gatewayStatus() int { return cmp.Or(a.Status, http.StatusBadGateway) }

func badGatewayAfter(x *exchange, resp *http.Response) error {
	if resp.StatusCode == http.StatusSwitchingProtocols {
		return errLost // too late for a page
	}
	gatewayPage(x.rule.gatewayStatus()).replace(resp)
	return nil
}

func lateReply(x *exchange, _ *http.Response) error {
	if !x.pause(x.rule.Delay) {
		return errGone
	}
	return nil
}
