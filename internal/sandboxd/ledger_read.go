package sandboxd

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"os"
	"time"
)

// LedgerEnd is the last line of GET /api/pitwall/ledger/entries: without it the answer was cut short.
type LedgerEnd struct {
	End bool `json:"end"`
	// From is when what is still on disk begins; zero while nothing was dropped.
	From time.Time `json:"from,omitzero"`
}

// read visits the entries on disk from since to until, oldest first; a zero time leaves that side open. It returns when
// what is on disk begins, zero while nothing was dropped. What is written meanwhile is left out, and a line that a kill cut
// short is passed over.
func (l *ledger) read(since, until time.Time, visit func(LedgerEntry) error) (from time.Time, err error) {
	older, newest, err := l.files()
	if err != nil {
		return time.Time{}, fmt.Errorf("open ledger: %w", err)
	}
	first := true
	for _, file := range []*os.File{older, newest} {
		if file == nil {
			continue
		}
		defer file.Close()
		err := eachEntry(file, func(e LedgerEntry) error {
			if first && e.Seq > 1 {
				from = e.Time
			}
			first = false
			if e.Time.Before(since) || !until.IsZero() && e.Time.After(until) {
				return nil
			}
			return visit(e)
		})
		if err != nil {
			return from, fmt.Errorf("read ledger: %w", err)
		}
	}
	return from, nil
}

// files opens both files as they are at one moment; the older one is nil when there is none.
func (l *ledger) files() (older, newest *os.File, err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	older, err = os.Open(l.path + ".1")
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, nil, err
	}
	if newest, err = os.Open(l.path); err != nil && older != nil {
		older.Close()
	}
	return older, newest, err
}

func eachEntry(file *os.File, visit func(LedgerEntry) error) error {
	lines := bufio.NewScanner(io.LimitReader(file, 2*ledgerBytes))
	lines.Buffer(nil, ledgerLine)
	for lines.Scan() {
		var line diskLine
		if json.Unmarshal(lines.Bytes(), &line) != nil || line.LedgerEntry == nil || line.Carried != nil {
			continue
		}
		if err := visit(*line.LedgerEntry); err != nil {
			return err
		}
	}
	return lines.Err()
}

// getLedgerEntries streams the entries from since to until (RFC 3339, both optional), a JSON object a line, and then a
// LedgerEnd.
func (s *Server) getLedgerEntries(w http.ResponseWriter, r *http.Request) {
	since, err := timeParameter(r, "since")
	if err == nil {
		var until time.Time
		if until, err = timeParameter(r, "until"); err == nil {
			s.streamLedger(w, since, until)
			return
		}
	}
	writeError(w, r, err)
}

func (s *Server) streamLedger(w http.ResponseWriter, since, until time.Time) {
	w.Header().Set("Content-Type", "application/x-ndjson")
	out := json.NewEncoder(w)
	from, err := s.ledger.read(since, until, func(e LedgerEntry) error { return out.Encode(e) })
	if err == nil {
		_ = out.Encode(LedgerEnd{End: true, From: from}) // the client may have gone
	}
}

func timeParameter(r *http.Request, name string) (time.Time, error) {
	text := r.URL.Query().Get(name)
	if text == "" {
		return time.Time{}, nil
	}
	at, err := time.Parse(time.RFC3339Nano, text)
	if err != nil {
		return time.Time{}, refuse(http.StatusBadRequest, "%s must be a time as in RFC 3339, such as 2026-11-22T03:00:00Z", name)
	}
	return at, nil
}
