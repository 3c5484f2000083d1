//go:build linux

package toolbox

import "net/http"

// routes is the part of Daytona's toolbox API that is served, by ServeMux pattern.
func (s *Server) routes() map[string]handler {
	const command = "/process/session/{session}/command/{command}"
	return map[string]handler{
		"GET /version":            s.version,
		"GET /work-dir":           s.homeDir,
		"GET /user-home-dir":      s.homeDir,
		"POST /env":               s.updateEnv,
		"GET /port":               s.ports,
		"GET /port/{port}/in-use": s.portInUse,

		"POST /process/execute":                s.execute,
		"POST /process/code-run":               s.codeRun,
		"POST /process/session":                s.createSession,
		"GET /process/session":                 s.listSessions,
		"GET /process/session/{session}":       s.getSession,
		"DELETE /process/session/{session}":    s.deleteSession,
		"POST /process/session/{session}/exec": s.sessionExec,
		"GET " + command:                       s.getCommand,
		"GET " + command + "/logs":             s.commandLogs,
		"POST " + command + "/input":           s.sendInput,

		"GET /files":                s.list,
		"DELETE /files":             s.remove,
		"GET /files/info":           s.info,
		"POST /files/folder":        s.mkdir,
		"POST /files/move":          s.move,
		"POST /files/permissions":   s.permissions,
		"GET /files/find":           s.find,
		"GET /files/search":         s.search,
		"POST /files/replace":       s.replace,
		"POST /files/bulk-upload":   s.bulkUpload,
		"POST /files/upload-v2":     s.upload,
		"POST /files/upload":        s.upload,
		"POST /files/bulk-download": s.bulkDownload,
		"GET /files/download":       s.download,

		"POST /git/clone": s.gitClone,
		"GET /git/status": s.gitStatus,

		"POST " + PressurePath: s.hearPressure,

		"/": notImplemented,
	}
}

// notImplemented answers the rest of the surface, so that a caller sees at once what it asked too much of.
func notImplemented(_ http.ResponseWriter, r *http.Request) error {
	return &apiError{http.StatusNotImplemented, "NOT_FOUND", r.Method + " " + r.URL.Path + " is not implemented by the local sandbox"}
}
