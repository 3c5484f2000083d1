package faultproxy

import (
	"encoding/json"
	"net/http"
	"slices"
	"sync"
	"time"
)

// maxSandboxes bounds what is remembered; the oldest is forgotten first. A chaos run makes some thousands.
const maxSandboxes = 8192

// object is a JSON object whose other fields stay as they are.
type object map[string]json.RawMessage

func (o object) text(key string) string {
	var text string
	_ = json.Unmarshal(o[key], &text)
	return text
}

func (o object) set(key string, value any) { o[key], _ = json.Marshal(value) } // text and numbers, which always can be

// sandbox is what is known of one that was made, or shown, through the proxy.
type sandbox struct {
	id, name string
	labels   map[string]string
	shown    object    // as it was last shown whole
	created  time.Time // when its create was answered; zero when that was not seen
	deleted  time.Time // when a delete of it was accepted
	gone     bool      // it is proven so
	mask     mask
}

// mask is how a sandbox is shown, other than it is.
type mask struct {
	fault  Fault // empty: none
	until  time.Time
	state  string // of StatePending and its like
	reason string
	name   string // of DeleteStuck: the mangled one
	listed bool
}

func (m mask) active() bool { return m.fault != "" && (m.until.IsZero() || time.Now().Before(m.until)) }

// sandboxes are in the order in which they became known.
type sandboxes struct {
	mu   sync.Mutex
	rows []*sandbox
}

func newSandboxes() *sandboxes { return &sandboxes{} }

// find returns a copy of the row with an id, or else of the newest with a name that is not gone.
func (s *sandboxes) find(idOrName string) (sandbox, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if row := s.row(idOrName); row != nil {
		return *row, true
	}
	return sandbox{}, false
}

func (s *sandboxes) row(idOrName string) *sandbox {
	for _, row := range slices.Backward(s.rows) {
		if row.id == idOrName {
			return row
		}
	}
	for _, row := range slices.Backward(s.rows) {
		if row.name == idOrName && !row.gone {
			return row
		}
	}
	return nil
}

// change edits the row with an id, if there is one.
func (s *sandboxes) change(id string, edit func(*sandbox)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if row := s.row(id); row != nil && row.id == id {
		edit(row)
	}
}

// show keeps what the server showed of a sandbox.
func (s *sandboxes) show(shown object, created bool) string {
	id := shown.text("id")
	if id == "" {
		return ""
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	row := s.row(id)
	if row == nil || row.id != id {
		if len(s.rows) == maxSandboxes {
			s.rows = slices.Delete(s.rows, 0, 1)
		}
		row = &sandbox{id: id, name: shown.text("name")}
		s.rows = append(s.rows, row)
	}
	if row.deleted.IsZero() {
		row.shown = shown
		_ = json.Unmarshal(shown["labels"], &row.labels)
	}
	if created {
		row.created = time.Now()
	}
	return id
}

// all returns a copy of every row.
func (s *sandboxes) all() []sandbox {
	s.mu.Lock()
	defer s.mu.Unlock()
	rows := make([]sandbox, 0, len(s.rows))
	for _, row := range s.rows {
		rows = append(rows, *row)
	}
	return rows
}

// masked says whether any sandbox is shown other than it is.
func (s *sandboxes) masked() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.ContainsFunc(s.rows, func(row *sandbox) bool { return row.mask.active() })
}

func (s *sandboxes) unmask() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, row := range s.rows {
		row.mask = mask{}
	}
}

// learn keeps what an answer says of a sandbox.
func (x *exchange) learn(resp *http.Response) {
	if x.request.Call == Get && resp.StatusCode == http.StatusNotFound {
		x.p.sandboxes.change(x.named, func(row *sandbox) { row.gone = true })
		return
	}
	if resp.StatusCode/100 != 2 {
		return
	}
	switch x.request.Call {
	case Create, Get, Start:
		var shown object
		if peek(resp, &shown) != nil {
			return
		}
		if id := x.p.sandboxes.show(shown, x.request.Call == Create); id != "" {
			known, _ := x.p.sandboxes.find(id)
			x.request.SandboxID, x.request.Name, x.request.Labels = id, known.name, known.labels
		}
	case Delete:
		x.p.sandboxes.change(x.request.SandboxID, func(row *sandbox) { row.deleted = time.Now() })
	}
}
