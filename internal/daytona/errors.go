package daytona

import (
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"
)

// Sentinels that errors.Is matches with an *Error, by its status and text.
var (
	// ErrNotFound: 404 in Daytona's own shape. A gateway's 404, or that of a wrong base URL, is ErrBadAnswer instead.
	ErrNotFound = errors.New("not found")
	// ErrConflict: 409; on create, the name is taken; on delete, the sandbox is changing state.
	ErrConflict = errors.New("conflict")
	// ErrBadRequest: 400 or 422, other than a breached quota or a failed start.
	ErrBadRequest = errors.New("bad request")
	// ErrUnauthorized: 401; the key is wrong, or, from the toolbox, the sandbox is unknown.
	ErrUnauthorized = errors.New("unauthorized")
	// ErrForbidden: 403, other than a breached quota.
	ErrForbidden = errors.New("forbidden")
	// ErrRateLimited: 429; see Error.RetryAfter.
	ErrRateLimited = errors.New("rate limited")
	// ErrQuota: 400 or 403 whose text speaks of a limit or quota (Daytona has no status for it, daytonaio/daytona#3304).
	ErrQuota = errors.New("quota exceeded")
	// ErrNoCapacity: the provider has no runner to spare (daytonaio/daytona#2523).
	ErrNoCapacity = errors.New("no capacity")
	// ErrUnknownSnapshot: the snapshot to start from does not exist.
	ErrUnknownSnapshot = errors.New("unknown snapshot")
	// ErrStartFailed: the sandbox was made but did not start. On create, 400 "failed to start" while the sandbox exists.
	ErrStartFailed = errors.New("sandbox failed to start")
	// ErrExecTimeout: 408 from the toolbox; the command was killed at its limit and its output is lost.
	ErrExecTimeout = errors.New("command timed out")
	// ErrUnsupported: 501, or a toolbox's 404 for an unknown route; the server does not offer this.
	ErrUnsupported = errors.New("not supported by the server")
	// ErrSandboxSuspect: a failed toolbox call whose cause may be the sandbox's own state; see Client.Diagnose.
	ErrSandboxSuspect = errors.New("the sandbox may not be running")
	// ErrSandboxNotRunning: the sandbox exists and is not started.
	ErrSandboxNotRunning = errors.New("sandbox is not running")
)

// Sentinels that are wrapped inside other errors.
var (
	// ErrSandboxGone: the sandbox was removed, or is being removed.
	ErrSandboxGone = errors.New("sandbox is gone")
	// ErrDeleteDenied: the key may not delete sandboxes, so no retry can help.
	ErrDeleteDenied = errors.New("the API key may not delete sandboxes")
	// ErrInvalidRequest: the request was refused here and never sent.
	ErrInvalidRequest = errors.New("invalid request")
	// ErrBadAnswer: the answer does not have the shape that the API promises.
	ErrBadAnswer = errors.New("unexpected answer")
	// ErrAnswerTooLarge: the answer exceeds what this client reads.
	ErrAnswerTooLarge = errors.New("answer too large")
)

// Error is one failed exchange.
type Error struct {
	// Op is a verb phrase, such as "create sandbox".
	Op string
	// Method and Path are the request's; Path is relative to the base URL, escaped, without the query.
	Method, Path string
	// Status is the HTTP status; 0 means that no answer came.
	Status int
	// Code, Source and Message are the server's, cleaned and cut; empty where it gave none.
	Code, Source, Message string
	// RetryAfter is the server's wish, 0 when it has none; at most 10 minutes.
	RetryAfter time.Duration
	// Toolbox says that the request went through a toolbox proxy, towards a sandbox.
	Toolbox bool
	// Sent says that the request may have reached the server.
	Sent bool
	// Err is the cause when no answer came, or when a 2xx answer could not be used.
	Err error

	foreign bool // the answer is not in Daytona's shape: a gateway's, or of some other server
}

// Error says what was tried, what came back, and what the server said about it.
func (e *Error) Error() string {
	text := fmt.Sprintf("%s: %s %s", e.Op, e.Method, e.Path)
	if e.Status != 0 {
		text = strings.TrimRight(fmt.Sprintf("%s: %d %s", text, e.Status, http.StatusText(e.Status)), " ")
	}
	if e.Message != "" {
		text += ": " + e.Message
	}
	if e.Code != "" {
		text += " [" + e.Code + "]"
	}
	if e.Err != nil {
		text += ": " + e.Err.Error()
	}
	return text
}

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }

// Is matches the sentinels of this package.
func (e *Error) Is(target error) bool {
	switch target {
	case ErrNotFound:
		return e.Status == http.StatusNotFound && (e.Toolbox && !e.unknownRoute() || !e.Toolbox && !e.foreign)
	case ErrBadAnswer:
		return e.Status == http.StatusNotFound && !e.Toolbox && e.foreign || e.Status/100 == 3
	case ErrSandboxSuspect:
		return e.suspect()
	case ErrSandboxNotRunning:
		return e.Toolbox && e.speaksOf("is the sandbox started", "failed to resolve container ip", "sandbox container not found")
	}
	return e.kind() == target
}

// kind is the one sentinel that an answer's status and text amount to; nil when there is none.
func (e *Error) kind() error {
	switch e.Status {
	case http.StatusBadRequest, http.StatusUnprocessableEntity:
		return e.badRequestKind()
	case http.StatusForbidden:
		if e.speaksOfQuota() {
			return ErrQuota
		}
		return ErrForbidden
	case http.StatusRequestTimeout:
		if e.Toolbox {
			return ErrExecTimeout
		}
	case http.StatusUnauthorized:
		return ErrUnauthorized
	case http.StatusConflict:
		return ErrConflict
	case http.StatusTooManyRequests:
		return ErrRateLimited
	case http.StatusNotImplemented:
		return ErrUnsupported
	case http.StatusNotFound:
		if e.Toolbox && e.unknownRoute() {
			return ErrUnsupported
		}
	}
	return nil
}

// unknownRoute recognises the text of the daemon's router.
func (e *Error) unknownRoute() bool { return e.Message == "404 page not found" }

func (e *Error) badRequestKind() error {
	switch {
	case e.Toolbox:
		return ErrBadRequest
	case e.speaksOf("failed to start"):
		return ErrStartFailed
	case e.speaksOfQuota():
		return ErrQuota
	case e.speaksOf("no available runners"):
		return ErrNoCapacity
	case e.speaksOf("snapshot") && e.speaksOf("not found"):
		return ErrUnknownSnapshot
	}
	return ErrBadRequest
}

func (e *Error) speaksOfQuota() bool { return !e.Toolbox && e.speaksOf("limit exceeded", "quota") }

func (e *Error) speaksOf(phrases ...string) bool {
	message := strings.ToLower(e.Message)
	for _, phrase := range phrases {
		if strings.Contains(message, phrase) {
			return true
		}
	}
	return false
}

// suspect: what the proxy answers in the sandbox's stead while it is not running, and what a dying one does. An error
// that the daemon signed came from a living sandbox, and one of the caller's own reader from neither.
func (e *Error) suspect() bool {
	var ours *ReadError
	if !e.Toolbox || errors.As(e.Err, &ours) || e.Source == "DAYTONA_DAEMON" && e.Status != http.StatusUnauthorized {
		return false
	}
	switch e.Status {
	case 0:
		return e.Sent
	case http.StatusBadRequest, http.StatusUnauthorized, http.StatusNotFound,
		http.StatusBadGateway, http.StatusServiceUnavailable, http.StatusGatewayTimeout:
		return true
	}
	broken := e.Status/100 == 2 // an answer that began and broke off
	return broken && !errors.Is(e.Err, ErrBadAnswer) && !errors.Is(e.Err, ErrAnswerTooLarge)
}
