package sandboxd

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"sync"
	"time"

	"go.uber.org/zap"
)

// The events of a ledger.
const (
	eventCreated   = "created"   // a machine is about to be made
	eventAdopted   = "adopted"   // found alive after a restart
	eventLost      = "lost"      // died by itself, or with an earlier server; what was left of it is removed
	eventDestroyed = "destroyed" // proven gone
)

// Causes of an end: who asked for it.
const (
	causeDelete     = "delete"     // a DELETE
	causeStop       = "stop"       // a stop of an ephemeral sandbox
	causeTTL        = "ttl"        // its ttlMinutes had passed
	causeAutoStop   = "autoStop"   // it was idle, and ephemeral
	causeAutoDelete = "autoDelete" // it was stopped for long
	causeShutdown   = "shutdown"   // the server ended
	causeRestart    = "restart"    // cleared away after the server's own death
)

// LedgerEntry is one line of the ledger.
type LedgerEntry struct {
	// Seq counts from 1 without a gap.
	Seq   int64     `json:"seq"`
	Time  time.Time `json:"time"`
	Event string    `json:"event"`
	ID    string    `json:"id"`
	Name  string    `json:"name"`
	Live  int       `json:"live"` // created and not yet destroyed, after this event
	// Labels of a created sandbox, those that say whose it is: see labelsKept.
	Labels map[string]string `json:"labels,omitempty"`
	// Cause of a destroyed one's end.
	Cause string `json:"cause,omitempty"`
}

// labelsKept are the labels that an entry keeps: enough to ask Temporal about the lease and the eval.
var labelsKept = [...]string{
	"managed-by", "pitwall-cluster", "pitwall-namespace", "pitwall-slot", "pitwall-lease", "pitwall-lease-run",
	"pitwall-eval", "pitwall-eval-run", "pitwall-campaign",
}

// labelBytes bounds one kept label: an eval's ID takes some 200. A longer one is left out, for a cut one would name
// something else.
const labelBytes = 512

func keptLabels(labels map[string]string) map[string]string {
	kept := map[string]string{}
	for _, name := range labelsKept {
		if value, ok := labels[name]; ok && len(value) <= labelBytes {
			kept[name] = value
		}
	}
	return kept
}

// Ledger is the answer of GET /api/pitwall/ledger.
type Ledger struct {
	Created   int64 `json:"created"`
	Destroyed int64 `json:"destroyed"`
	Live      int   `json:"live"`
	// MaxLive is the most that were ever live at one time, over all restarts.
	MaxLive int `json:"maxLive"`
	// Entries are the newest, oldest first, at most ledgerKept.
	Entries []LedgerEntry `json:"entries"`
}

// Bounds of the ledger: entries in memory, and bytes of one file. Two files are kept; a sandbox takes some 900 bytes of
// them, so the last 35,000 sandboxes at least are on disk.
const (
	ledgerKept  = 20_000
	ledgerBytes = 32 << 20
	ledgerLine  = 8 << 20 // one line: the IDs that a new file begins with
)

// ledger is an append-only journal of what was created and destroyed, to audit against.
type ledger struct {
	path string
	log  *zap.Logger

	mu      sync.Mutex
	file    *os.File
	written int64
	sum     Ledger
	seq     int64
	ids     map[string]bool // live
}

// diskLine is a line of the file: an entry, or first in a new file the sums so far.
type diskLine struct {
	*LedgerEntry
	Carried *Ledger  `json:"carried,omitempty"`
	LastSeq int64    `json:"lastSeq,omitempty"`
	IDs     []string `json:"ids,omitempty"`
}

func openLedger(dir string, log *zap.Logger) (*ledger, error) {
	l := &ledger{path: filepath.Join(dir, "ledger.jsonl"), log: log, ids: map[string]bool{}}
	if err := l.replay(); err != nil {
		return nil, fmt.Errorf("read ledger: %w", err)
	}
	return l, l.open()
}

func (l *ledger) open() error {
	file, err := os.OpenFile(l.path, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return fmt.Errorf("open ledger: %w", err)
	}
	info, err := file.Stat()
	if err != nil {
		file.Close()
		return fmt.Errorf("open ledger: %w", err)
	}
	l.file, l.written = file, info.Size()
	if l.written == 0 {
		return nil
	}
	// Ends a line that a kill may have cut short; an empty one is passed over.
	n, err := file.Write([]byte("\n"))
	l.written += int64(n)
	return err
}

// replay reads the newest file. A last line that was cut short by a kill is passed over.
func (l *ledger) replay() error {
	file, err := os.Open(l.path)
	if os.IsNotExist(err) {
		return nil
	}
	if err != nil {
		return err
	}
	defer file.Close()
	lines := bufio.NewScanner(io.LimitReader(file, 2*ledgerBytes))
	lines.Buffer(nil, ledgerLine)
	for lines.Scan() {
		var line diskLine
		if json.Unmarshal(lines.Bytes(), &line) != nil {
			continue
		}
		if line.Carried != nil {
			l.sum, l.seq = *line.Carried, line.LastSeq
			for _, id := range line.IDs {
				l.ids[id] = true
			}
		} else if line.LedgerEntry != nil {
			l.apply(*line.LedgerEntry)
		}
	}
	return lines.Err()
}

// apply adds an entry to the sums.
func (l *ledger) apply(e LedgerEntry) LedgerEntry {
	switch e.Event {
	case eventCreated:
		l.sum.Created++
		l.ids[e.ID] = true
	case eventDestroyed:
		if l.ids[e.ID] {
			l.sum.Destroyed++
			delete(l.ids, e.ID)
		}
	}
	l.sum.Live = len(l.ids)
	l.sum.MaxLive = max(l.sum.MaxLive, l.sum.Live)
	l.seq = max(l.seq+1, e.Seq)
	e.Seq, e.Live = l.seq, l.sum.Live
	if len(l.sum.Entries) >= ledgerKept {
		l.sum.Entries = append(l.sum.Entries[:0:0], l.sum.Entries[ledgerKept/2:]...)
	}
	l.sum.Entries = append(l.sum.Entries, e)
	return e
}

// note records an event, now. A disk that is full is logged; the sums in memory stay right.
func (l *ledger) note(e LedgerEntry) {
	l.mu.Lock()
	defer l.mu.Unlock()
	e.Time = time.Now().UTC()
	e = l.apply(e)
	l.log.Info("sandbox "+e.Event, zap.String("sandbox_id", e.ID), zap.String("name", e.Name), zap.String("cause", e.Cause), zap.Int("live", e.Live))
	if err := l.append(diskLine{LedgerEntry: &e}); err != nil {
		l.log.Error("write ledger", zap.Error(err))
	}
	if l.written > ledgerBytes {
		if err := l.rotate(); err != nil {
			l.log.Error("rotate ledger", zap.Error(err))
		}
	}
}

func (l *ledger) append(line diskLine) error {
	text, err := json.Marshal(line)
	if err != nil {
		return err
	}
	n, err := l.file.Write(append(text, '\n'))
	l.written += int64(n)
	return err
}

// rotate starts a new file with the sums so far; the one before it is kept.
func (l *ledger) rotate() error {
	l.file.Close()
	if err := os.Rename(l.path, l.path+".1"); err != nil {
		return err
	}
	if err := l.open(); err != nil {
		return err
	}
	carried := l.sum
	carried.Entries = nil
	ids := make([]string, 0, len(l.ids))
	for id := range l.ids {
		ids = append(ids, id)
	}
	return l.append(diskLine{Carried: &carried, LastSeq: l.seq, IDs: ids})
}

// live are the sandboxes that were created and not yet destroyed.
func (l *ledger) live() []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	ids := make([]string, 0, len(l.ids))
	for id := range l.ids {
		ids = append(ids, id)
	}
	return ids
}

func (l *ledger) snapshot() Ledger {
	l.mu.Lock()
	defer l.mu.Unlock()
	sum := l.sum
	sum.Entries = append([]LedgerEntry{}, l.sum.Entries...)
	return sum
}

func (s *Server) getLedger(w http.ResponseWriter, _ *http.Request) {
	writeJSON(w, http.StatusOK, s.ledger.snapshot())
}
