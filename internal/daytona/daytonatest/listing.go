package daytonatest

import (
	"encoding/json"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"pitwall/internal/daytona"
)

// list pages by position: the cursor is the number of rows passed.
func (s *Server) list(w http.ResponseWriter, r *http.Request) {
	query := r.URL.Query()
	var labels map[string]string
	_ = json.Unmarshal([]byte(query.Get("labels")), &labels)
	limit, _ := strconv.Atoi(query.Get("limit"))
	if s.options.PageSize > 0 {
		limit = min(limit, s.options.PageSize)
	}
	position, _ := strconv.Atoi(query.Get("cursor"))
	s.mu.Lock()
	defer s.mu.Unlock()
	items := []map[string]any{}
	var next any
	for i, row := range s.sandboxes {
		if i < position || !row.listed(labels, query["states"], query.Get("name")) {
			continue
		}
		if len(items) == limit {
			next = strconv.Itoa(i)
			break
		}
		item := s.dto(row, r)
		delete(item, "env")
		items = append(items, item)
	}
	writeJSON(w, http.StatusOK, map[string]any{"items": items, "nextCursor": next})
}

func (row *sandbox) listed(labels map[string]string, states []string, prefix string) bool {
	for key, value := range labels {
		if row.create.Labels[key] != value {
			return false
		}
	}
	return !row.hidden && row.state != daytona.StateDestroyed &&
		(len(states) == 0 || slices.Contains(states, row.state)) &&
		strings.HasPrefix(strings.ToLower(row.name), strings.ToLower(prefix))
}

// dto has every key that the generated Go client insists on.
func (s *Server) dto(row *sandbox, r *http.Request) map[string]any {
	body := row.create
	dto := map[string]any{
		"id": row.id, "name": row.name, "organizationId": "org", "user": "daytona", "target": "local",
		"state": row.state, "desiredState": row.desired, "snapshot": body.Snapshot,
		"env": maps.Clone(body.Env), "labels": maps.Clone(body.Labels), "public": false,
		"networkBlockAll": body.NetworkBlockAll, "cpu": 1, "gpu": 0, "memory": 1, "disk": 3,
		"createdAt": row.created.UTC().Format(time.RFC3339Nano), "toolboxProxyUrl": proxyOf(r),
	}
	for _, key := range []string{"env", "labels"} {
		if dto[key].(map[string]string) == nil {
			dto[key] = map[string]string{}
		}
	}
	if s.options.HideProxyURL {
		dto["toolboxProxyUrl"] = ""
	}
	if body.NetworkAllowList != "" {
		dto["networkAllowList"] = body.NetworkAllowList
	}
	if body.DomainAllowList != "" {
		dto["domainAllowList"] = body.DomainAllowList
	}
	if row.reason != "" {
		dto["errorReason"] = row.reason
	}
	if body.AutoStopInterval != nil {
		dto["autoStopInterval"] = *body.AutoStopInterval
	}
	if body.AutoDeleteInterval != nil {
		dto["autoDeleteInterval"] = *body.AutoDeleteInterval
	}
	if body.TTLMinutes != nil {
		dto["autoDestroyAt"] = row.created.Add(time.Duration(*body.TTLMinutes) * time.Minute).UTC().Format(time.RFC3339)
	}
	return dto
}
