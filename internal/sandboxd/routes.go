package sandboxd

import (
	"net/http"
	"strings"
	"time"
)

// Handler is the whole HTTP surface.
func (s *Server) Handler() http.Handler {
	api := s.apiRoutes()
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		select {
		case s.slots <- struct{}{}:
			defer func() { <-s.slots }()
		default:
			writeError(w, r, refuse(http.StatusServiceUnavailable, "More than %d requests at once", maxRequests))
			return
		}
		switch {
		case strings.HasPrefix(r.URL.Path, "/api/socket.io/"):
			s.serveEvents(w, r) // the key comes in its first message
		case r.URL.Path == "/api/health", r.URL.Path == "/api/health/ready":
			writeJSON(w, http.StatusOK, map[string]any{"status": "ok", "info": map[string]any{}, "error": map[string]any{}, "details": map[string]any{}})
		case !s.keyHash.authorized(r):
			writeError(w, r, refuse(http.StatusUnauthorized, "Invalid credentials"))
		case strings.HasPrefix(r.URL.EscapedPath(), "/toolbox/"):
			s.serveToolbox(w, r) // before a mux, which would rewrite the path
		default:
			r.Body = http.MaxBytesReader(w, r.Body, maxBodyBytes)
			api.ServeHTTP(w, r)
		}
	})
}

// apiRoutes are the control plane's. What Daytona has and we do not is answered 501 by the last one.
func (s *Server) apiRoutes() *http.ServeMux {
	mux := http.NewServeMux()
	answer := func(pattern string, handle func(*http.Request) (any, error)) {
		mux.HandleFunc(pattern, func(w http.ResponseWriter, r *http.Request) {
			body, err := handle(r)
			if err != nil {
				writeError(w, r, err)
				return
			}
			writeJSON(w, http.StatusOK, body)
		})
	}
	answer("POST /api/sandbox", s.createSandbox)
	answer("GET /api/sandbox", s.listSandboxes)
	answer("GET /api/sandbox/{id}", s.getSandbox)
	answer("DELETE /api/sandbox/{id}", s.deleteSandbox)
	answer("POST /api/sandbox/{id}/start", s.startSandbox)
	answer("POST /api/sandbox/{id}/stop", s.stopSandbox)
	answer("PUT /api/sandbox/{id}/labels", s.putLabels)
	answer("POST /api/sandbox/{id}/autostop/{value}", s.putSetting(func(r *record, v int) { r.AutoStop = v }, 0))
	answer("POST /api/sandbox/{id}/autoarchive/{value}", s.putSetting(func(r *record, v int) { r.AutoArchive = v }, 0))
	answer("POST /api/sandbox/{id}/autodelete/{value}", s.putSetting(func(r *record, v int) { r.AutoDelete = v }, -1))
	answer("POST /api/sandbox/{id}/ttl/{value}", s.putSetting(func(r *record, v int) { r.TTL = v }, 0))
	answer("GET /api/sandbox/{id}/toolbox-proxy-url", s.getToolboxURL)
	mux.HandleFunc("POST /api/sandbox/{id}/last-activity", s.postActivity)
	answer("GET /api/snapshots", s.listSnapshots)
	answer("GET /api/snapshots/{id}", s.getSnapshot)
	answer("GET /api/config", s.getConfig)
	answer("GET /api/api-keys/current", s.currentKey)
	mux.HandleFunc("GET /api/pitwall/ledger", s.getLedger)
	mux.HandleFunc("GET /api/pitwall/ledger/entries", s.getLedgerEntries)
	answer("GET /api/pitwall/bounds", func(*http.Request) (any, error) { return s.runtime.Bounds(), nil })
	for _, path := range []string{"GET /api/sandbox/paginated", "GET /api/sandbox/for-runner"} {
		mux.HandleFunc(path, notImplemented)
	}
	mux.HandleFunc("/", notImplemented)
	return mux
}

func notImplemented(w http.ResponseWriter, r *http.Request) {
	writeError(w, r, refuse(http.StatusNotImplemented, "%s %s is not a part of the local sandbox server", r.Method, r.URL.Path))
}

func (s *Server) getToolboxURL(r *http.Request) (any, error) {
	if _, err := s.records.find(r.PathValue("id")); err != nil {
		return nil, err
	}
	return map[string]string{"url": toolboxURL(r.Host)}, nil
}

func (s *Server) postActivity(w http.ResponseWriter, r *http.Request) {
	rec, err := s.records.find(r.PathValue("id"))
	if err != nil {
		writeError(w, r, err)
		return
	}
	s.records.touch(rec.ID, time.Now().UTC())
	w.WriteHeader(http.StatusCreated)
}
