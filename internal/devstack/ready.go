//go:build linux

package devstack

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// Probe connects to Temporal at address and returns nil when namespace can be used.
type Probe func(ctx context.Context, address, namespace string) error

const (
	probeEvery = 50 * time.Millisecond
	// slowStart is when a person begins to wonder.
	slowStart = 5 * time.Second
	// probeBound is the longest that one try may take.
	probeBound = 5 * time.Second
)

// awaitReady asks a child until it is ready, dies, or its time is up.
func (ch *child) awaitReady(ctx context.Context, notify func(string)) error {
	ctx, cancel := context.WithTimeout(ctx, ch.service.readyWithin)
	defer cancel()
	slow := time.AfterFunc(slowStart, func() { notify("still starting " + ch.service.name + " …") })
	defer slow.Stop()
	for {
		err := ch.probe(ctx)
		if err == nil {
			return nil
		}
		select {
		case <-ch.ended:
			return ch.deathError()
		case <-ctx.Done():
			return fmt.Errorf("start %s: not ready: %w (log: %s)", ch.service.name, err, ch.logPath)
		case <-time.After(probeEvery):
		}
	}
}

func (ch *child) probe(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, probeBound)
	defer cancel()
	return ch.service.ready(ctx)
}

// answersOK asks url once.
func answersOK(ctx context.Context, url string) error {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return err
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	if response.StatusCode == http.StatusOK {
		return nil
	}
	text, _ := io.ReadAll(io.LimitReader(response.Body, 512))
	return fmt.Errorf("%s answered %s: %s", url, response.Status, strings.TrimSpace(string(text)))
}

func portText(port int) string { return strconv.Itoa(port) }
