package daytona

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
	"net/http"
	"net/url"
	"time"
)

// The events of a ledger that tell a sandbox's life.
const (
	LedgerCreated   = "created"
	LedgerDestroyed = "destroyed"
)

// LedgerEntry is one event in the life of a sandbox, by the record of Pitwall's own sandbox server.
type LedgerEntry struct {
	Seq   int64     `json:"seq"` // counts without a gap
	Time  time.Time `json:"time"`
	Event string    `json:"event"` // LedgerCreated, LedgerDestroyed, and others of the server's own
	ID    string    `json:"id"`
	Name  string    `json:"name"`
	// Labels of a created sandbox that say whose it is.
	Labels map[string]string `json:"labels"`
	// Cause of a destroyed one's end: delete, or what the server did by itself (ttl, autoStop, shutdown …).
	Cause string `json:"cause"`
}

// ErrNoLedger: the control plane keeps no record that can be read. Daytona's service does not; Pitwall's sandbox server does.
var ErrNoLedger = errors.New("the control plane has no ledger")

// ErrLedgerIncomplete: the record does not reach back as far as asked, lacks a line, or broke off.
var ErrLedgerIncomplete = errors.New("the ledger is incomplete")

const (
	// maxLedgerBytes is what the sandbox server keeps on disk, and some.
	maxLedgerBytes = 96 << 20
	maxLedgerLine  = 64 << 10 // nine labels of at most 512 bytes, escaped
)

// Ledger walks the sandbox server's record from a time on, oldest first. After an error the walk ends, and what was read is
// not everything: ErrNoLedger, ErrLedgerIncomplete, or what a call may return.
func (c *Client) Ledger(ctx context.Context, since time.Time) iter.Seq2[LedgerEntry, error] {
	return func(yield func(LedgerEntry, error) bool) {
		cl := call{
			op: "read the ledger", method: http.MethodGet, path: "/pitwall/ledger/entries",
			query:  url.Values{"since": {since.UTC().Format(time.RFC3339Nano)}},
			header: http.Header{"Accept": {"application/x-ndjson"}},
		}
		resp, err := c.send(ctx, cl) //nolint:bodyclose // discard closes it
		var refused *Error
		if errors.As(err, &refused) && (refused.Status == http.StatusNotFound || refused.Status == http.StatusNotImplemented) {
			err = fmt.Errorf("%w: %w", ErrNoLedger, err)
		}
		if err != nil {
			yield(LedgerEntry{}, err)
			return
		}
		defer discard(resp.Body)
		wanted := true
		err = readLedger(resp.Body, since, func(e LedgerEntry) bool {
			wanted = yield(e, nil)
			return wanted
		})
		if err != nil && wanted {
			yield(LedgerEntry{}, cl.fail(resp.StatusCode, err))
		}
	}
}

// ledgerLine is an entry or, last, the end.
type ledgerLine struct {
	LedgerEntry
	End  bool      `json:"end"`
	From time.Time `json:"from"`
}

func readLedger(body io.Reader, since time.Time, visit func(LedgerEntry) bool) error {
	lines := bufio.NewScanner(io.LimitReader(body, maxLedgerBytes))
	lines.Buffer(nil, maxLedgerLine)
	last := int64(0)
	for lines.Scan() {
		var line ledgerLine
		if err := json.Unmarshal(lines.Bytes(), &line); err != nil {
			return fmt.Errorf("%w: decode a line: %w", ErrBadAnswer, err)
		}
		switch {
		case line.End && line.From.After(since):
			return fmt.Errorf("%w: it begins at %s", ErrLedgerIncomplete, line.From.Format(time.RFC3339))
		case line.End:
			return nil
		case last != 0 && line.Seq != last+1:
			return fmt.Errorf("%w: entry %d is followed by %d", ErrLedgerIncomplete, last, line.Seq)
		}
		last = line.Seq
		if !visit(line.LedgerEntry) {
			return nil
		}
	}
	return errors.Join(fmt.Errorf("%w: it broke off after entry %d", ErrLedgerIncomplete, last), lines.Err())
}
