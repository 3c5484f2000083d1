package activities

import (
	"context"
	"fmt"
	"time"

	"pitwall/internal/daytona"
)

// foreignTimeout bounds the removal of one sandbox of another's, for which somebody waits.
const foreignTimeout = 2 * time.Minute

// RemoveForeign removes, to proof, one sandbox of another cluster or namespace, which no pass of this reaper touches and
// whose own may be gone for good. It must be named by its id, carry Pitwall's label, and be past its expires-at, which is
// after every clock of its eval; otherwise the decision's action is none, and its reason says why. A dry run touches nothing.
func RemoveForeign(ctx context.Context, r *Reaping, id string, dryRun bool) (Decision, error) {
	sandbox, err := r.Daytona.GetSandbox(ctx, id)
	if err != nil {
		return Decision{}, err
	}
	decision := Decide(ctx, r, sandbox)
	decision.Action = ActionNone
	if obstacle := obstacleTo(decision, sandbox, id); obstacle != "" {
		decision.Reason += "; " + obstacle
		return decision, nil
	}
	decision.Action = ActionRemove
	decision.Reason += "; it expired at " + stamp(decision.ExpiresAt)
	if !dryRun {
		r.remove(ctx, foreignTimeout, sandbox, &decision, watcher{})
	}
	return decision, nil
}

// obstacleTo says why a sandbox may not be removed as a foreign one; empty when it may.
func obstacleTo(decision Decision, sandbox daytona.Sandbox, id string) string {
	switch {
	case sandbox.ID != id:
		return fmt.Sprintf("%s is its name: a name may be another's in a moment, give the id %s", bounded(id, maxLabelBytes), sandbox.ID)
	case decision.Verdict != VerdictForeign:
		return "it is of this cluster and namespace: the reaper sees to it without --foreign"
	case sandbox.Labels[LabelManagedBy] != ManagedBy:
		return "it is not Pitwall's"
	case sandbox.Leaving():
		return "the provider is removing it"
	case decision.ExpiresAt.IsZero():
		return "its expiry is unreadable"
	case time.Now().Before(decision.ExpiresAt):
		return "its own Pitwall may still use it; it may go after " + stamp(decision.ExpiresAt)
	}
	return ""
}
