//go:build linux

package sandboxd

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"
	"go.uber.org/zap"
)

func TestAFullDiskAtTheEndOfATransitionLeavesASandboxThatCanBeDestroyed(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "sandboxes")
	g, err := openRegistry(dir, func(string, error) {})
	require.NoError(t, err)
	s := &Server{records: g, events: newHub(), cfg: Config{Logger: zap.NewNop()}}
	rec := record{ID: uuid.NewString(), Name: "x", State: Creating, busy: true, Labels: map[string]string{}, Env: map[string]string{}}
	require.NoError(t, g.add(&rec, 10))
	require.NoError(t, os.RemoveAll(dir)) // nothing can be written just now, as on a full disk
	_, err = s.settle(rec.ID, func(r *record) { r.State = Started })
	require.NoError(t, err, "what has happened has")
	require.NoError(t, os.MkdirAll(dir, 0o700)) // and now it can
	_, _, err = s.hold(rec.ID, Destroying, func(record, *record) error { return nil })
	require.NoError(t, err, "DELETE is refused for ever, and the clocks pass it by (busy)")
}
