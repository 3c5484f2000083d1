//go:build linux

package chaos

import (
	"slices"
	"testing"
)

// quickIDs are the cases that make test runs: each strike once, at the boundary where it costs most to be wrong, and a
// fault of each kind.
func quickIDs() []string {
	return []string{
		"matrix/worker-killed/create.before",
		"matrix/worker-killed/create.after",
		"matrix/worker-killed/launch.after",
		"matrix/worker-killed/delete.after",
		"matrix/worker-stopped/wait.before",
		"matrix/one-of-two-workers-killed/job-done.before",
		"matrix/temporal-killed/created.before",
		"matrix/temporal-killed/removed.after",
		"matrix/sandboxd-killed/wait.after",
		"matrix/cancelled/create.after",
		"matrix/terminated/launch.after",
		"matrix/terminated/proof.before",
		"matrix/run-timeout/wait.before",
		"matrix/reset-to-its-latest-task/job-scheduled.after",
		"matrix/lease-terminated/wait.before",
		"matrix/campaign-cancelled/uploaded.after",
		"matrix/campaign-terminated/created.after",
		"fault/reset-after@create",
		"fault/rate-limited@create",
		"fault/bad-gateway-dead@execute",
		"fault/vanish@download",
		"fault/delete-conflict@delete",
		"fault/delete-not-found@delete",
		"special/launch-claimed-and-never-started",
		"special/exit-record-is-a-fifo",
		"special/lease-terminated-between-grant-and-claim",
		"special/reset-while-the-job-runs/to-its-beginning/then-terminate",
	}
}

func quick(t *testing.T, all []chaosCase) []chaosCase {
	t.Helper()
	var chosen []chaosCase
	for _, id := range quickIDs() {
		at := slices.IndexFunc(all, func(c chaosCase) bool { return c.id == id })
		if at < 0 {
			t.Fatalf("no case is called %s", id)
		}
		chosen = append(chosen, all[at])
	}
	return chosen
}
