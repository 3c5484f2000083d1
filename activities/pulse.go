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
	mu     sync.Mutex // guards what follows
	latest any
	// leaving: since when the provider has shown a sandbox as on its way out.
	leaving map[string]time.Time
	// lasting: what is said now is to be seen until the next try, although this one is about to end.
	lasting bool

	stop context.CancelFunc
	done chan struct{}
}

// startPulse begins to beat at once. End it with end.
func startPulse(ctx context.Context, details any) *pulse {
	beating, stop := context.WithCancel(ctx)
	p := &pulse{latest: details, leaving: map[string]time.Time{}, stop: stop, done: make(chan struct{})}
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
			latest, _ := p.now()
			activity.RecordHeartbeat(ctx, latest)
		case <-ctx.Done():
			if latest, lasting := p.now(); lasting {
				activity.RecordHeartbeat(context.WithoutCancel(ctx), latest)
			}
			return
		}
	}
}

func (p *pulse) now() (latest any, lasting bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.latest, p.lasting
}

// set is what the next beats say.
func (p *pulse) set(details any) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.latest, p.lasting = details, false
}

// removal shows the progress of a removal.
func (p *pulse) removal(progress daytona.RemovalProgress) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.latest = p.story(progress)
	p.lasting = progress.Step == "delete" && isDenial(progress.Err)
}

// story says what a removal waits for. The lock is held.
func (p *pulse) story(progress daytona.RemovalProgress) string {
	if progress.Step == "delete" && isDenial(progress.Err) {
		return denial(progress.SandboxID, progress.Err)
	}
	if progress.State == daytona.StateDestroying {
		since, known := p.leaving[progress.SandboxID]
		if !known {
			since = time.Now()
			p.leaving[progress.SandboxID] = since
		}
		text := fmt.Sprintf("the provider has been destroying %s for %s", progress.SandboxID, time.Since(since).Round(time.Second))
		return text + because(progress.Err)
	}
	text := fmt.Sprintf("%s %s, try %d", progress.Step, progress.SandboxID, progress.Attempt)
	if progress.State != "" {
		text += ", state " + progress.State
	}
	return text + because(progress.Err)
}

func because(err error) string {
	if err == nil {
		return ""
	}
	return ": " + bounded(err.Error(), 200)
}

func (p *pulse) end() {
	p.stop()
	<-p.done
}
