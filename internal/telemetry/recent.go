package telemetry

import "sync"

// recent remembers the last keys that it was shown. A workflow task whose answer Temporal does not take (something arrived
// while a workflow completed: an everyday event for an eval, whose lease ends at the same time) is executed again, as a rule
// on the same worker, and does everything a second time.
type recent struct {
	mu    sync.Mutex // guards what follows
	keys  map[string]bool
	order []string // a ring
	next  int
}

// recentKeys is far more than what one worker does in the moment between two tries of a task.
const recentKeys = 4096

func newRecent() *recent {
	return &recent{keys: make(map[string]bool, recentKeys), order: make([]string, recentKeys)}
}

// isNew remembers a key, and says whether it is new.
func (r *recent) isNew(key string) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.keys[key] {
		return false
	}
	delete(r.keys, r.order[r.next])
	r.order[r.next], r.keys[key] = key, true
	r.next = (r.next + 1) % len(r.order)
	return true
}
