package main

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"pitwall/activities"
	"pitwall/internal/daytona"
)

func TestDoctorTellsBlockedLeasesFromBusyOnes(t *testing.T) {
	t.Parallel()
	removal := func(age time.Duration, failure string) *activities.PendingRemoval {
		return &activities.PendingRemoval{Activity: "GuardSandbox", Attempt: 3, Since: time.Now().Add(-age), FailureType: failure, Failure: "403", Doing: "the provider has been destroying s"}
	}
	for _, c := range []struct {
		lease activities.AuditFinding
		name  string // "": nothing is wrong
	}{
		{activities.AuditFinding{Verdict: activities.LeaseGuarding}, ""},
		{activities.AuditFinding{Verdict: activities.LeaseAbandoned}, ""},
		{activities.AuditFinding{Verdict: activities.LeaseRemoving, Removal: removal(time.Second, "")}, ""},
		{activities.AuditFinding{Verdict: activities.LeaseRemoving, Removal: removal(2*time.Minute, "Transport")}, "removal stuck"},
		{activities.AuditFinding{Verdict: activities.LeaseRemoving, Removal: removal(time.Second, activities.ErrTypeCleanupBlocked)}, "removal denied"},
		{activities.AuditFinding{Verdict: activities.LeaseLate}, "lease late"},
		{activities.AuditFinding{Verdict: activities.LeaseOverdue}, "lease overdue"},
		{activities.AuditFinding{Verdict: activities.LeaseEnding}, "slot rests"},
		{activities.AuditFinding{Verdict: activities.LeaseUnread}, "lease unclear"},
	} {
		c.lease.Lease.ID = "sandbox-slot/a/0"
		found, blocked := blockedLease(c.lease)
		require.Equal(t, c.name != "", blocked, c.lease.Verdict)
		require.Equal(t, c.name, found.Name)
		if blocked {
			require.Contains(t, found.Detail, "sandbox-slot/a/0")
			require.NotEmpty(t, found.Remedy)
		}
	}
}

func TestDoctorTellsBrokenSandboxesFromBusyOnes(t *testing.T) {
	t.Parallel()
	owner := activities.Owner{Cluster: "11111111-aaaa", Namespace: "22222222-bbbb"}
	long, now := time.Now().Add(-5*time.Minute), time.Now()
	row := func(id, name, state, desired, cluster string, updated time.Time) map[string]any {
		labels := owner.OwnLabels()
		labels[activities.LabelCluster], labels[activities.LabelSlot] = cluster, "3"
		return map[string]any{
			"id": id, "name": name, "state": state, "desiredState": desired, "labels": labels, "updatedAt": updated.UTC().Format(time.RFC3339),
			"organizationId": "o", "user": "daytona", "public": false, "networkBlockAll": true, "target": "t",
			"cpu": 1, "gpu": 0, "memory": 1, "disk": 1, "toolboxProxyUrl": "http://127.0.0.1:1/toolbox",
		}
	}
	rows := []map[string]any{
		row("lives", "a", "started", "started", owner.Cluster, long),
		row("leaving", "b", "started", "destroyed", owner.Cluster, now),
		row("stuck", "c", "started", "destroyed", owner.Cluster, long),
		row("broken", "d", "error", "started", owner.Cluster, long),
		row("hidden", "DESTROYED_e_1", "error", "destroyed", owner.Cluster, long),
		row("resting", owner.SandboxName(3), "error", "destroyed", owner.Cluster, long),
		row("foreign", "f", "error", "started", "another", long),
	}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Query().Get("includeErroredDeleted") != "true" {
			w.WriteHeader(http.StatusBadRequest)
			return
		}
		w.Header().Set("Content-Type", "application/json")
		_ = json.NewEncoder(w).Encode(map[string]any{"items": rows, "nextCursor": nil})
	}))
	t.Cleanup(server.Close)
	provider, err := daytona.New(daytona.Config{APIURL: server.URL, APIKey: "k"})
	require.NoError(t, err)
	t.Cleanup(provider.CloseIdle)

	found, err := blockedSandboxes(t.Context(), &activities.Reaping{Daytona: provider, Owner: owner})
	require.NoError(t, err)
	names := map[string]string{}
	for _, one := range found {
		names[one.Name] = one.Detail
		require.NotEmpty(t, one.Remedy)
	}
	require.Len(t, names, 4, "%v", found)
	require.Contains(t, names["sandbox stuck"], "stuck (slot 3)")
	require.Contains(t, names["sandbox broken"], "broken (slot 3)")
	require.Contains(t, names["slot rests"], "resting (slot 3)")
	require.Contains(t, names["sandboxes hidden"], "1 were deleted")
}
