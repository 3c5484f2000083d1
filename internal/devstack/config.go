//go:build linux

package devstack

import (
	"path/filepath"
	"strconv"
	"time"

	"pitwall/internal/config"
)

// Config says where the stack's programs and files are, and on which loopback ports it listens.
type Config struct {
	// BinDir holds temporal-dev, runsc, toolbox and worker.
	BinDir string
	// StarterPath is the program whose subcommand sandboxd is the sandbox server.
	StarterPath string
	// StateDir holds database, logs, sandbox records and the API key. Created when missing, 0700.
	StateDir string
	// StoreURL is the artifact store of the worker. Defaults to the folder store in StateDir.
	StoreURL string

	// Ports; 0 takes the last start's, if that is free, else any free one. A busy one is a BusyPortError.
	TemporalPort int
	UIPort       int
	SandboxdPort int
	HealthPort   int

	// SandboxdArgs are passed on to the sandbox server, such as --snapshot NAME=DIR.
	SandboxdArgs []string
	// WorkerEnv is the environment that the worker starts with, before the stack's own addresses are set in it.
	WorkerEnv []string
	// SearchAttributes (Name=Type) are registered with Temporal.
	SearchAttributes []string

	// Notify is told, in one line, of each thing a person should know: a start that takes long, a death, a restart.
	Notify func(message string)
}

// Namespace is Temporal's own default, which the embedded server creates.
const Namespace = "default"

// How often a child may die. A child that ran for restartWindow has its count forgotten.
const (
	maxRestarts   = 5
	restartWindow = 5 * time.Minute
)

// WithDefaults returns a copy with every default resolved.
func (c Config) WithDefaults() Config {
	if c.StoreURL == "" {
		c.StoreURL = config.FileURL(filepath.Join(c.StateDir, "store"))
	}
	if c.Notify == nil {
		c.Notify = func(string) {}
	}
	return c
}

// Paths inside the state folder.
func (c Config) databaseFile() string { return filepath.Join(c.StateDir, "temporal.db") }
func (c Config) sandboxdDir() string  { return filepath.Join(c.StateDir, "sandboxd") }
func (c Config) logDir() string       { return filepath.Join(c.StateDir, "logs") }
func (c Config) portsFile() string    { return filepath.Join(c.StateDir, "ports.json") }
func (c Config) lockFile() string     { return filepath.Join(c.StateDir, "lock") }

// Programs.
func (c Config) temporalPath() string { return filepath.Join(c.BinDir, "temporal-dev") }
func (c Config) workerPath() string   { return filepath.Join(c.BinDir, "worker") }
func (c Config) runscPath() string    { return filepath.Join(c.BinDir, "runsc") }
func (c Config) toolboxPath() string  { return filepath.Join(c.BinDir, "toolbox") }

// Endpoints is where a running stack is.
type Endpoints struct {
	TemporalAddress string
	Namespace       string
	UIURL           string
	DaytonaAPIURL   string
	DaytonaKeyFile  string
	HealthURL       string
	StoreURL        string
	StateDir        string
	LogDir          string
}

func (c Config) endpoints() Endpoints {
	return Endpoints{
		TemporalAddress: loopback(c.TemporalPort),
		Namespace:       Namespace,
		UIURL:           "http://" + loopback(c.UIPort),
		DaytonaAPIURL:   "http://" + loopback(c.SandboxdPort) + "/api",
		DaytonaKeyFile:  filepath.Join(c.sandboxdDir(), "api-key"),
		HealthURL:       "http://" + loopback(c.HealthPort),
		StoreURL:        c.StoreURL,
		StateDir:        c.StateDir,
		LogDir:          c.logDir(),
	}
}

func loopback(port int) string { return "127.0.0.1:" + strconv.Itoa(port) }
