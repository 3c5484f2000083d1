package main

import (
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"strings"

	"go.temporal.io/api/enums/v1"
)

var errUsage = errors.New("the command is: temporal-dev server start-dev [flags], or temporal-dev --version")

// parse reads `server start-dev` and its flags, under the names that the Temporal CLI gives them.
func parse(args []string, output io.Writer) (Options, error) {
	if len(args) < 2 || args[0] != "server" || args[1] != "start-dev" {
		return Options{}, errUsage
	}
	var opts Options
	flags := flag.NewFlagSet("temporal-dev server start-dev", flag.ContinueOnError)
	flags.SetOutput(output)
	defineAddressFlags(flags, &opts)
	defineStoreFlags(flags, &opts)
	if err := flags.Parse(args[2:]); err != nil {
		return Options{}, err
	}
	if flags.NArg() > 0 {
		return Options{}, fmt.Errorf("unexpected argument %q; %w", flags.Arg(0), errUsage)
	}
	if opts.IP == "localhost" {
		opts.IP = "127.0.0.1" // the server wants a number
	}
	opts = opts.withDefaults()
	return opts, opts.validate()
}

func defineAddressFlags(flags *flag.FlagSet, opts *Options) {
	flags.StringVar(&opts.IP, "ip", "127.0.0.1", "loopback `address` to listen on")
	flags.IntVar(&opts.Port, "port", 7233, "gRPC port")
	flags.IntVar(&opts.Port, "p", 7233, "short for --port")
	flags.IntVar(&opts.HTTPPort, "http-port", 0, "port of the HTTP API (default: not served)")
	flags.IntVar(&opts.MetricsPort, "metrics-port", 0, "port of Prometheus metrics (default: not served)")
	flags.BoolVar(&opts.Headless, "headless", false, "without the web UI")
	flags.StringVar(&opts.UIIP, "ui-ip", "", "loopback `address` of the web UI (default: --ip)")
	flags.IntVar(&opts.UIPort, "ui-port", 0, "port of the web UI (default: --port + 1000)")
	flags.StringVar(&opts.UIPublicPath, "ui-public-path", "", "path prefix of the web UI")
	flags.StringVar(&opts.UIAssetPath, "ui-asset-path", "", "`folder` that replaces the web UI's pages")
	flags.StringVar(&opts.UICodec, "ui-codec-endpoint", "", "`URL` of a codec server")
	flags.StringVar(&opts.LogLevel, "log-level", "warn", "debug, info, warn, error or never")
	flags.StringVar(&opts.LogFormat, "log-format", "text", "text or json")
}

func defineStoreFlags(flags *flag.FlagSet, opts *Options) {
	namespace := func(name string) error {
		opts.Namespaces = append(opts.Namespaces, name)
		return nil
	}
	flags.Func("namespace", "`name` of a namespace to create when missing; repeatable", namespace)
	flags.Func("n", "short for --namespace", namespace)
	flags.StringVar(&opts.DatabaseFile, "db-filename", "", "SQLite `file` (default: memory)")
	flags.StringVar(&opts.DatabaseFile, "f", "", "short for --db-filename")
	flags.Func("sqlite-pragma", "`name=value`; repeatable", func(pair string) error {
		return addPair(&opts.SQLitePragmas, pair, asString)
	})
	flags.Func("search-attribute", "`name=Type` to add; repeatable", func(pair string) error {
		return addPair(&opts.SearchAttributes, pair, asAttributeType)
	})
	flags.Func("dynamic-config-value", "`key=JSON`; repeatable", func(pair string) error {
		return addPair(&opts.DynamicConfig, pair, asDynamicValue)
	})
}

// addPair parses "key=value" into *pairs.
func addPair[V any](pairs *map[string]V, pair string, parse func(string) (V, error)) error {
	key, text, found := strings.Cut(pair, "=")
	if !found || key == "" {
		return fmt.Errorf("%q is not key=value", pair)
	}
	value, err := parse(text)
	if err != nil {
		return fmt.Errorf("value of %s: %w", key, err)
	}
	if *pairs == nil {
		*pairs = map[string]V{}
	}
	(*pairs)[key] = value
	return nil
}

func asString(text string) (string, error) { return text, nil }

func asAttributeType(text string) (enums.IndexedValueType, error) {
	for name, value := range enums.IndexedValueType_shorthandValue {
		if value != 0 && strings.EqualFold(name, text) {
			return enums.IndexedValueType(value), nil
		}
	}
	return 0, fmt.Errorf("%q is not a search attribute type (Keyword, Text, Int, Double, Bool, Datetime, KeywordList)", text)
}

// asDynamicValue decodes JSON. The server's settings want int, which encoding/json alone never yields.
func asDynamicValue(text string) (any, error) {
	decoder := json.NewDecoder(strings.NewReader(text))
	decoder.UseNumber()
	var value any
	if err := decoder.Decode(&value); err != nil {
		return nil, fmt.Errorf("decode %q as JSON: %w", text, err)
	}
	number, isNumber := value.(json.Number)
	if !isNumber {
		return value, nil
	}
	if whole, err := number.Int64(); err == nil {
		return int(whole), nil
	}
	return number.Float64()
}
