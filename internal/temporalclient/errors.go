package temporalclient

import (
	"errors"
	"fmt"
	"strings"

	"go.temporal.io/api/serviceerror"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// UnreachableError says that no Temporal service could be used at an address, why, and what to do.
type UnreachableError struct {
	Endpoint Endpoint
	Cause    error
}

func (e *UnreachableError) Error() string {
	return fmt.Sprintf("connect to Temporal at %s (namespace %s): %s; %s",
		e.Endpoint.Address, e.Endpoint.Namespace, reason(e.Cause), e.remedy())
}

func (e *UnreachableError) Unwrap() error { return e.Cause }

func (e *UnreachableError) remedy() string {
	if refused(e.Cause) {
		return "set TEMPORAL_API_KEY or TEMPORAL_TLS_*, and TEMPORAL_NAMESPACE to a namespace that they may use"
	}
	return "start a local one with `starter dev`, or set TEMPORAL_ADDRESS"
}

func refused(err error) bool {
	var denied *serviceerror.PermissionDenied
	code := status.Code(err)
	return errors.As(err, &denied) || code == codes.Unauthenticated || code == codes.PermissionDenied
}

// reason is the part of a cause that a person can use: gRPC's own words bury it, and keep it as text only.
func reason(err error) string {
	text := err.Error()
	for _, known := range []struct{ found, say string }{
		{"context canceled", "cancelled"},
		{"connection refused", "connection refused"},
		{"no such host", "no such host"},
		{"no children to pick from", "no such host: want HOST:PORT"}, // the resolver found no address
		{"HTTP/1.1 header", "what answers there speaks HTTP/1.1 and not gRPC: want Temporal's frontend, usually port 7233"},
		{"network is unreachable", "network is unreachable"},
		{"tls:", "TLS does not fit: " + text},
		{"x509:", "TLS does not fit: " + text},
		{"deadline exceeded", "no answer in time"},
	} {
		if strings.Contains(text, known.found) {
			return known.say
		}
	}
	return text
}
