package telemetry_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/zap"

	"pitwall/internal/telemetry"
)

func outboxOf(t *testing.T, send func(context.Context, int) error) (*telemetry.Outbox[int], *telemetry.Metrics) {
	t.Helper()
	metrics := telemetry.NewMetrics(time.Hour)
	return telemetry.NewOutbox("some", send, metrics, zap.NewNop()), metrics
}

func requireDropped(t *testing.T, metrics *telemetry.Metrics, reason string, items int) {
	t.Helper()
	require.Contains(t, scrape(t, metrics), fmt.Sprintf("pitwall_telemetry_dropped_total{exporter=\"some\",reason=%q} %d\n", reason, items))
}

func TestOutboxSendsInOrderAndCounts(t *testing.T) {
	var sent []int
	outbox, metrics := outboxOf(t, func(_ context.Context, item int) error {
		sent = append(sent, item)
		switch item {
		case 2:
			return errors.New("no")
		case 3:
			return fmt.Errorf("%w: 1 span", telemetry.ErrRejected)
		}
		return nil
	})
	require.Contains(t, scrape(t, metrics), `pitwall_telemetry_dropped_total{exporter="some",reason="failed"} 0`, "it shows from the start")
	for item := range 5 {
		outbox.Put(item)
	}
	outbox.Close()
	require.Equal(t, []int{0, 1, 2, 3, 4}, sent)
	require.Contains(t, scrape(t, metrics), `pitwall_telemetry_sent_total{exporter="some"} 3`+"\n")
	requireDropped(t, metrics, telemetry.DropFailed, 1)
	requireDropped(t, metrics, telemetry.DropRejected, 1)
	outbox.Put(6)
	outbox.Close()
	requireDropped(t, metrics, telemetry.DropShutdown, 1)
}

// A receiver that hangs holds up nobody: not who puts something in, and not the end for more than its bound.
func TestOutboxOfAReceiverThatHangs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		outbox, metrics := outboxOf(t, func(ctx context.Context, _ int) error {
			<-ctx.Done()
			return ctx.Err()
		})
		began := time.Now()
		for item := range 300 {
			outbox.Put(item)
			synctest.Wait()
		}
		require.Zero(t, time.Since(began), "nobody waited")
		requireDropped(t, metrics, telemetry.DropQueueFull, 300-1-256)
		time.Sleep(31 * time.Second)
		requireDropped(t, metrics, telemetry.DropFailed, 3)
		began = time.Now()
		outbox.Close()
		require.Equal(t, 5*time.Second, time.Since(began))
		requireDropped(t, metrics, telemetry.DropShutdown, 257-3)
	})
}

func TestNoOutboxTakesNothing(t *testing.T) {
	var none *telemetry.Outbox[int]
	none.Put(1)
	none.Close()
}
