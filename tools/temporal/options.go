package main

import (
	"fmt"
	"net"
	"strconv"

	"go.temporal.io/api/enums/v1"
)

// Options is what the command line says. The zero value of an optional field means what its comment says.
type Options struct {
	IP          string   // loopback address that every port is opened on; default 127.0.0.1
	Port        int      // gRPC port; default 7233
	HTTPPort    int      // Temporal's HTTP API; 0: not served
	MetricsPort int      // Prometheus metrics; 0: not served
	Namespaces  []string // created when missing; "default" always is

	Headless     bool   // without the web UI
	UIIP         string // loopback address of the UI; default IP
	UIPort       int    // default Port + 1000
	UIPublicPath string // path prefix of the UI; default none
	UIAssetPath  string // folder that replaces the built-in pages; default none
	UICodec      string // codec server's URL; default none

	DatabaseFile  string            // SQLite file, created when missing; empty: memory, forgotten at the end
	SQLitePragmas map[string]string // override pragmas of database.go

	LogLevel  string // debug, info, warn, error or never; default warn
	LogFormat string // text or json; default text

	SearchAttributes map[string]enums.IndexedValueType // added to each namespace that lacks them
	DynamicConfig    map[string]any                    // override dynamicDefaults
}

func (o Options) frontendAddress() string { return o.address(o.Port) }

func (o Options) uiAddress() string { return net.JoinHostPort(o.UIIP, strconv.Itoa(o.UIPort)) }

func (o Options) address(port int) string { return net.JoinHostPort(o.IP, strconv.Itoa(port)) }

// withDefaults fills what depends on other fields.
func (o Options) withDefaults() Options {
	if o.UIIP == "" {
		o.UIIP = o.IP
	}
	if o.UIPort == 0 {
		o.UIPort = o.Port + 1000
	}
	o.Namespaces = unique(append([]string{"default"}, o.Namespaces...))
	return o
}

func (o Options) validate() error {
	for _, ip := range []string{o.IP, o.UIIP} {
		if parsed := net.ParseIP(ip); parsed == nil || !parsed.IsLoopback() {
			return fmt.Errorf("address %q is not a loopback address; this server has no authentication, so it listens on 127.0.0.1 or ::1 only", ip)
		}
	}
	for _, port := range []struct {
		flag  string
		value int
	}{{"port", o.Port}, {"http-port", o.HTTPPort}, {"metrics-port", o.MetricsPort}, {"ui-port", o.UIPort}} {
		if port.value < 0 || port.value > 65535 {
			return fmt.Errorf("--%s %d is not a port", port.flag, port.value)
		}
	}
	return nil
}

func unique(names []string) []string {
	seen := make(map[string]bool, len(names))
	var kept []string
	for _, name := range names {
		if !seen[name] {
			seen[name] = true
			kept = append(kept, name)
		}
	}
	return kept
}
