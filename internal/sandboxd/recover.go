package sandboxd

import (
	"context"
	"errors"
	"fmt"
	"time"

	"go.uber.org/zap"

	"pitwall/internal/sandboxd/gvisor"
)

// recover adopts each sandbox of an earlier server that still lives, and each stopped one; it removes the rest.
func (s *Server) recover(ctx context.Context) error {
	found := map[string]bool{}
	err := s.runtime.Recover(ctx, func(state gvisor.State) bool {
		rec, err := s.records.find(state.ID)
		keep := err == nil && rec.ID == state.ID && ((rec.State == Started && state.Running) || (rec.State == Stopped && !state.Running))
		found[state.ID] = keep
		if !keep {
			s.cfg.Logger.Info("remove a sandbox that an earlier server left", zap.String("sandbox_id", state.ID),
				zap.String("state", string(rec.State)), zap.Bool("running", state.Running))
		}
		return keep
	})
	if err != nil {
		return fmt.Errorf("recover sandboxes of an earlier server: %w", err)
	}
	known := map[string]bool{}
	for _, rec := range s.records.all() {
		known[rec.ID] = true
		if err := s.recoverRecord(rec, found[rec.ID]); err != nil {
			return fmt.Errorf("recover sandbox %s: %w", rec.ID, err)
		}
	}
	for _, id := range s.ledger.live() {
		if !known[id] {
			s.ledger.note(LedgerEntry{Event: eventDestroyed, ID: id, Cause: causeRestart}) // killed between its last file's removal and the ledger's line
		}
	}
	return nil
}

// recoverRecord makes a record agree with what was found of its machine.
func (s *Server) recoverRecord(rec record, kept bool) error {
	switch {
	case kept:
		s.ledger.note(LedgerEntry{Event: eventAdopted, ID: rec.ID, Name: rec.Name})
		if rec.State == Started {
			s.connect(rec)
		}
		return nil
	case rec.State == Started:
		// Whoever uses it learns why it is gone, and deletes it.
		s.ledger.note(LedgerEntry{Event: eventLost, ID: rec.ID, Name: rec.Name})
		_, err := s.records.change(rec.ID, func(r *record) error {
			r.State, r.ErrorReason = Failed, "the sandbox died while the sandbox server was away"
			return nil
		})
		return err
	case rec.State == Failed:
		return nil
	default:
		s.ledger.note(LedgerEntry{Event: eventDestroyed, ID: rec.ID, Name: rec.Name, Cause: orElse(rec.EndCause, causeRestart)})
		return s.records.drop(rec.ID)
	}
}

// sleep waits, unless ctx ends first.
func sleep(ctx context.Context, d time.Duration) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(d):
		return nil
	}
}

// watchExits turns the end of a machine that nobody asked for into the error state of its sandbox.
func (s *Server) watchExits(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case exit := <-s.runtime.Exits():
			go s.fail(ctx, exit)
		}
	}
}

func (s *Server) fail(ctx context.Context, exit gvisor.Exit) {
	if s.begin() != nil {
		return
	}
	defer s.work.Done()
	reason := "the sandbox died: " + exit.Reason
	give := func(_ record, r *record) error { r.ErrorReason = reason; return nil }
	before, rec, err := s.hold(exit.ID, Failed, give)
	for errors.Is(err, errBusy) { // a transition goes on, and is bounded
		if sleep(ctx, 50*time.Millisecond) != nil {
			return
		}
		before, rec, err = s.hold(exit.ID, Failed, give)
	}
	if err != nil {
		return // destroyed meanwhile
	}
	s.ledger.note(LedgerEntry{Event: eventLost, ID: rec.ID, Name: rec.Name})
	s.disconnect(rec.ID)
	if err := s.runtime.Delete(context.WithoutCancel(ctx), rec.ID); err != nil {
		s.cfg.Logger.Error("clear away a sandbox that died", zap.String("sandbox_id", rec.ID), zap.Error(err))
	}
	if _, err := s.settle(rec.ID, func(*record) {}); err != nil {
		s.cfg.Logger.Error("note a sandbox that died", zap.String("sandbox_id", rec.ID), zap.String("was", string(before.State)), zap.Error(err))
	}
}
