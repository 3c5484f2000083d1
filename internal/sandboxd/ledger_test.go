package sandboxd

import (
	"fmt"
	"os"
	"testing"

	"github.com/stretchr/testify/require"
	"go.uber.org/zap"
)

func TestLedgerSurvivesRestartCutLineAndRotation(t *testing.T) {
	dir := t.TempDir()
	l, err := openLedger(dir, zap.NewNop())
	require.NoError(t, err)
	for i := range 5 {
		l.note(eventCreated, fmt.Sprint(i), "n")
	}
	l.note(eventDestroyed, "0", "n")
	l.note(eventDestroyed, "0", "n") // a second time counts once
	require.NoError(t, l.rotate())
	l.note(eventDestroyed, "1", "n")
	require.NoError(t, l.file.Close())
	file, err := os.OpenFile(l.path, os.O_APPEND|os.O_WRONLY, 0)
	require.NoError(t, err)
	_, err = file.WriteString(`{"seq":9,"event":"crea`)
	require.NoError(t, err)
	require.NoError(t, file.Close())

	again, err := openLedger(dir, zap.NewNop())
	require.NoError(t, err)
	sum := again.snapshot()
	require.EqualValues(t, 5, sum.Created)
	require.EqualValues(t, 2, sum.Destroyed)
	require.Equal(t, 3, sum.Live)
	require.Equal(t, 5, sum.MaxLive)
	again.note(eventDestroyed, "2", "n")
	require.Equal(t, 2, again.snapshot().Live)
	require.NoError(t, again.file.Close())

	third, err := openLedger(dir, zap.NewNop())
	require.NoError(t, err)
	require.Equal(t, 2, third.snapshot().Live, "the line after a cut one is not lost")
	require.NoError(t, third.file.Close())
}
