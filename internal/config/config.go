package config

import (
	"crypto/sha256"
	"encoding/hex"
	"net/netip"
	"net/url"
	"strings"
	"time"

	"pitwall/internal/daytona"
	"pitwall/internal/spec"
	"pitwall/internal/temporalclient"
)

// Config is what a process is told by its environment, with every default resolved.
type Config struct {
	// Enabled false refuses every new eval; running ones go on to their removal. Default true.
	Enabled bool `env:"DAYTONA_ENABLED" envDefault:"true"`
	// DefaultLanguage of sandboxes whose eval names none: python, typescript or javascript. Default python.
	DefaultLanguage string `env:"DAYTONA_DEFAULT_LANGUAGE" envDefault:"python"`
	// SandboxTTLMinutes is the provider's own clock of a sandbox, in minutes. Default 30. An eval whose limits need more
	// (at least 21, see spec.Clocks) raises its own, up to MaxTTLMinutes.
	SandboxTTLMinutes int `env:"DAYTONA_SANDBOX_TTL_MINUTES" envDefault:"30"`
	// MaxParallelSandboxes is N, the bound on live sandboxes of this account and namespace: 1 to 500. Default 8.
	MaxParallelSandboxes int `env:"DAYTONA_MAX_PARALLEL_SANDBOXES" envDefault:"8"`

	// APIKey of Daytona. Required by whatever talks to it. APIKeyFile holds it instead.
	APIKey     Secret `env:"DAYTONA_API_KEY"`
	APIKeyFile string `env:"DAYTONA_API_KEY_FILE"`
	// APIURL of Daytona's control plane, with its path. Default Daytona's own service.
	APIURL string `env:"DAYTONA_API_URL"`
	// Target is the region. Default the organisation's.
	Target string `env:"DAYTONA_TARGET"`
	// OrganizationID is needed where a key belongs to more than one. Default the key's.
	OrganizationID string `env:"DAYTONA_ORGANIZATION_ID"`

	// Store is the artifact store's URL: file:///DIR (one host only), s3://BUCKET?…, mem:// (tests). Default a folder in
	// the XDG state directory.
	Store string `env:"PITWALL_STORE"`
	// MaxTTLMinutes is what the TTL of a long job's sandbox may be raised to, in minutes. Default 720.
	MaxTTLMinutes int `env:"PITWALL_MAX_TTL_MINUTES" envDefault:"720"`
	// PolicyFile bounds what evals may ask for (package policy). Default none: the built-in policy.
	PolicyFile string `env:"PITWALL_POLICY_FILE"`
	// CreateHorizon is how long after a create without an answer its sandbox may still appear. Default 120s: the service
	// holds a create for 30 s (reference of its API), and its queues lag.
	CreateHorizon time.Duration `env:"PITWALL_CREATE_HORIZON" envDefault:"120s"`
	// ReaperInterval between two runs of the reaper. Default 5m.
	ReaperInterval time.Duration `env:"PITWALL_REAPER_INTERVAL" envDefault:"5m"`

	// Retain is how long the records of a campaign that names none, and of a direct eval, are kept after their end: 1h to
	// 3650d. Default none: for ever.
	Retain spec.Duration `env:"PITWALL_RETAIN"`
	// Retention says whether the worker schedules the removal of expired records: auto (for stores that have no lifecycle rules
	// of their own: folders), on or off. Default auto.
	Retention string `env:"PITWALL_RETENTION" envDefault:"auto"`

	// SecretsDir is a folder with a file for each secret that jobs may name (package secrets). Default none.
	SecretsDir string `env:"PITWALL_SECRETS_DIR"`
	// PayloadKeys encrypt what goes to Temporal (temporalclient.ParseKeyring); PayloadKeysFile holds them instead. Default none.
	PayloadKeys     Secret `env:"PITWALL_PAYLOAD_KEYS"`
	PayloadKeysFile string `env:"PITWALL_PAYLOAD_KEYS_FILE"`
	// CodecToken is what starter codec-server asks of its callers. Default none.
	CodecToken Secret `env:"PITWALL_CODEC_TOKEN"`

	// WorkflowCache is how many workflow executions a worker keeps in memory between their tasks, 0 to 100000; 0 replays each
	// from its history at every task. Default 10000, the SDK's own.
	WorkflowCache int `env:"PITWALL_WORKFLOW_CACHE" envDefault:"10000"`

	// LogFormat is json or console. Default json, which machines read.
	LogFormat string `env:"PITWALL_LOG_FORMAT" envDefault:"json"`
	// LogLevel is debug, info, warn or error. Default info.
	LogLevel string `env:"PITWALL_LOG_LEVEL" envDefault:"info"`
	// UIURL is Temporal's UI, for links. Default that of the running starter dev.
	UIURL string `env:"PITWALL_UI_URL"`
	// HealthAddr is the host:port of the worker's health endpoint. Default none.
	HealthAddr string `env:"PITWALL_HEALTH_ADDR"`

	// OTLPEndpoint or OTLPTracesEndpoint switch spans on. They and every other OTEL_* are OpenTelemetry's own, and read by its
	// SDK. Default none.
	OTLPEndpoint       string `env:"OTEL_EXPORTER_OTLP_ENDPOINT"`
	OTLPTracesEndpoint string `env:"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT"`
	// OTLPProtocol and OTLPTracesProtocol: http/protobuf or http/json. Default http/protobuf.
	OTLPProtocol       string `env:"OTEL_EXPORTER_OTLP_PROTOCOL"`
	OTLPTracesProtocol string `env:"OTEL_EXPORTER_OTLP_TRACES_PROTOCOL"`
	// TracesExporter none, or OTelDisabled true, switch spans off although there is an endpoint.
	TracesExporter string `env:"OTEL_TRACES_EXPORTER"`
	OTelDisabled   bool   `env:"OTEL_SDK_DISABLED" envDefault:"false"`

	// SentryDSN switches reports of errors on. Default none. SentryRelease defaults to the program's own version.
	SentryDSN         Secret `env:"SENTRY_DSN"`
	SentryEnvironment string `env:"SENTRY_ENVIRONMENT"`
	SentryRelease     string `env:"SENTRY_RELEASE"`

	// GalileoKey switches traces of evals to Galileo (Splunk Agent Observability) on. Default none. Endpoint and header names
	// default to those of docs.galileo.ai; Splunk's are other ones.
	GalileoKey             Secret `env:"PITWALL_GALILEO_API_KEY"`
	GalileoEndpoint        string `env:"PITWALL_GALILEO_ENDPOINT" envDefault:"https://api.galileo.ai/otel/traces"`
	GalileoKeyHeader       string `env:"PITWALL_GALILEO_API_KEY_HEADER" envDefault:"Galileo-API-Key"`
	GalileoProject         string `env:"PITWALL_GALILEO_PROJECT"`
	GalileoProjectHeader   string `env:"PITWALL_GALILEO_PROJECT_HEADER" envDefault:"project"`
	GalileoLogStream       string `env:"PITWALL_GALILEO_LOG_STREAM" envDefault:"default"`
	GalileoLogStreamHeader string `env:"PITWALL_GALILEO_LOG_STREAM_HEADER" envDefault:"logstream"`

	// WebhookURL is told of campaigns that ask for it (package webhook). WebhookSecret signs what is sent. Default none.
	WebhookURL    Secret `env:"PITWALL_WEBHOOK_URL"`
	WebhookSecret Secret `env:"PITWALL_WEBHOOK_SECRET"`

	// StateDir is <XDG state>/pitwall, where the profile and the default store stand.
	StateDir string `env:"-"`
	// Profile of a running starter dev, nil when there is none. Its Daytona and its store are already in the fields above
	// where the environment left them open; its Temporal is in Temporal's fallback; its UI is for messages.
	Profile *Profile `env:"-"`
	// ProfileProblem says why a profile that is there is of no use (such as *StaleProfileError): a hint for whoever then
	// fails to connect. Nil otherwise.
	ProfileProblem error `env:"-"`

	// keys are those of PayloadKeys or PayloadKeysFile; nil for none.
	keys     *temporalclient.Keyring
	keysText Secret
	// environ is what Load was given, for Temporal's own settings: a pointer, so that no %+v prints the secrets in it.
	environ *lookup
}

// TTL is the default clock of a sandbox.
func (c Config) TTL() time.Duration { return time.Duration(c.SandboxTTLMinutes) * time.Minute }

// MaxTTL is what it may be raised to.
func (c Config) MaxTTL() time.Duration { return time.Duration(c.MaxTTLMinutes) * time.Minute }

// Traces reports whether spans are made and sent.
func (c Config) Traces() bool {
	return (c.OTLPEndpoint != "" || c.OTLPTracesEndpoint != "") && c.TracesExporter != "none" && !c.OTelDisabled
}

// SchedulesRetention reports whether a worker is to remove expired records by a schedule.
func (c Config) SchedulesRetention() bool {
	return c.Retention == RetentionOn || c.Retention == RetentionAuto && strings.HasPrefix(c.Store, "file:")
}

// Values of PITWALL_RETENTION.
const (
	RetentionAuto = "auto"
	RetentionOn   = "on"
	RetentionOff  = "off"
)

// SpecDefaults are what inputs take from the configuration.
func (c Config) SpecDefaults() spec.Defaults {
	return spec.Defaults{
		Language:             c.DefaultLanguage,
		TTL:                  spec.Duration(c.TTL()),
		MaxTTL:               spec.Duration(c.MaxTTL()),
		MaxParallelSandboxes: c.MaxParallelSandboxes,
	}
}

// Daytona is the client's configuration. Its Validate says when a key is missing.
func (c Config) Daytona() daytona.Config {
	return daytona.Config{APIURL: c.APIURL, APIKey: c.APIKey.Reveal(), OrganizationID: c.OrganizationID, Target: c.Target}
}

// Temporal is the connection's options: TEMPORAL_* of the environment, else the profile's address.
func (c Config) Temporal() temporalclient.Options {
	options := temporalclient.Options{Keys: c.keys}
	if c.environ != nil {
		options.Env = *c.environ
	}
	if c.Profile != nil {
		options.Fallback = temporalclient.Endpoint{Address: c.Profile.TemporalAddress, Namespace: c.Profile.Namespace}
	}
	return options
}

// Account names what shares one quota of sandboxes: eight hex digits of the hash of API URL and organisation, else key
// (DESIGN, "Slots and leases"). It is part of workflow IDs and tells nothing about the key.
func (c Config) Account() string {
	owner := "organization\x00" + c.OrganizationID
	if c.OrganizationID == "" {
		owner = "key\x00" + c.APIKey.Reveal()
	}
	sum := sha256.Sum256([]byte(strings.TrimRight(strings.ToLower(c.APIURL), "/") + "\x00" + owner))
	return hex.EncodeToString(sum[:4])
}

// IsLocal reports whether the API URL is of this host: then sandboxes are local, and have no network.
func (c Config) IsLocal() bool {
	base, err := url.Parse(c.APIURL)
	if err != nil {
		return false
	}
	host := base.Hostname()
	addr, err := netip.ParseAddr(host)
	return host == "localhost" || err == nil && addr.IsLoopback()
}
