package sentryreport

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/getsentry/sentry-go"

	"pitwall/internal/telemetry"
)

// transport puts the SDK's own transport, which waits for each answer, behind an Outbox: so there is one queue, and one place
// that counts what was not delivered, of which the SDK tells nobody. It is also the round tripper that sees the answers.
type transport struct {
	sync   *sentry.HTTPSyncTransport
	http   http.RoundTripper
	outbox *telemetry.Outbox[*sentry.Event]
	// unsent is why the event at hand was not delivered. Only the Outbox's goroutine uses it.
	unsent error
}

// errHeldBack: the SDK heeds what Sentry said in an earlier answer (Retry-After, X-Sentry-Rate-Limits).
var errHeldBack = errors.New("send an event to Sentry: it asked for none for a while")

// Configure is the SDK's.
func (t *transport) Configure(options sentry.ClientOptions) { t.sync.Configure(options) }

// SendEvent never waits.
func (t *transport) SendEvent(event *sentry.Event) { t.outbox.Put(event) }

// Flush does nothing: Reporter.Close does it.
func (t *transport) Flush(time.Duration) bool { return true }

// FlushWithContext does nothing, likewise.
func (t *transport) FlushWithContext(context.Context) bool { return true }

// Close does nothing, likewise.
func (t *transport) Close() {}

func (t *transport) send(ctx context.Context, event *sentry.Event) error {
	t.unsent = errHeldBack
	t.sync.SendEventWithContext(ctx, event)
	return t.unsent
}

// RoundTrip sends one request.
func (t *transport) RoundTrip(request *http.Request) (*http.Response, error) {
	response, err := t.http.RoundTrip(request)
	switch {
	case err != nil:
		t.unsent = err
	case response.StatusCode/100 != 2:
		t.unsent = fmt.Errorf("send an event to Sentry: %s", response.Status)
	default:
		t.unsent = nil
	}
	return response, err
}
