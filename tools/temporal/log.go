package main

import (
	"fmt"

	"go.temporal.io/server/common/log"
)

// newLogger writes the server's log to stderr; stdout is for the addresses.
func newLogger(opts Options) (log.Logger, error) {
	conf := log.Config{Level: opts.LogLevel}
	switch opts.LogFormat {
	case "json":
		conf.Format = "json"
	case "text", "pretty":
		conf.Format = "console"
	default:
		return nil, fmt.Errorf("--log-format %q: want text or json", opts.LogFormat)
	}
	switch opts.LogLevel {
	case "never":
		return log.NewNoopLogger(), nil
	case "debug", "info", "warn", "error":
		return log.NewZapLogger(log.BuildZapLogger(conf)), nil
	default:
		return nil, fmt.Errorf("--log-level %q: want debug, info, warn, error or never", opts.LogLevel)
	}
}
