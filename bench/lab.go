//go:build linux

package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"go.temporal.io/sdk/client"
	"go.uber.org/zap"

	"pitwall/internal/artifact"
	"pitwall/internal/daytona"
	"pitwall/internal/devstack"
	"pitwall/internal/sandboxd"
	"pitwall/internal/temporalclient"
)

// lab is the running stack on which everything is measured.
type lab struct {
	dir      string
	where    devstack.Endpoints
	key      string
	running  *devstack.Stack
	temporal client.Client
	daytona  *daytona.Client
	store    *artifact.Store
	progress io.Writer
}

// openLab starts Temporal, the sandbox server and a worker as `starter dev` does, in a temporary folder.
func openLab(ctx context.Context, opt options, progress io.Writer) (_ *lab, err error) {
	dir, err := os.MkdirTemp("", "pwb") // short: paths of Unix sockets end at 108 bytes
	if err != nil {
		return nil, fmt.Errorf("make state folder: %w", err)
	}
	l := &lab{dir: dir, progress: progress}
	policy := filepath.Join(dir, "policy.yaml")
	defer func() {
		if err != nil {
			err = errors.Join(err, l.close())
		}
	}()
	// The datasets are files of whoever started the bench.
	if err := os.WriteFile(policy, []byte("version: 1\nall: {input_folders: [/]}\n"), 0o600); err != nil {
		return nil, fmt.Errorf("write policy: %w", err)
	}
	l.note("starting Temporal, the sandbox server and a worker …")
	l.running, err = devstack.Start(ctx, devstack.Config{
		BinDir: opt.bin, StarterPath: filepath.Join(opt.bin, "starter"), StateDir: dir,
		WorkerEnv: append(os.Environ(), "DAYTONA_MAX_PARALLEL_SANDBOXES="+strconv.Itoa(opt.slots), "PITWALL_LOG_LEVEL=warn",
			"PITWALL_POLICY_FILE="+policy),
		Notify: func(message string) { l.note("%s", message) },
	}, l.probe)
	if errors.Is(err, devstack.ErrProgramsMissing) {
		return nil, fmt.Errorf("%w (build them with: make build)", err)
	}
	if err != nil {
		return nil, err
	}
	l.where = l.running.Endpoints()
	return l, l.connect(ctx)
}

func (l *lab) probe(ctx context.Context, address, namespace string) error {
	c, err := dial(ctx, address, namespace)
	if err != nil {
		return err
	}
	defer c.Close()
	_, _, err = temporalclient.Identity(ctx, c, namespace)
	return err
}

func dial(ctx context.Context, address, namespace string) (client.Client, error) {
	return temporalclient.Dial(ctx, temporalclient.Options{Override: temporalclient.Endpoint{Address: address, Namespace: namespace}}, zap.NewNop())
}

func (l *lab) connect(ctx context.Context) error {
	key, err := os.ReadFile(l.where.DaytonaKeyFile)
	if err != nil {
		return fmt.Errorf("read the sandbox server's key: %w", err)
	}
	l.key = strings.TrimSpace(string(key))
	if l.daytona, err = daytona.New(daytona.Config{APIURL: l.where.DaytonaAPIURL, APIKey: l.key}); err != nil {
		return err
	}
	if l.temporal, err = dial(ctx, l.where.TemporalAddress, l.where.Namespace); err != nil {
		return err
	}
	l.store, err = artifact.Open(ctx, l.where.StoreURL)
	return err
}

// close stops everything and forgets the folder.
func (l *lab) close() error {
	var problems []error
	if l.store != nil {
		problems = append(problems, l.store.Close())
	}
	if l.temporal != nil {
		l.temporal.Close()
	}
	if l.running != nil {
		problems = append(problems, l.running.Stop())
	}
	return errors.Join(append(problems, os.RemoveAll(l.dir))...)
}

func (l *lab) note(format string, args ...any) { fmt.Fprintf(l.progress, format+"\n", args...) }

// ledger asks the sandbox server what it created and destroyed, and when.
func (l *lab) ledger(ctx context.Context) (sandboxd.Ledger, error) {
	ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, l.where.DaytonaAPIURL+"/pitwall/ledger", nil)
	if err != nil {
		return sandboxd.Ledger{}, err
	}
	request.Header.Set("Authorization", "Bearer "+l.key)
	answer, err := http.DefaultClient.Do(request)
	if err != nil {
		return sandboxd.Ledger{}, fmt.Errorf("read the sandbox server's ledger: %w", err)
	}
	defer answer.Body.Close()
	var ledger sandboxd.Ledger
	if answer.StatusCode != http.StatusOK {
		return ledger, fmt.Errorf("read the sandbox server's ledger: %s", answer.Status)
	}
	if err := json.NewDecoder(io.LimitReader(answer.Body, 64<<20)).Decode(&ledger); err != nil {
		return ledger, fmt.Errorf("read the sandbox server's ledger: %w", err)
	}
	return ledger, nil
}

// createTimes are when the server began to make each sandbox, by id.
func (l *lab) createTimes(ctx context.Context) (map[string]time.Time, error) {
	ledger, err := l.ledger(ctx)
	times := map[string]time.Time{}
	for _, entry := range ledger.Entries {
		if entry.Event == "created" {
			times[entry.ID] = entry.Time
		}
	}
	return times, err
}
