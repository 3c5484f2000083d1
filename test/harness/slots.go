//go:build linux

package harness

import (
	"github.com/stretchr/testify/require"

	"pitwall/activities"
	"pitwall/internal/config"
)

// LeaseID is the workflow ID of a slot's lease.
func (s *Stack) LeaseID(slot int) string {
	s.t.Helper()
	loaded, err := config.Load(s.ClientEnv())
	require.NoError(s.t, err)
	return activities.LeaseID(loaded.Account(), slot)
}
