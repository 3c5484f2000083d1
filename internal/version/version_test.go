package version

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestReleaseNamesTheBuild(t *testing.T) {
	require.Equal(t, "pitwall@9fc4e8c60c71", Info{Version: "v1.2.0", Revision: "9fc4e8c60c71d8e2b0a4"}.Release())
	require.Equal(t, "pitwall@v1.2.0", Info{Version: "v1.2.0"}.Release())
	require.Equal(t, "pitwall@dev", Info{Version: "dev", Revision: "short"}.Release())
	require.NotEmpty(t, Read().Version)
}
