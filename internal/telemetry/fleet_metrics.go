package telemetry

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// fleetMetrics are figures of the whole account and namespace, as the census of a worker that serves the slots sees them.
type fleetMetrics struct {
	slotsTotal, slotsInUse, waiting, live *fading
	backlog, age                          *fading
}

// censusFresh is how long a figure of the census is shown: four of its intervals, so that one failed look changes nothing.
const censusFresh = time.Minute

func newFleetMetrics() fleetMetrics {
	return fleetMetrics{
		slotsTotal: newFading(censusFresh, "pitwall_slots_total", "The bound on live sandboxes (DAYTONA_MAX_PARALLEL_SANDBOXES)."),
		slotsInUse: newFading(censusFresh, "pitwall_slots_in_use", "Slots whose lease is open."),
		waiting:    newFading(censusFresh, "pitwall_evals_waiting", "Evals that wait for a slot."),
		live:       newFading(censusFresh, "pitwall_sandboxes_live", "Sandboxes of this namespace that the provider lists."),
		backlog:    newFading(censusFresh, "pitwall_queue_backlog", "Tasks that wait in a task queue.", "queue"),
		age:        newFading(censusFresh, "pitwall_queue_age_seconds", "Seconds that the oldest task of a task queue has waited.", "queue"),
	}
}

func (f fleetMetrics) collectors() []prometheus.Collector {
	return []prometheus.Collector{f.slotsTotal, f.slotsInUse, f.waiting, f.live, f.backlog, f.age}
}

// Slots says how many slots there are, how many are in use, and how many evals wait for one.
func (m *Metrics) Slots(total, inUse, waiting int) {
	if m != nil {
		m.fleet.slotsTotal.set("", float64(total))
		m.fleet.slotsInUse.set("", float64(inUse))
		m.fleet.waiting.set("", float64(waiting))
	}
}

// Live says how many sandboxes of this namespace the provider lists.
func (m *Metrics) Live(sandboxes int) {
	if m != nil {
		m.fleet.live.set("", float64(sandboxes))
	}
}

// Queue says what waits in a task queue.
func (m *Metrics) Queue(name string, backlog int64, age time.Duration) {
	if m != nil {
		m.fleet.backlog.set(name, float64(backlog))
		m.fleet.age.set(name, age.Seconds())
	}
}
