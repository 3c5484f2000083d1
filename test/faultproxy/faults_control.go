package faultproxy

import "net/http"

// controlKinds are the faults of Daytona's control plane and its toolbox proxy.
func controlKinds() []kind {
	return []kind{
		{
			FaultInfo: FaultInfo{ServerError, controlCalls(), "500, and nothing happens"},
			before:    refusal(http.StatusInternalServerError, "An unexpected error occurred."),
		},
		{
			FaultInfo: FaultInfo{DeleteConflict, []Call{Delete}, "409, and nothing happens"},
			before:    refusal(http.StatusConflict, "Sandbox state change in progress"),
		},
	}
}
