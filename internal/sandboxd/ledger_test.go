package sandboxd

import (
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/zap"
)

func TestLedgerSurvivesRestartCutLineAndRotation(t *testing.T) {
	dir := t.TempDir()
	l, err := openLedger(dir, zap.NewNop())
	require.NoError(t, err)
	for i := range 5 {
		l.note(LedgerEntry{Event: eventCreated, ID: fmt.Sprint(i), Name: "n"})
	}
	l.note(LedgerEntry{Event: eventDestroyed, ID: "0", Name: "n"})
	l.note(LedgerEntry{Event: eventDestroyed, ID: "0", Name: "n"}) // a second time counts once
	require.NoError(t, l.rotate())
	l.note(LedgerEntry{Event: eventDestroyed, ID: "1", Name: "n"})
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
	again.note(LedgerEntry{Event: eventDestroyed, ID: "2", Name: "n"})
	require.Equal(t, 2, again.snapshot().Live)
	require.NoError(t, again.file.Close())

	third, err := openLedger(dir, zap.NewNop())
	require.NoError(t, err)
	require.Equal(t, 2, third.snapshot().Live, "the line after a cut one is not lost")
	require.NoError(t, third.file.Close())
}

func TestLedgerIsReadByTimeOverRestartsAndRotation(t *testing.T) {
	dir := t.TempDir()
	l, err := openLedger(dir, zap.NewNop())
	require.NoError(t, err)
	labels := map[string]string{"managed-by": "pitwall", "pitwall-lease-run": "run", "mine": "not kept", "pitwall-eval": strings.Repeat("x", labelBytes+1)}
	l.note(LedgerEntry{Event: eventCreated, ID: "1", Labels: keptLabels(labels)})
	require.NoError(t, l.rotate())
	middle := time.Now()
	l.note(LedgerEntry{Event: eventDestroyed, ID: "1", Cause: causeTTL})
	require.NoError(t, l.file.Close())
	again, err := openLedger(dir, zap.NewNop())
	require.NoError(t, err)
	again.note(LedgerEntry{Event: eventCreated, ID: "2"})

	read := func(since, until time.Time) (entries []LedgerEntry, from time.Time) {
		from, err := again.read(since, until, func(e LedgerEntry) error { entries = append(entries, e); return nil })
		require.NoError(t, err)
		return entries, from
	}
	all, from := read(time.Time{}, time.Time{})
	require.Zero(t, from, "nothing was dropped")
	require.Len(t, all, 3)
	for i, e := range all {
		require.EqualValues(t, i+1, e.Seq)
	}
	require.Equal(t, map[string]string{"managed-by": "pitwall", "pitwall-lease-run": "run"}, all[0].Labels)
	require.Equal(t, causeTTL, all[1].Cause)
	late, _ := read(middle, time.Time{})
	require.Equal(t, all[1:], late)
	early, _ := read(time.Time{}, middle)
	require.Equal(t, all[:1], early)

	require.NoError(t, again.rotate())
	require.NoError(t, again.file.Close())
	third, err := openLedger(dir, zap.NewNop())
	require.NoError(t, err)
	third.note(LedgerEntry{Event: eventDestroyed, ID: "2"})
	require.EqualValues(t, 4, third.snapshot().Entries[0].Seq, "the count goes on in a new file")
	require.NoError(t, third.rotate())
	from, err = third.read(time.Time{}, time.Time{}, func(LedgerEntry) error { return nil })
	require.NoError(t, err)
	require.Equal(t, third.snapshot().Entries[0].Time, from, "and what was dropped is said")
	require.NoError(t, third.file.Close())
}
