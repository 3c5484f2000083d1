// Package config turns a process's environment into its Config, and finds a running `starter dev`.
//
// Precedence, for each setting: flag > environment > dev profile > default. Flags are the commands' own; Load does the
// rest. The profile is a file that `starter dev` leaves while it runs, so that `starter` and `worker` in any other
// terminal need no settings:
//
//	starter dev ──WriteProfile──> <state>/pitwall/dev-profile.json ──Load──> Config of starter, worker
//
// It never mixes two places: once the environment names a Daytona (DAYTONA_API_URL or DAYTONA_API_KEY), neither URL nor
// key of the profile is used, and a local key never travels to a remote service.
//
// Nothing here prints or logs a secret; Secret shows itself as ***.
package config
