package audit_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"pitwall/internal/audit"
	"pitwall/internal/spec"
)

// A trial's workflow returns no manifest of its artifacts, and its result.json holds one: no difference.
func TestATrialThatKeptArtifactsIsAccountedFor(t *testing.T) {
	w := newWorld("trial")
	w.Results[0].ArtifactManifest = &spec.ArtifactManifest{Listed: 1}
	require.Empty(t, audit.Reconcile(w.Sources).Unaccounted)
}
