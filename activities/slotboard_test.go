package activities

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// fakeLeases plays Temporal for the board: which slots have a running lease, and when it closes.
type fakeLeases struct {
	mu     sync.Mutex
	closed map[int]chan struct{}
	broken bool
}

func (f *fakeLeases) start(slot int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.closed[slot] = make(chan struct{})
}

func (f *fakeLeases) close(slot int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	close(f.closed[slot])
	delete(f.closed, slot)
}

func (f *fakeLeases) watch(_ context.Context, slot int) leaseWatch {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.broken {
		return leaseWatch{err: errors.New("temporal is away")}
	}
	closed, running := f.closed[slot]
	if !running {
		return leaseWatch{}
	}
	return leaseWatch{running: true, wait: func(ctx context.Context) error {
		select {
		case <-closed:
			return nil
		case <-ctx.Done():
			return ctx.Err()
		}
	}}
}

func takeSoon(t *testing.T, board *slotBoard) int {
	t.Helper()
	bound := time.After(30 * time.Second)
	for {
		slot, free, changed := board.take()
		if free {
			return slot
		}
		select {
		case <-changed:
		case <-bound:
			require.FailNow(t, "no slot became free")
		}
	}
}

func TestSlotBoardGrantsEachFreeSlotOnceAndThenWaitsForALeaseToClose(t *testing.T) {
	leases := &fakeLeases{closed: map[int]chan struct{}{}}
	board := newSlotBoard(t.Context(), 3, leases.watch)
	granted := map[int]bool{}
	for range 3 {
		slot := takeSoon(t, board)
		require.False(t, granted[slot], "slot %d was granted twice", slot)
		granted[slot] = true
		leases.start(slot)
	}
	_, free, changed := board.take()
	require.False(t, free)
	leases.close(1)
	<-changed
	require.Equal(t, 1, takeSoon(t, board))
}

func TestSlotBoardFreesAGrantThatWasNeverClaimed(t *testing.T) {
	leases := &fakeLeases{closed: map[int]chan struct{}{}}
	board := newSlotBoard(t.Context(), 1, leases.watch)
	require.Equal(t, 0, takeSoon(t, board))
	began := time.Now()
	require.Equal(t, 0, takeSoon(t, board))
	require.GreaterOrEqual(t, time.Since(began), grantHold-time.Second, "a claim on its way must not be overtaken")
}

func TestSlotBoardGrantsNothingWhileTemporalIsAway(t *testing.T) {
	leases := &fakeLeases{closed: map[int]chan struct{}{}, broken: true}
	board := newSlotBoard(t.Context(), 1, leases.watch)
	_, free, changed := board.take()
	require.False(t, free)
	select {
	case <-changed:
		require.Fail(t, "a slot became free although nobody knows")
	case <-time.After(200 * time.Millisecond):
	}
	leases.mu.Lock()
	leases.broken = false
	leases.mu.Unlock()
	require.Equal(t, 0, takeSoon(t, board))
}
