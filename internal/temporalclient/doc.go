// Package temporalclient connects to Temporal the way Temporal's own tools do: by TEMPORAL_* environment variables and
// TOML profiles (go.temporal.io/sdk/contrib/envconfig), so that whatever works for the temporal CLI works here.
//
//	flag  >  TEMPORAL_* environment  >  TOML profile  >  what starter dev left  >  localhost:7233, namespace default
package temporalclient
