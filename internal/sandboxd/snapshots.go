package sandboxd

import (
	"net/http"
	"slices"
	"strings"
	"time"

	"pitwall/internal/sandboxd/gvisor"
)

func (s *Server) snapshotDTO(snapshot gvisor.Snapshot) map[string]any {
	size := s.snapshotSize(snapshot)
	return map[string]any{
		"id": snapshot.Name, "organizationId": organization, "general": snapshot.Name == gvisor.DefaultSnapshot, "name": snapshot.Name,
		"state": "active", "size": nil, "entrypoint": nil, "cpu": size.CPUs, "gpu": 0, "mem": gib(size.MemoryBytes),
		"disk": gib(size.DiskBytes), "errorReason": nil, "createdAt": time.Time{}, "updatedAt": time.Time{}, "lastUsedAt": nil,
		"sourceSandboxId": nil, "ref": snapshot.Digest, "sandboxClass": "container",
	}
}

func (s *Server) listSnapshots(*http.Request) (any, error) {
	all := s.runtime.Snapshots()
	slices.SortFunc(all, func(a, b gvisor.Snapshot) int { return strings.Compare(a.Name, b.Name) })
	items := make([]map[string]any, 0, len(all))
	for _, snapshot := range all {
		items = append(items, s.snapshotDTO(snapshot))
	}
	return map[string]any{"items": items, "total": len(items), "page": 1, "totalPages": 1}, nil
}

func (s *Server) getSnapshot(r *http.Request) (any, error) {
	snapshot, ok := s.snapshot(r.PathValue("id"))
	if !ok {
		return nil, refuse(http.StatusNotFound, "Snapshot %s not found", r.PathValue("id"))
	}
	return s.snapshotDTO(snapshot), nil
}

// getConfig is the least that Daytona's clients read of its configuration.
func (s *Server) getConfig(r *http.Request) (any, error) {
	base := "http://" + r.Host
	return map[string]any{
		"version": "pitwall", "oidc": map[string]any{"issuer": "", "clientId": "", "audience": ""}, "linkedAccountsEnabled": false,
		"announcements": map[string]any{}, "proxyTemplateUrl": "", "proxyToolboxUrl": toolboxURL(r.Host),
		"defaultSnapshot": gvisor.DefaultSnapshot, "dashboardUrl": base, "maxAutoArchiveInterval": 43200, "maintananceMode": false,
		"environment": "local",
	}, nil
}

// currentKey says what the one API key may do: all that there is.
func (s *Server) currentKey(*http.Request) (any, error) {
	return map[string]any{
		"name": "local", "value": "********", "createdAt": time.Time{}, "lastUsedAt": nil, "expiresAt": nil, "userId": organization,
		"permissions": []string{"write:sandboxes", "delete:sandboxes"},
	}, nil
}
