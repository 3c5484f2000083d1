package temporalclient

import (
	"context"
	"fmt"
	"time"

	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/contrib/envconfig"
	"go.temporal.io/sdk/interceptor"
	"go.temporal.io/sdk/workflow"
	"go.uber.org/zap"

	"pitwall/internal/redact"
)

// Endpoint is a namespace of a Temporal service.
type Endpoint struct {
	// Address is host:port of its frontend.
	Address   string
	Namespace string
}

// Options of a connection. All are optional.
type Options struct {
	// Override wins over everything: what was said by flags.
	Override Endpoint
	// Fallback holds where the environment and the profile name no address: what starter dev left. Its namespace holds
	// only together with its address.
	Fallback Endpoint
	// Profile of the TOML file. Defaults to TEMPORAL_PROFILE, else "default".
	Profile string
	// Identity is how this process shows in histories. Defaults to the SDK's pid@host@.
	Identity string
	// ConnectTimeout bounds Dial. Defaults to 5s, the SDK's own bound for its first call.
	ConnectTimeout time.Duration
	// Env looks environment variables up. Defaults to the process's.
	Env envconfig.EnvLookup
	// Interceptors, Propagators and Metrics watch what goes over the connection, and what its workers do. Default none.
	Interceptors []interceptor.ClientInterceptor
	Propagators  []workflow.ContextPropagator
	Metrics      client.MetricsHandler
	// Keys encrypt what goes over the connection. Default none: payloads are JSON in the clear.
	Keys *Keyring
	// Redactor takes secrets out of errors before they stand in a history. Nil knows no values.
	Redactor *redact.Redactor
}

const defaultConnectTimeout = 5 * time.Second

// WithDefaults fills in what is unset.
func (o Options) WithDefaults() Options {
	if o.ConnectTimeout <= 0 {
		o.ConnectTimeout = defaultConnectTimeout
	}
	return o
}

// Dial connects and makes one call to see that the service answers. The caller closes the client. Returns an
// *UnreachableError, which says what to do, when nothing answers in time or it refuses the credentials.
func Dial(ctx context.Context, opts Options, logger *zap.Logger) (client.Client, error) {
	opts = opts.WithDefaults()
	settings, err := Resolve(opts)
	if err != nil {
		return nil, err
	}
	settings.Logger = NewLogger(logger)
	ctx, cancel := context.WithTimeout(ctx, opts.ConnectTimeout)
	defer cancel()
	connected, err := client.DialContext(ctx, settings)
	if err != nil {
		return nil, &UnreachableError{Endpoint: Endpoint{settings.HostPort, settings.Namespace}, Cause: err}
	}
	return connected, nil
}

// Resolve is what Dial dials: address, namespace and credentials by precedence, the identity; all but the logger. It calls
// nobody.
func Resolve(opts Options) (client.Options, error) {
	opts = opts.WithDefaults()
	profile, err := envconfig.LoadClientConfigProfile(envconfig.LoadClientConfigProfileOptions{
		ConfigFileProfile: opts.Profile,
		EnvLookup:         opts.Env,
	})
	if err != nil {
		return client.Options{}, fmt.Errorf("read Temporal's settings (TEMPORAL_* and its TOML file): %w", err)
	}
	endpoint := choose(opts, Endpoint{profile.Address, profile.Namespace})
	profile.Address, profile.Namespace = endpoint.Address, endpoint.Namespace
	settings, err := profile.ToClientOptions(envconfig.ToClientOptionsRequest{})
	if err != nil {
		return client.Options{}, fmt.Errorf("read Temporal's settings (TEMPORAL_* and its TOML file): %w", err)
	}
	settings.Identity = opts.Identity
	settings.Interceptors, settings.ContextPropagators, settings.MetricsHandler = opts.Interceptors, opts.Propagators, opts.Metrics
	settings.DataConverter, settings.FailureConverter = opts.Converter(), newFailures(opts)
	settings.ConnectionOptions.GetSystemInfoTimeout = opts.ConnectTimeout
	return settings, nil
}

func choose(opts Options, configured Endpoint) Endpoint {
	chosen := configured
	if opts.Override.Address == "" && configured.Address == "" {
		chosen.Address = opts.Fallback.Address
		if configured.Namespace == "" {
			chosen.Namespace = opts.Fallback.Namespace
		}
	}
	if opts.Override.Address != "" {
		chosen.Address = opts.Override.Address
	}
	if opts.Override.Namespace != "" {
		chosen.Namespace = opts.Override.Namespace
	}
	if chosen.Address == "" {
		chosen.Address = client.DefaultHostPort
	}
	if chosen.Namespace == "" {
		chosen.Namespace = client.DefaultNamespace
	}
	return chosen
}
