package sandboxd

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"time"
)

// apiError is an answer in Daytona's error shape.
type apiError struct {
	status  int
	message string
}

func (e *apiError) Error() string { return e.message }

func refuse(status int, format string, args ...any) *apiError {
	return &apiError{status, fmt.Sprintf(format, args...)}
}

func notFound(idOrName string) *apiError {
	return refuse(http.StatusNotFound, "Sandbox with ID or name %s not found", idOrName)
}

var errBusy = refuse(http.StatusConflict, "Sandbox state change in progress")

// writeError answers with err; what is no apiError is our own fault.
func writeError(w http.ResponseWriter, r *http.Request, err error) {
	answer := &apiError{http.StatusInternalServerError, err.Error()}
	errors.As(err, &answer)
	writeJSON(w, answer.status, map[string]any{
		"path": r.URL.Path, "timestamp": time.Now().UTC(), "statusCode": answer.status,
		"error": http.StatusText(answer.status), "message": answer.message, "source": "DAYTONA_API",
	})
}

func writeJSON(w http.ResponseWriter, status int, body any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(body) // the client may have gone
}
