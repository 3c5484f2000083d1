package deploy

import (
	"encoding/json"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"pitwall/internal/artifact"
)

// The rules name the folders that the store has, and spare inputs, pins and baselines.
func TestLifecycleRulesNameTheStoresFolders(t *testing.T) {
	files, err := filepath.Glob("lifecycle/*.json")
	require.NoError(t, err)
	require.Len(t, files, 3)
	for _, file := range files {
		data, err := os.ReadFile(file)
		require.NoError(t, err)
		require.True(t, json.Valid(data), file)
		for _, folder := range []string{artifact.CampaignsPrefix, artifact.EvalsPrefix} {
			require.Contains(t, string(data), folder+`"`, file)
		}
		for _, kept := range []string{"blobs/", "pins/", "baselines/", "deleted/"} {
			require.NotContains(t, string(data), kept, file)
		}
	}
}
