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

// LedgerEntry is one line of the ledger.
type LedgerEntry struct {
	Seq   int64     `json:"seq"`
	Time  time.Time `json:"time"`
	Event string    `json:"event"`
	ID    string    `json:"id"`
	Name  string    `json:"name"`
	Live  int       `json:"live"` // created and not yet destroyed, after this event
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

// Bounds of the ledger: entries in memory, and bytes of one file (two are kept).
const (
	ledgerKept  = 20_000
	ledgerBytes = 16 << 20
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

// ledgerLine is a line of the file: an entry, or first in a new file the sums so far.
type ledgerLine struct {
	*LedgerEntry
	Carried *Ledger  `json:"carried,omitempty"`
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
	lines.Buffer(nil, 8<<20)
	for lines.Scan() {
		var line ledgerLine
		if json.Unmarshal(lines.Bytes(), &line) != nil {
			continue
		}
		if line.Carried != nil {
			l.sum = *line.Carried
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

// note records an event. A disk that is full is logged; the sums in memory stay right.
func (l *ledger) note(event, id, name string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	e := l.apply(LedgerEntry{Time: time.Now().UTC(), Event: event, ID: id, Name: name})
	l.log.Info("sandbox "+event, zap.String("sandbox_id", id), zap.String("name", name), zap.Int("live", e.Live))
	if err := l.append(ledgerLine{LedgerEntry: &e}); err != nil {
		l.log.Error("write ledger", zap.Error(err))
	}
	if l.written > ledgerBytes {
		if err := l.rotate(); err != nil {
			l.log.Error("rotate ledger", zap.Error(err))
		}
	}
}

func (l *ledger) append(line ledgerLine) error {
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
	return l.append(ledgerLine{Carried: &carried, IDs: ids})
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
