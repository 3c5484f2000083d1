package telemetry

import (
	"sync"
	"time"

	"go.uber.org/zap"
)

// drops counts what one exporter gave up, and says so in the log now and then.
type drops struct {
	exporter string
	metrics  *Metrics
	log      *zap.Logger

	mu       sync.Mutex // guards loggedAt
	loggedAt time.Time
}

// dropLogInterval bounds how often drops are logged; every one is counted.
const dropLogInterval = time.Minute

func (d *drops) dropped(reason string, items int, err error) {
	d.metrics.Dropped(d.exporter, reason, items)
	d.mu.Lock()
	defer d.mu.Unlock()
	if time.Since(d.loggedAt) < dropLogInterval {
		return
	}
	d.loggedAt = time.Now()
	d.log.Warn("an exporter dropped items; pitwall_telemetry_dropped_total counts on", zap.String(FieldExporter, d.exporter),
		zap.String(FieldReason, reason), zap.Int(FieldCount, items), zap.Error(err))
}
