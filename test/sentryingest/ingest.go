package sentryingest

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
)

// Event is what of an event the tests look at. Raw is all of it.
type Event struct {
	EventID     string                    `json:"event_id"`
	Level       string                    `json:"level"`
	Release     string                    `json:"release"`
	Environment string                    `json:"environment"`
	Transaction string                    `json:"transaction"`
	Fingerprint []string                  `json:"fingerprint"`
	Tags        map[string]string         `json:"tags"`
	Contexts    map[string]map[string]any `json:"contexts"`
	Exception   []struct {
		Type       string          `json:"type"`
		Value      string          `json:"value"`
		Stacktrace json.RawMessage `json:"stacktrace"`
	} `json:"exception"`
	Raw []byte `json:"-"`
}

// Hangs, as a mode, takes a request and never answers. Any other is the status of the answer.
const Hangs int64 = 0

// Ingest is a running server.
type Ingest struct {
	// DSN is for SENTRY_DSN.
	DSN string

	mode     atomic.Int64
	requests atomic.Int64
	stop     chan struct{}

	mu        sync.Mutex // guards what follows
	events    []Event
	envelopes [][]byte // as they came
	problems  []error
}

const (
	key     = "8c4b0f3a5d1e4f6f9a7b2c3d4e5f6071"
	project = "42"
	maxBody = 1 << 20 // Sentry's own bound on an event
)

// Start starts an ingestion that takes everything, until the test's end; then an envelope that broke the format fails the test.
func Start(t testing.TB) *Ingest {
	i := &Ingest{stop: make(chan struct{})}
	i.mode.Store(http.StatusOK)
	mux := http.NewServeMux()
	mux.HandleFunc("POST /api/"+project+"/envelope/", i.envelope)
	server := httptest.NewServer(mux)
	i.DSN = strings.Replace(server.URL, "://", "://"+key+"@", 1) + "/" + project
	t.Cleanup(func() {
		close(i.stop)
		server.CloseClientConnections()
		server.Close()
		i.mu.Lock()
		defer i.mu.Unlock()
		if len(i.problems) > 0 {
			t.Errorf("envelopes that Sentry would refuse: %v", i.problems)
		}
	})
	return i
}

// Behave changes how the next requests are met.
func (i *Ingest) Behave(how int64) { i.mode.Store(how) }

// Requests is how many came, however they were met.
func (i *Ingest) Requests() int { return int(i.requests.Load()) }

// Events are what was taken so far.
func (i *Ingest) Events() []Event {
	i.mu.Lock()
	defer i.mu.Unlock()
	return append([]Event(nil), i.events...)
}

// Envelopes are all that came, as they came, also those that were refused.
func (i *Ingest) Envelopes() [][]byte {
	i.mu.Lock()
	defer i.mu.Unlock()
	return append([][]byte(nil), i.envelopes...)
}

func (i *Ingest) envelope(w http.ResponseWriter, request *http.Request) {
	i.requests.Add(1)
	body, err := io.ReadAll(http.MaxBytesReader(w, request.Body, maxBody))
	var events []Event
	if err == nil {
		events, err = parse(request, body)
	}
	mode := i.mode.Load()
	i.mu.Lock()
	i.envelopes = append(i.envelopes, body)
	if err != nil {
		i.problems = append(i.problems, err)
	}
	if mode == http.StatusOK {
		i.events = append(i.events, events...)
	}
	i.mu.Unlock()
	switch {
	case mode == Hangs:
		select {
		case <-i.stop:
		case <-request.Context().Done():
		}
	case err != nil:
		http.Error(w, err.Error(), http.StatusBadRequest)
	case mode == http.StatusTooManyRequests:
		w.Header().Set("Retry-After", "60")
		w.WriteHeader(http.StatusTooManyRequests)
	default:
		w.WriteHeader(int(mode))
		_, _ = w.Write([]byte("{}"))
	}
}

var auth = regexp.MustCompile(`^Sentry sentry_version=7, sentry_client=[^,]+, sentry_key=` + key + `$`)

// parse reads an envelope: a header, and items, each with a header of its own that says how long it is.
func parse(request *http.Request, body []byte) (events []Event, err error) {
	if got := request.Header.Get("Content-Type"); got != "application/x-sentry-envelope" {
		return nil, fmt.Errorf("content type %q", got)
	}
	if got := request.Header.Get("X-Sentry-Auth"); !auth.MatchString(got) {
		return nil, fmt.Errorf("X-Sentry-Auth %q", got)
	}
	lines := bufio.NewReader(bytes.NewReader(body))
	var header struct {
		EventID string `json:"event_id"`
	}
	if err := line(lines, &header); err != nil {
		return nil, fmt.Errorf("envelope header: %w", err)
	}
	for {
		var item struct {
			Type   string `json:"type"`
			Length int    `json:"length"`
		}
		switch err := line(lines, &item); {
		case errors.Is(err, io.EOF):
			return events, nil
		case err != nil:
			return nil, fmt.Errorf("item header: %w", err)
		}
		payload := make([]byte, item.Length)
		if _, err := io.ReadFull(lines, payload); err != nil {
			return nil, fmt.Errorf("item of %d bytes: %w", item.Length, err)
		}
		if end, err := lines.ReadByte(); err == nil && end != '\n' {
			return nil, fmt.Errorf("byte %q after an item", end)
		}
		if item.Type != "event" {
			return nil, fmt.Errorf("an item of type %q", item.Type)
		}
		event := Event{Raw: payload}
		if err := json.Unmarshal(payload, &event); err != nil {
			return nil, fmt.Errorf("event: %w", err)
		}
		if event.EventID == "" || event.EventID != header.EventID {
			return nil, fmt.Errorf("event_id %q in an envelope of %q", event.EventID, header.EventID)
		}
		events = append(events, event)
	}
}

func line(from *bufio.Reader, into any) error {
	text, err := from.ReadBytes('\n')
	if len(text) == 0 {
		return err
	}
	return json.Unmarshal(text, into)
}
