package sandboxd

import (
	"context"
	"fmt"
	"net/http"
	"sync"
	"time"

	"go.uber.org/zap"
)

// hold begins a transition: it marks the record busy and gives it its passing state. check sees the record as it was, may
// refuse, and may change the one that it will be.
func (s *Server) hold(id string, passing State, check func(was record, r *record) error) (before, held record, err error) {
	held, err = s.records.change(id, func(r *record) error {
		if r.busy {
			return errBusy
		}
		before = r.copy()
		r.busy, r.State, r.ErrorReason = true, passing, ""
		return check(before, r)
	})
	if err == nil {
		s.events.changed(s, held, before.State)
	}
	return before, held, err
}

// settle ends a transition.
func (s *Server) settle(id string, fn func(*record)) (record, error) {
	var old State
	settled, err := s.records.change(id, func(r *record) error {
		old = r.State
		fn(r)
		r.busy = false
		return nil
	})
	if err == nil {
		s.events.changed(s, settled, old)
	}
	return settled, err
}

// startSandbox starts a stopped sandbox, with the files that it had.
func (s *Server) startSandbox(r *http.Request) (any, error) {
	rec, err := s.records.find(r.PathValue("id"))
	if err != nil {
		return nil, err
	}
	if rec.State == Started && !rec.busy {
		return s.dto(&rec, r.Host), nil
	}
	if err := s.begin(); err != nil {
		return nil, err
	}
	defer s.work.Done()
	_, rec, err = s.hold(rec.ID, Starting, func(was record, _ *record) error {
		if was.State != Stopped {
			return refuse(http.StatusBadRequest, "Sandbox is not in a startable state: %s", was.State)
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	if rec, err = s.boot(context.WithoutCancel(r.Context()), rec); err != nil {
		return nil, refuse(http.StatusBadRequest, "Sandbox failed to start: %v", err)
	}
	return s.dto(&rec, r.Host), nil
}

// stopSandbox stops a started sandbox; an ephemeral one is destroyed.
func (s *Server) stopSandbox(r *http.Request) (any, error) {
	rec, err := s.records.find(r.PathValue("id"))
	if err != nil {
		return nil, err
	}
	if rec, err = s.stop(context.WithoutCancel(r.Context()), rec, causeStop); err != nil {
		return nil, err
	}
	return s.dto(&rec, r.Host), nil
}

// stop stops a sandbox; an ephemeral one is destroyed, for the cause given.
func (s *Server) stop(ctx context.Context, rec record, cause string) (record, error) {
	stoppable := func(was record, _ *record) error {
		if was.State != Started {
			return refuse(http.StatusBadRequest, "Sandbox is not in a stoppable state: %s", was.State)
		}
		return nil
	}
	if rec.ephemeral() {
		if err := stoppable(rec, nil); err != nil {
			return rec, err
		}
		return s.destroy(rec.ID, cause)
	}
	if err := s.begin(); err != nil {
		return rec, err
	}
	defer s.work.Done()
	_, rec, err := s.hold(rec.ID, Stopping, stoppable)
	if err != nil {
		return rec, err
	}
	s.disconnect(rec.ID)
	stopErr := s.runtime.Stop(ctx, rec.ID)
	return s.settle(rec.ID, func(r *record) {
		r.State, r.LastActivityAt = Stopped, time.Now().UTC()
		if stopErr != nil {
			s.cfg.Logger.Error("stop sandbox", zap.String("sandbox_id", r.ID), zap.Error(stopErr))
			r.State, r.ErrorReason = Failed, stopErr.Error()
		}
	})
}

func (s *Server) deleteSandbox(r *http.Request) (any, error) {
	rec, err := s.records.find(r.PathValue("id"))
	if err != nil {
		return nil, err
	}
	if rec, err = s.destroy(rec.ID, causeDelete); err != nil {
		return nil, err
	}
	return s.dto(&rec, r.Host), nil
}

// destroy renames a sandbox at once, which frees its name, and destroys it in the background.
func (s *Server) destroy(id, cause string) (record, error) {
	if err := s.begin(); err != nil {
		return record{}, err
	}
	before, rec, err := s.hold(id, Destroying, func(was record, r *record) error {
		r.EndCause = cause
		r.Name = fmt.Sprintf("DESTROYED_%s_%d", was.Name, time.Now().UnixMilli())
		return nil
	})
	if err != nil {
		s.work.Done()
		return rec, err
	}
	s.disconnect(id)
	go func() {
		defer s.work.Done()
		s.finishDestroy(context.Background(), rec, before.Name)
	}()
	return rec, nil
}

// destroyTries and destroyPause bound how often one destruction is tried before it is left to the clocks, which go on trying.
const (
	destroyTries = 5
	destroyPause = 200 * time.Millisecond
)

// finishDestroy removes a machine until it is gone, and then the record.
func (s *Server) finishDestroy(ctx context.Context, rec record, name string) {
	var err error
	for try := range destroyTries {
		if err = s.runtime.Delete(ctx, rec.ID); err == nil {
			break
		}
		s.cfg.Logger.Error("destroy sandbox", zap.String("sandbox_id", rec.ID), zap.Int("try", try+1), zap.Error(err))
		time.Sleep(destroyPause << try)
	}
	if err != nil {
		// Stays "destroying", which keeps its place among the sandboxes; the clocks try again.
		_, _ = s.records.change(rec.ID, func(r *record) error { r.busy = false; r.ErrorReason = err.Error(); return nil })
		return
	}
	if err := s.records.drop(rec.ID); err != nil {
		s.cfg.Logger.Error("drop record", zap.String("sandbox_id", rec.ID), zap.Error(err))
	}
	s.ledger.note(LedgerEntry{Event: eventDestroyed, ID: rec.ID, Name: name, Cause: orElse(rec.EndCause, causeShutdown)})
	gone := rec
	gone.State = Destroyed
	s.events.changed(s, gone, Destroying)
}

// removersAtOnce is how many sandboxes removeAll destroys at a time.
const removersAtOnce = 4

// removeAll destroys every sandbox, and returns when they are gone.
func (s *Server) removeAll(ctx context.Context) error {
	slots := make(chan struct{}, removersAtOnce)
	var all sync.WaitGroup
	for _, rec := range s.records.all() {
		slots <- struct{}{}
		all.Go(func() {
			defer func() { <-slots }()
			s.disconnect(rec.ID)
			s.finishDestroy(ctx, rec, rec.Name)
		})
	}
	all.Wait()
	if left := len(s.records.all()); left > 0 {
		return fmt.Errorf("remove all sandboxes: %d are left; the next start removes them", left)
	}
	return nil
}
