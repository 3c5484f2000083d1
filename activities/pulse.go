package activities

import (
	"context"
	"fmt"
	"sync"
	"time"

	"go.temporal.io/sdk/activity"

	"pitwall/internal/daytona"
)

// pulseInterval is well below the heartbeat timeout of 10 s; it also bounds how late a cancel is seen.
const pulseInterval = 2 * time.Second

// pulse keeps an activity alive while it waits for somebody else, and says in its heartbeats what for.
type pulse struct {
	mu     sync.Mutex
	latest any
	stop   context.CancelFunc
	done   chan struct{}
}

// startPulse begins to beat at once. End it with end.
func startPulse(ctx context.Context, details any) *pulse {
	beating, stop := context.WithCancel(ctx)
	p := &pulse{latest: details, stop: stop, done: make(chan struct{})}
	activity.RecordHeartbeat(ctx, details)
	go p.beat(beating)
	return p
}

func (p *pulse) beat(ctx context.Context) {
	defer close(p.done)
	tick := time.NewTicker(pulseInterval)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
			p.mu.Lock()
			latest := p.latest
			p.mu.Unlock()
			activity.RecordHeartbeat(ctx, latest)
		case <-ctx.Done():
			return
		}
	}
}

// set is what the next beats say.
func (p *pulse) set(details any) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.latest = details
}

// removal shows the progress of a removal.
func (p *pulse) removal(progress daytona.RemovalProgress) {
	text := fmt.Sprintf("%s %s, try %d", progress.Step, progress.SandboxID, progress.Attempt)
	if progress.State != "" {
		text += ", state " + progress.State
	}
	if progress.Err != nil {
		text += ": " + bounded(progress.Err.Error(), 200)
	}
	p.set(text)
}

func (p *pulse) end() {
	p.stop()
	<-p.done
}
