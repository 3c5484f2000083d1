package main

import (
	"context"
	"time"

	"go.uber.org/zap"

	"pitwall/internal/devstack"
	"pitwall/internal/temporalclient"
)

// devInfo is what `dev -o json` prints once everything is ready.
type devInfo struct {
	TemporalAddress string `json:"temporal_address"`
	Namespace       string `json:"namespace"`
	UIURL           string `json:"ui_url"`
	DaytonaAPIURL   string `json:"daytona_api_url"`
	DaytonaKeyFile  string `json:"daytona_key_file"`
	HealthURL       string `json:"health_url"`
	Store           string `json:"store"`
	StateDir        string `json:"state_dir"`
	LogDir          string `json:"log_dir"`
	// Profile is empty when another starter dev's profile was left in place.
	Profile string `json:"profile"`
	// Forms and Views are links into Temporal's UI.
	Forms []uiLink `json:"forms"`
	Views []uiLink `json:"views"`
}

func printDev(term *terminal, where devstack.Endpoints, profile string) error {
	ui := console{where.UIURL, where.Namespace}
	if term.wantsJSON() {
		return term.printJSON(devInfo{
			TemporalAddress: where.TemporalAddress, Namespace: where.Namespace, UIURL: where.UIURL,
			DaytonaAPIURL: where.DaytonaAPIURL, DaytonaKeyFile: where.DaytonaKeyFile, HealthURL: where.HealthURL,
			Store: where.StoreURL, StateDir: where.StateDir, LogDir: where.LogDir, Profile: profile,
			Forms: ui.forms(), Views: ui.views(time.Now()),
		})
	}
	term.printf("Pitwall is ready.\n")
	term.printf("  Temporal     %s (namespace %s)\n", where.TemporalAddress, where.Namespace)
	term.printf("  Temporal UI  %s\n", where.UIURL)
	term.printf("  Sandboxes    %s (key: %s)\n", where.DaytonaAPIURL, where.DaytonaKeyFile)
	term.printf("  Store        %s\n", where.StoreURL)
	term.printf("  Health       %s/readyz\n", where.HealthURL)
	term.printf("  State        %s\n", where.StateDir)
	term.printf("  Logs         %s\n", where.LogDir)
	term.printf("In Temporal's UI:\n")
	for _, link := range ui.forms() {
		term.printf("  %-16s %s\n", link.Name, link.URL)
	}
	term.printf("  %-16s starter doctor has their links: what runs, failed, waits for capacity, leaked\n", "views")
	term.printf("In another terminal:  starter run examples/hello.yaml\n")
	term.printf("Ctrl-C stops everything, removes all local sandboxes and keeps the database.\n")
	return nil
}

// probeTemporal connects to the stack's own Temporal, whatever the user's environment says of another.
func probeTemporal(ctx context.Context, address, namespace string) error {
	connected, err := temporalclient.Dial(ctx, devTemporal(address, namespace, time.Second), zap.NewNop())
	if err != nil {
		return err
	}
	defer connected.Close()
	_, _, err = temporalclient.Identity(ctx, connected, namespace)
	return err
}

// devTemporal is a connection that no TEMPORAL_* variable and no TOML file has a say in.
func devTemporal(address, namespace string, timeout time.Duration) temporalclient.Options {
	return temporalclient.Options{
		Override:       temporalclient.Endpoint{Address: address, Namespace: namespace},
		ConnectTimeout: timeout,
		Env:            noTemporalEnv{},
	}
}

// noTemporalEnv is an environment whose one setting keeps the user's TOML file out.
type noTemporalEnv struct{}

func (noTemporalEnv) Environ() []string { return []string{"TEMPORAL_CONFIG_FILE=/dev/null"} }

func (e noTemporalEnv) LookupEnv(name string) (string, bool) {
	if name == "TEMPORAL_CONFIG_FILE" {
		return "/dev/null", true
	}
	return "", false
}
