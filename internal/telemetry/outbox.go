package telemetry

import (
	"context"
	"errors"
	"sync"
	"time"

	"go.uber.org/zap"
)

const (
	// outboxSize bounds what waits for a receiver, in items: each is some KiB.
	outboxSize = 256
	// sendBound is how long the sending of one item may take, with all that is tried again.
	sendBound = 10 * time.Second
)

// ErrRejected is for what a receiver took, and said that it does not keep.
var ErrRejected = errors.New("the receiver rejected it")

// Outbox hands items to a receiver, one after the other. Nobody waits for it but Close: an item that finds no room, or is not
// taken in time, is dropped and counted. The methods of a nil Outbox do nothing.
//
//	Put ─> queue of 256 ─> send, at most 10 s each ─> receiver
//	  └ full: dropped        └ refused, or no answer: dropped
type Outbox[T any] struct {
	send  func(context.Context, T) error
	items chan T
	done  chan struct{}
	stop  context.CancelFunc
	drops drops

	mu     sync.RWMutex // guards closed, and items against a send after its end
	closed bool
}

// NewOutbox begins to send for the exporter of that name in the metrics. An error of send that is ErrRejected counts as
// rejected, any other as failed.
func NewOutbox[T any](exporter string, send func(context.Context, T) error, metrics *Metrics, log *zap.Logger) *Outbox[T] {
	ctx, stop := context.WithCancel(context.Background()) //nolint:gosec // Close calls it
	o := &Outbox[T]{
		send: send, items: make(chan T, outboxSize), done: make(chan struct{}), stop: stop,
		drops: drops{exporter: exporter, metrics: metrics, log: log},
	}
	metrics.Exports(exporter)
	go o.run(ctx)
	return o
}

// Put queues an item, or drops it.
func (o *Outbox[T]) Put(item T) {
	if o == nil {
		return
	}
	o.mu.RLock()
	defer o.mu.RUnlock()
	if o.closed {
		o.drops.dropped(DropShutdown, 1, nil)
		return
	}
	select {
	case o.items <- item:
	default:
		o.drops.dropped(DropQueueFull, 1, nil)
	}
}

// Close sends what is left, for at most 5 s. What is not sent by then is dropped, and counted.
func (o *Outbox[T]) Close() {
	if o == nil {
		return
	}
	o.mu.Lock()
	if !o.closed {
		o.closed = true
		close(o.items)
	}
	o.mu.Unlock()
	bound := time.AfterFunc(flushBound, o.stop)
	<-o.done
	bound.Stop()
	o.stop()
}

func (o *Outbox[T]) run(ctx context.Context) {
	defer close(o.done)
	for item := range o.items {
		switch err := o.one(ctx, item); {
		case err == nil:
			o.drops.metrics.Sent(o.drops.exporter, 1)
		case ctx.Err() != nil:
			o.drops.dropped(DropShutdown, 1, err)
		case errors.Is(err, ErrRejected):
			o.drops.dropped(DropRejected, 1, err)
		default:
			o.drops.dropped(DropFailed, 1, err)
		}
	}
}

func (o *Outbox[T]) one(ctx context.Context, item T) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	ctx, cancel := context.WithTimeout(ctx, sendBound)
	defer cancel()
	return o.send(ctx, item)
}
