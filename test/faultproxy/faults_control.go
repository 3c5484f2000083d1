package faultproxy

import (
	"math"
	"net/http"
	"strconv"
	"time"
)

// controlKinds are what any call of the control plane can meet.
func controlKinds() []kind {
	return []kind{
		{
			FaultInfo: FaultInfo{ServerError, controlCalls(), "500 \"An unexpected error occurred.\", and nothing happens"},
			before:    refuse(http.StatusInternalServerError, "An unexpected error occurred."),
		},
		{
			FaultInfo: FaultInfo{RateLimited, controlCalls(), "429 with Retry-After-<throttler> of Delay, 1 s without one, and nothing happens"},
			before:    rateLimited,
		},
	}
}

// createKinds are what a create, and the start of what it made, can meet.
func createKinds() []kind {
	creates := []Call{Create}
	states := []Call{Create, Get, Start}
	stuck := " from this call on, for Delay or for its life, whatever it is"
	return []kind{
		{
			FaultInfo: FaultInfo{FailedToStart, creates, "the sandbox is made, then 400 \"Sandbox failed to start\""},
			after: func(x *exchange, resp *http.Response) error {
				if resp.StatusCode == http.StatusOK {
					x.refusal(http.StatusBadRequest, "Sandbox failed to start: timeout while creating").replace(resp)
				}
				return nil
			},
		},
		{
			FaultInfo: FaultInfo{Quota, creates, "400 \"Total CPU limit exceeded\", and nothing happens"},
			before:    refuse(http.StatusBadRequest, "Total CPU limit exceeded. Maximum allowed: 10."),
		},
		{
			FaultInfo: FaultInfo{NoRunners, creates, "400 \"No available runners\", and nothing happens"},
			before:    refuse(http.StatusBadRequest, "No available runners"),
		},
		{
			FaultInfo: FaultInfo{StatePending, states, "the sandbox is shown as pending_build" + stuck},
			after:     func(x *exchange, resp *http.Response) error { return x.showAs(resp, "pending_build", "") },
		},
		{
			FaultInfo: FaultInfo{StateCreating, states, "the sandbox is shown as creating" + stuck},
			after:     func(x *exchange, resp *http.Response) error { return x.showAs(resp, "creating", "") },
		},
		{
			FaultInfo: FaultInfo{StateError, states, "the sandbox is shown as error, with an errorReason," + stuck},
			after: func(x *exchange, resp *http.Response) error {
				return x.showAs(resp, "error", "timeout while creating sandbox")
			},
		},
	}
}

// refuse answers in the server's stead.
func refuse(status int, message string) func(*exchange) bool {
	return func(x *exchange) bool { return x.answer(x.refusal(status, message)) }
}

// rateLimited answers as @nestjs/throttler does, whose headers carry the throttler's name. Production blocks for a minute.
func rateLimited(x *exchange) bool {
	name, limit := "authenticated", "10000" // those of the first tier
	switch x.request.Call {
	case Create:
		name, limit = "sandbox-create", "300"
	case Delete, Start, Stop:
		name = "sandbox-lifecycle"
	}
	seconds := strconv.Itoa(max(1, int(math.Ceil(x.rule.Delay.Seconds()))))
	header := x.w.Header()
	for key, value := range map[string]string{
		"X-RateLimit-Limit-": limit, "X-RateLimit-Remaining-": "0", "X-RateLimit-Reset-": seconds, "Retry-After-": seconds,
	} {
		header[key+name] = []string{value} // as it is written there, not in Go's canonical form
	}
	return x.answer(x.refusal(http.StatusTooManyRequests, "ThrottlerException: Too Many Requests"))
}

// showAs masks the sandbox of an answer.
func (x *exchange) showAs(resp *http.Response, state, reason string) error {
	if resp.StatusCode != http.StatusOK {
		return nil
	}
	m := mask{fault: x.rule.Fault, state: state, reason: reason}
	if x.rule.Delay > 0 {
		m.until = time.Now().Add(x.rule.Delay)
	}
	x.disguise(x.request.SandboxID, m)
	return nil
}
