package main

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"path/filepath"

	"go.temporal.io/sdk/client"
	"go.uber.org/zap"

	"pitwall/internal/artifact"
	"pitwall/internal/config"
	"pitwall/internal/daytona"
	"pitwall/internal/policy"
	"pitwall/internal/temporalclient"
)

// deployment is the Pitwall that a command talks to: its settings, and where its Temporal is.
type deployment struct {
	config.Config
	policy   *policy.Policy // this machine's, see loadPolicy
	temporal temporalclient.Options
	uiURL    string // of Temporal's UI; empty when it is not known
}

// loadDeployment reads the environment and the profile of a running `starter dev`.
func loadDeployment(term *terminal) (deployment, error) {
	loaded, err := config.Load(term.environ)
	if err != nil {
		return deployment{}, &UsageError{Err: err, Hint: "docs/configuration.md lists every variable"}
	}
	admitted, err := loadPolicy(loaded.PolicyFile)
	if err != nil {
		return deployment{}, err
	}
	target := deployment{Config: loaded, policy: admitted, temporal: loaded.Temporal(), uiURL: loaded.UIURL}
	if target.uiURL == "" && loaded.Profile != nil && term.env("TEMPORAL_ADDRESS") == "" {
		target.uiURL = loaded.Profile.UIURL
	}
	return target, nil
}

// dialTemporal connects, or says what to do.
func dialTemporal(ctx context.Context, target deployment) (client.Client, error) {
	connected, err := temporalclient.Dial(ctx, target.temporal, zap.NewNop())
	if err == nil {
		return connected, nil
	}
	if target.ProfileProblem != nil {
		return nil, &InfraError{Err: err, Hint: target.ProfileProblem.Error()}
	}
	return nil, err
}

// namespace is the name of the Temporal namespace in use.
func (d deployment) namespace() string {
	options, err := temporalclient.Resolve(d.temporal)
	if err != nil {
		return client.DefaultNamespace
	}
	return options.Namespace
}

// refuseDisabled: with DAYTONA_ENABLED=false a worker refuses every new eval, and so does whoever would start one.
func (d deployment) refuseDisabled() error {
	if d.Enabled {
		return nil
	}
	return &UsageError{Problem: "DAYTONA_ENABLED=false: sandboxes are switched off, nothing was started", Hint: "set it to true to run evals"}
}

func openStore(ctx context.Context, target deployment) (*artifact.Store, error) {
	return artifact.Open(ctx, target.Store)
}

// newProvider makes the client of Daytona, or says what is not set.
func newProvider(target deployment) (*daytona.Client, error) {
	provider, err := daytona.New(target.Daytona())
	if err != nil && target.ProfileProblem != nil {
		return nil, &UsageError{Err: err, Hint: target.ProfileProblem.Error()}
	}
	if err != nil {
		return nil, &UsageError{Err: err, Hint: "set DAYTONA_API_KEY and DAYTONA_API_URL, or start a local one with: starter dev"}
	}
	return provider, nil
}

// explainProvider adds what to do to an error of the provider.
func explainProvider(target deployment, err error) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, daytona.ErrUnauthorized), errors.Is(err, daytona.ErrForbidden):
		return &UsageError{Err: err, Hint: fmt.Sprintf("Daytona at %s refuses the key: set DAYTONA_API_KEY to one of that account", target.APIURL)}
	case errors.Is(err, daytona.ErrBadAnswer), errors.Is(err, daytona.ErrNotFound), errors.Is(err, daytona.ErrUnsupported):
		return &UsageError{Err: err, Hint: fmt.Sprintf("is DAYTONA_API_URL=%s the address of Daytona's API?", target.APIURL)}
	}
	return &InfraError{Err: err, Hint: fmt.Sprintf("is Daytona at %s up? set DAYTONA_API_URL, or start a local one with: starter dev", target.APIURL)}
}

// linkTo is the address of a workflow in Temporal's UI, as the end of a sentence.
func linkTo(target deployment, id, runID string) string {
	if target.uiURL == "" {
		return ""
	}
	return ": " + target.console().history(id, runID)
}

func (d deployment) console() console { return console{d.uiURL, d.namespace()} }

// shown is a store URI for people: the file's path where the store is a folder of this machine.
func (d deployment) shown(uri string) string {
	location, err := url.Parse(d.Store)
	key, keyErr := artifact.Key(uri)
	if err != nil || keyErr != nil || location.Scheme != "file" {
		return uri
	}
	return filepath.Join(filepath.FromSlash(location.Path), filepath.FromSlash(key))
}
