//go:build linux

package toolbox

import (
	"net/http"
	"time"
)

// Pressure is the body of POST /pitwall/pressure, in bytes: what gVisor uses for the whole sandbox, and what it may use
// before the job has to go.
type Pressure struct {
	Value int64 `json:"value"`
	Bound int64 `json:"bound"`
}

// PressurePath is not of Daytona's API: the runtime on the host calls it. The memory that a job makes gVisor's kernel take,
// for a million files say, is in no process of its own, so only the host sees it.
const PressurePath = "/pitwall/pressure"

// hearPressure has the watcher end the job for its memory. It does not wait for that.
func (s *Server) hearPressure(w http.ResponseWriter, r *http.Request) error {
	var heard Pressure
	if err := readJSON(w, r, &heard); err != nil {
		return err
	}
	if s.watcher == nil || heard.Value <= heard.Bound {
		return badRequest("there is no pressure on the memory of this sandbox")
	}
	select {
	case s.watcher.pressure <- LimitEvent{time.Now().UTC(), LimitMemory, heard.Value, heard.Bound}:
	default: // it was told just now
	}
	w.WriteHeader(http.StatusNoContent)
	return nil
}
