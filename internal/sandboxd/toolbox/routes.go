package toolbox

import "net/http"

// routes is the part of Daytona's toolbox API that is served, by ServeMux pattern.
func (s *Server) routes() map[string]handler {
	return map[string]handler{
		"GET /version":          s.version,
		"POST /process/execute": s.execute,

		"POST /files/bulk-upload": s.bulkUpload,
		"POST /files/upload-v2":   s.upload,
		"GET /files/download":     s.download,

		"/": notImplemented,
	}
}

// notImplemented answers the rest of the surface, so that a caller sees at once what it asked too much of.
func notImplemented(_ http.ResponseWriter, r *http.Request) error {
	return &apiError{http.StatusNotImplemented, "NOT_FOUND", r.Method + " " + r.URL.Path + " is not implemented by the local sandbox"}
}

func (s *Server) version(w http.ResponseWriter, _ *http.Request) error {
	writeJSON(w, http.StatusOK, map[string]string{"version": s.cfg.Version})
	return nil
}
