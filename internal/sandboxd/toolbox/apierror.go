//go:build linux

package toolbox

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"time"

	"golang.org/x/sys/unix"
)

// apiError is a refusal with the status and code that Daytona's client libraries tell apart.
type apiError struct {
	status  int
	code    string
	message string
}

func (e *apiError) Error() string { return e.message }

func badRequest(format string, args ...any) *apiError {
	return &apiError{http.StatusBadRequest, "BAD_REQUEST", fmt.Sprintf(format, args...)}
}

func notFound(format string, args ...any) *apiError {
	return &apiError{http.StatusNotFound, "NOT_FOUND", fmt.Sprintf(format, args...)}
}

func conflict(format string, args ...any) *apiError {
	return &apiError{http.StatusConflict, "CONFLICT", fmt.Sprintf(format, args...)}
}

func gone(code, format string, args ...any) *apiError {
	return &apiError{http.StatusGone, code, fmt.Sprintf(format, args...)}
}

func internalError(format string, args ...any) *apiError {
	return &apiError{http.StatusInternalServerError, "INTERNAL_SERVER_ERROR", fmt.Sprintf(format, args...)}
}

// errorBody is the error shape of daemons from 0.20 on: code and source let a client library raise the precise class.
type errorBody struct {
	StatusCode int    `json:"statusCode"`
	Message    string `json:"message"`
	Code       string `json:"code"`
	Timestamp  string `json:"timestamp"`
	Path       string `json:"path"`
	Method     string `json:"method"`
	Source     string `json:"source"`
}

// toAPIError gives err the status of its kind: file errors as Daytona maps them, everything else is the agent's fault.
func toAPIError(err error) *apiError {
	var api *apiError
	var tooLarge *http.MaxBytesError
	switch {
	case errors.As(err, &api):
		return api
	case errors.As(err, &tooLarge):
		return &apiError{http.StatusRequestEntityTooLarge, "BAD_REQUEST", fmt.Sprintf("request body exceeds %d bytes", tooLarge.Limit)}
	case errors.Is(err, fs.ErrNotExist):
		return &apiError{http.StatusNotFound, "FILE_NOT_FOUND", err.Error()}
	case errors.Is(err, fs.ErrPermission), errors.Is(err, unix.EROFS):
		return &apiError{http.StatusForbidden, "FILE_ACCESS_DENIED", err.Error()}
	case isFileFault(err):
		return badRequest("%s", err)
	}
	return internalError("%s", err)
}

// isFileFault tells a file error that lies in the request or in the sandbox's state from one of the agent's.
func isFileFault(err error) bool {
	var path *fs.PathError
	var errno unix.Errno
	return errors.As(err, &path) || errors.As(err, &errno)
}

// newErrorBody is the JSON of err as the answer to r.
func newErrorBody(r *http.Request, err *apiError) errorBody {
	return errorBody{
		StatusCode: err.status,
		Message:    err.message,
		Code:       err.code,
		Timestamp:  time.Now().UTC().Format(time.RFC3339Nano),
		Path:       r.URL.Path,
		Method:     r.Method,
		Source:     "DAYTONA_DAEMON",
	}
}

func writeError(w http.ResponseWriter, r *http.Request, err error) {
	api := toAPIError(err)
	writeJSON(w, api.status, newErrorBody(r, api))
}

// writeJSON answers with a body that is small enough to be made in memory. A write error means that the client has gone.
func writeJSON(w http.ResponseWriter, status int, body any) {
	text, err := json.Marshal(body)
	if err != nil {
		status, text = http.StatusInternalServerError, []byte(`{"statusCode":500,"message":"encode answer"}`)
	}
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	w.WriteHeader(status)
	_, _ = w.Write(text)
}
