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

// What a store that was read in part, or retention, has taken from sight is missing from nowhere.
func TestAResultThatCannotBeThereIsNotMissing(t *testing.T) {
	w := newWorld("trial")
	w.Results = nil
	require.Equal(t, []string{audit.CodeResultMissing}, codes(audit.Reconcile(w.Sources)))
	w.ResultsPartial = true
	require.Empty(t, audit.Reconcile(w.Sources).Unaccounted)
	w.ResultsPartial, w.Expired = false, map[string]string{w.Evals[0].ID: "its time was over"}
	report := audit.Reconcile(w.Sources)
	require.Empty(t, report.Unaccounted)
	require.Equal(t, audit.NoteExpired, report.Notes[0].Code)
}
