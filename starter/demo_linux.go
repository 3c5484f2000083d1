package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"pitwall/internal/config"
	"pitwall/internal/devstack"
)

// demoStore is where a demo's results and artifacts are kept, outside the state folder that it forgets.
func demoStore(term *terminal, options devOptions) (string, error) {
	keep := options.keep
	if keep == "" {
		root, err := stateRoot(term)
		if err != nil {
			return "", err
		}
		keep = filepath.Join(root, "demo")
	}
	keep, err := filepath.Abs(keep)
	if err != nil {
		return "", fmt.Errorf("find the folder that keeps the demo's results: %w", err)
	}
	if err := os.MkdirAll(keep, 0o700); err != nil {
		return "", fmt.Errorf("make the folder that keeps the demo's results: %w", err)
	}
	return config.FileURL(keep), nil
}

// runDemo runs the campaign of a folder on a stack that is there for it alone. The candidates of a demo fail on purpose,
// so its gate is coverage: it ends well when every trial was judged.
func runDemo(ctx context.Context, term *terminal, running *devstack.Stack, options devOptions) error {
	target, err := demoDeployment(term, running.Endpoints())
	if err != nil {
		return err
	}
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	go func() {
		if err := running.Wait(ctx); err != nil {
			cancel(err)
		}
	}()
	term.note("Temporal UI: %s", target.uiURL)
	err = startCampaign(ctx, term, target, filepath.Join(options.demo, "campaign.yaml"), campaignOptions{wait: true, rows: true})
	if death := context.Cause(ctx); death != nil && !errors.Is(death, context.Canceled) {
		return explainStack(death)
	}
	if errors.As(err, new(interrupted)) {
		return interrupted{"the demo is stopped; what it has results of stands in " + target.shown("store:campaigns")}
	}
	if ctx.Err() == nil && !term.wantsJSON() {
		term.printf("  Temporal UI  %s (until now; the demo stops everything that it started)\n", target.uiURL)
		term.printf("Read it again:  PITWALL_STORE=%s starter campaign list --all\n", target.Store)
	}
	return err
}

// demoDeployment is the stack's own, whatever the user's environment says of others.
func demoDeployment(term *terminal, where devstack.Endpoints) (deployment, error) {
	key, err := os.ReadFile(where.DaytonaKeyFile)
	if err != nil {
		return deployment{}, fmt.Errorf("read the sandbox server's key: %w", err)
	}
	loaded, err := config.Load(append(term.environ,
		"DAYTONA_API_URL="+where.DaytonaAPIURL, "DAYTONA_API_KEY="+strings.TrimSpace(string(key)),
		"DAYTONA_TARGET=", "DAYTONA_ORGANIZATION_ID=", "PITWALL_STORE="+where.StoreURL))
	if err != nil {
		return deployment{}, &UsageError{Err: err}
	}
	return deployment{
		Config: loaded, uiURL: where.UIURL,
		temporal: devTemporal(where.TemporalAddress, where.Namespace, 10*time.Second),
	}, nil
}
