package sandboxd

import (
	"context"
	"time"

	"go.uber.org/zap"
)

// flushEvery is how many rounds of the clocks pass between two writes of the records' last activity.
const flushEvery = 10

// runClocks holds autoStop, autoDelete and ttl, and tries again what could not be destroyed.
func (s *Server) runClocks(ctx context.Context) {
	ticker := time.NewTicker(s.cfg.ClockPeriod)
	defer ticker.Stop()
	for round := 1; ; round++ {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
		for _, rec := range s.records.all() {
			if !rec.busy {
				s.obeyClocks(ctx, rec, time.Now())
			}
		}
		if round%flushEvery == 0 {
			if err := s.records.flush(); err != nil {
				s.cfg.Logger.Error("write records", zap.Error(err))
			}
		}
	}
}

// obeyClocks does what one sandbox's clocks demand. Transitions that lose a race are left to the next round.
func (s *Server) obeyClocks(ctx context.Context, rec record, now time.Time) {
	log := s.cfg.Logger.With(zap.String("sandbox_id", rec.ID), zap.String("name", rec.Name))
	idle := now.Sub(rec.LastActivityAt)
	switch {
	case rec.State == Destroying:
		log.Info("destroy again")
		s.retryDestroy(rec)
	case rec.TTL > 0 && now.After(rec.destroyAt(s.cfg.Minute)):
		log.Info("ttl has passed: destroy")
		_, _ = s.destroy(rec.ID, causeTTL)
	case rec.State == Started && rec.AutoStop > 0 && idle >= time.Duration(rec.AutoStop)*s.cfg.Minute:
		log.Info("idle: stop")
		go func() { _, _ = s.stop(context.WithoutCancel(ctx), rec, causeAutoStop) }() // a stop takes as long as its files are large
	case rec.State == Stopped && rec.AutoDelete >= 0 && idle >= time.Duration(rec.AutoDelete)*s.cfg.Minute:
		log.Info("stopped for long: destroy")
		_, _ = s.destroy(rec.ID, causeAutoDelete)
	}
}

func (s *Server) retryDestroy(rec record) {
	if s.begin() != nil {
		return
	}
	_, held, err := s.hold(rec.ID, Destroying, func(record, *record) error { return nil })
	if err != nil {
		s.work.Done()
		return
	}
	go func() {
		defer s.work.Done()
		s.finishDestroy(context.Background(), held, rec.Name)
	}()
}
