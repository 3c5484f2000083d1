package config

import (
	"errors"
	"fmt"
	"net"
	"net/url"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/caarlos0/env/v11"

	"pitwall/internal/daytona"
	"pitwall/internal/spec"
)

// InvalidError lists every setting that is wrong, each line naming its variable and the remedy.
type InvalidError struct{ Problems []string }

func (e *InvalidError) Error() string {
	if len(e.Problems) == 1 {
		return "wrong setting: " + e.Problems[0]
	}
	return fmt.Sprintf("%d wrong settings:\n  %s", len(e.Problems), strings.Join(e.Problems, "\n  "))
}

// Load reads the configuration from an environment (os.Environ()) and the dev profile. An empty variable counts as
// unset. The error is an *InvalidError with all problems.
func Load(environ []string) (Config, error) {
	vars := env.ToMap(environ)
	given := lookup(vars)
	c := Config{environ: &given}
	found := findings{failed: map[string]bool{}}
	state, stateErr := stateDir(hostOS, lookup(vars))
	if stateErr == nil {
		c.StateDir = state
		c.Profile, c.ProfileProblem = ReadProfile(state)
	}
	if c.Profile != nil {
		effective, err := c.Profile.beneath(vars)
		if err != nil {
			c.Profile, c.ProfileProblem = nil, err
		}
		vars = effective
	}
	if err := env.ParseWithOptions(&c, env.Options{Environment: vars}); err != nil {
		found.parse(err)
	}
	c.APIKey = found.apiKey(c)
	if c.APIURL == "" {
		c.APIURL = daytona.DefaultAPIURL
	}
	switch {
	case c.Store != "":
	case stateErr != nil:
		found.bad("PITWALL_STORE", " is not set, and its default cannot be found: %v", stateErr)
	default:
		c.Store = defaultStore(c.StateDir)
	}
	c.keys, c.keysText = found.keyring(c)
	found.check(c)
	found.misspelt(given)
	if len(found.problems) > 0 {
		return Config{}, &InvalidError{Problems: found.problems}
	}
	return c, nil
}

// findings collects problems; failed are the variables that could not be read, whose zero value is not to be judged again.
type findings struct {
	problems []string
	failed   map[string]bool
}

func (f *findings) bad(name, format string, args ...any) {
	if !f.failed[name] {
		f.problems = append(f.problems, name+fmt.Sprintf(format, args...))
	}
}

// parse names the variables behind the library's field names.
func (f *findings) parse(err error) {
	var aggregate env.AggregateError
	if !errors.As(err, &aggregate) {
		f.problems = append(f.problems, err.Error())
		return
	}
	for _, one := range aggregate.Errors {
		var parse env.ParseError
		if !errors.As(one, &parse) {
			f.problems = append(f.problems, one.Error())
			continue
		}
		field, _ := reflect.TypeFor[Config]().FieldByName(parse.Name)
		name := field.Tag.Get("env")
		f.bad(name, " is not %s: write such as %s", kindOf(field.Type), field.Tag.Get("envDefault"))
		f.failed[name] = true
	}
}

func kindOf(t reflect.Type) string {
	switch {
	case t == reflect.TypeFor[spec.Duration]():
		return "a duration such as 30d"
	case t == reflect.TypeFor[time.Duration]():
		return "a duration with a unit"
	case t.Kind() == reflect.Bool:
		return "true or false"
	}
	return "a whole number"
}

// Bounds of settings. minTTLMinutes is what the clocks of the shortest job add up to (spec.Clocks); a week is far above any job.
const (
	minTTLMinutes   = int((spec.UploadAllowance+spec.DownloadAllowance+2*spec.ClockMargin)/time.Minute) + 1
	maxTTLMinutes   = 7 * 24 * 60
	maxSandboxes    = 500
	maxPeriod       = 24 * time.Hour
	minReaperPeriod = time.Second
	// A cached execution holds its goroutines: tens of KiB, and so gigabytes for this many.
	maxWorkflowCache = 100_000
)

// check validates what was parsed.
func (f *findings) check(c Config) {
	f.oneOf("DAYTONA_DEFAULT_LANGUAGE", c.DefaultLanguage, "python", "typescript", "javascript")
	f.between("DAYTONA_SANDBOX_TTL_MINUTES", c.SandboxTTLMinutes, 1, maxTTLMinutes)
	f.between("PITWALL_MAX_TTL_MINUTES", c.MaxTTLMinutes, minTTLMinutes, maxTTLMinutes)
	if c.SandboxTTLMinutes > c.MaxTTLMinutes && !f.failed["PITWALL_MAX_TTL_MINUTES"] {
		f.bad("DAYTONA_SANDBOX_TTL_MINUTES", "=%d is above PITWALL_MAX_TTL_MINUTES=%d: lower the first or raise the second", c.SandboxTTLMinutes, c.MaxTTLMinutes)
	}
	f.between("DAYTONA_MAX_PARALLEL_SANDBOXES", c.MaxParallelSandboxes, 1, maxSandboxes)
	f.url("DAYTONA_API_URL", c.APIURL, "such as "+daytona.DefaultAPIURL, "http", "https")
	if c.Store != "" {
		f.url("PITWALL_STORE", c.Store, "file:///DIR, s3://BUCKET, gs://BUCKET or azblob://CONTAINER", "file", "s3", "gs", "azblob", "mem")
	}
	f.period("PITWALL_CREATE_HORIZON", c.CreateHorizon, time.Minute)
	f.period("PITWALL_REAPER_INTERVAL", c.ReaperInterval, minReaperPeriod)
	if c.Retain != 0 && (c.Retain.Std() < spec.MinRetain || c.Retain.Std() > spec.MaxRetain) {
		f.bad("PITWALL_RETAIN", "=%s is out of bounds: want 1h to 3650d", c.Retain)
	}
	if c.WebhookURL != "" {
		f.url("PITWALL_WEBHOOK_URL", c.WebhookURL.Reveal(), "such as https://hooks.example/pitwall", "http", "https")
	}
	if c.WebhookSecret != "" && c.WebhookURL == "" {
		f.bad("PITWALL_WEBHOOK_SECRET", " is set and PITWALL_WEBHOOK_URL is not: set both, or neither")
	}
	f.oneOf("PITWALL_RETENTION", c.Retention, RetentionAuto, RetentionOn, RetentionOff)
	f.between("PITWALL_WORKFLOW_CACHE", c.WorkflowCache, 0, maxWorkflowCache)
	f.oneOf("PITWALL_LOG_FORMAT", c.LogFormat, "json", "console")
	f.oneOf("PITWALL_LOG_LEVEL", c.LogLevel, "debug", "info", "warn", "error")
	if c.UIURL != "" {
		f.url("PITWALL_UI_URL", c.UIURL, "such as https://temporal.example", "http", "https")
	}
	if c.HealthAddr != "" {
		if _, _, err := net.SplitHostPort(c.HealthAddr); err != nil {
			f.bad("PITWALL_HEALTH_ADDR", "=%q is not host:port: want such as 127.0.0.1:8080", clip(c.HealthAddr))
		}
	}
	f.tracing(c)
	f.reporting(c)
	if hasControl(c.APIKey.Reveal()) {
		f.bad("DAYTONA_API_KEY", " has a space or a control character in it: set the key alone, without quotes or a line break")
	}
}

// tracing checks those of OpenTelemetry's variables on which its SDK would say nothing, and send nothing.
func (f *findings) tracing(c Config) {
	for name, endpoint := range map[string]string{
		"OTEL_EXPORTER_OTLP_ENDPOINT": c.OTLPEndpoint, "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": c.OTLPTracesEndpoint,
	} {
		if endpoint != "" {
			f.url(name, endpoint, "such as http://127.0.0.1:4318", "http", "https")
		}
	}
	for name, protocol := range map[string]string{
		"OTEL_EXPORTER_OTLP_PROTOCOL": c.OTLPProtocol, "OTEL_EXPORTER_OTLP_TRACES_PROTOCOL": c.OTLPTracesProtocol,
	} {
		if protocol != "" && c.Traces() {
			f.oneOf(name, protocol, "http/protobuf", "http/json")
		}
	}
	if c.TracesExporter != "" {
		f.oneOf("OTEL_TRACES_EXPORTER", c.TracesExporter, "otlp", "none")
	}
}

func (f *findings) between(name string, value, low, high int) {
	if value < low || value > high {
		f.bad(name, "=%d is out of bounds: want %d to %d", value, low, high)
	}
}

func (f *findings) oneOf(name, value string, choices ...string) {
	if !slices.Contains(choices, value) {
		f.bad(name, "=%q is not known: want %s", clip(value), strings.Join(choices, ", "))
	}
}

func (f *findings) period(name string, value, low time.Duration) {
	if value < low || value > maxPeriod {
		f.bad(name, "=%s is out of bounds: want %s to %s", value, low, maxPeriod)
	}
}

func (f *findings) url(name, text, want string, schemes ...string) {
	if problem := urlProblem(text, schemes...); problem != "" {
		f.bad(name, " %s: want %s", problem, want)
	}
}

// urlProblem never quotes the URL: it may hold credentials.
func urlProblem(text string, schemes ...string) string {
	parsed, err := url.Parse(text)
	switch {
	case err != nil:
		return "is not a URL"
	case !slices.Contains(schemes, parsed.Scheme):
		return fmt.Sprintf("has the scheme %q", clip(parsed.Scheme))
	case strings.HasPrefix(parsed.Scheme, "http") && parsed.Host == "":
		return "names no host"
	}
	return ""
}

func hasControl(text string) bool {
	return strings.ContainsFunc(text, func(r rune) bool { return r <= ' ' || r == 0x7f })
}

func clip(text string) string {
	const most = 60
	if len(text) <= most {
		return text
	}
	return strings.ToValidUTF8(text[:most], "") + "…"
}
