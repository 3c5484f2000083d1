package spec

import "time"

// Bounds of an input. Where no source is given, the number is a choice: far above honest use, far below harm.
const (
	// MaxSteps of a job (issue: 1–32).
	MaxSteps = 32
	// MaxTimeLimit of a step or a scorer command.
	MaxTimeLimit = 24 * time.Hour
	// MaxInlineBytes is the total of an eval's inline content: files (decoded), code, commands, stdin and environment.
	// Temporal warns at 256 KiB a payload and an input is stored several times in a history.
	MaxInlineBytes = 64 << 10
	// MaxAttemptsBound is the most that max_attempts may ask for.
	MaxAttemptsBound = 10
	// MaxFiles bounds the input files of an eval, and those of its scorer.
	MaxFiles = 256
	// MaxTools bounds the tools of a simulation.
	MaxTools = 32
	// MaxArtifactRules bounds the artifact rules of an eval.
	MaxArtifactRules = 64
	// MaxArtifactFiles and MaxArtifactTotal bound artifact_limits: as many names as one rule looks at.
	MaxArtifactFiles = 20_000
	MaxArtifactTotal = 64 << 30
	// MaxEnv bounds each environment.
	MaxEnv = 256
	// MaxSecrets bounds the secrets that a job and its steps name.
	MaxSecrets = 32
	// MaxLabels bounds a sandbox's labels; MaxLabelKeyBytes and MaxTextBytes their keys and values. MaxTextBytes also
	// bounds names and ids for people.
	MaxLabels        = 32
	MaxLabelKeyBytes = 63
	MaxTextBytes     = 256
	// MaxSampleBytes bounds a sample's id: workflow IDs may have 1000 bytes, and longer ids than 120 are hashed there.
	MaxSampleBytes = 512
	// MaxPathBytes is Linux's PATH_MAX less its NUL.
	MaxPathBytes = 4095
	// MaxPatternBytes bounds a regular expression.
	MaxPatternBytes = 4096
	// MaxAllowed is Daytona's bound on CIDRs and on domains in a sandbox's allow lists (service source, v0.190).
	MaxAllowed = 10
	// MaxFairnessKeyBytes is Temporal's bound on a fairness key.
	MaxFairnessKeyBytes = 64
	// MaxCores and MaxGiB are typing-error guards; the provider's own quota decides.
	MaxCores = 1024
	MaxGiB   = 16384
	// MaxEpochs, MaxPassAtK and MaxSampleIDs bound a campaign; MaxParallel is Daytona's and our bound on N, 500.
	MaxEpochs    = 10000
	MaxParallel  = 500
	MaxPassAtK   = 16
	MaxSampleIDs = 100000
	// MinRetain and MaxRetain bound how long records are kept: long enough to be read, and ten years.
	MinRetain = time.Hour
	MaxRetain = 3650 * 24 * time.Hour
	// MaxCanaries of a campaign, and MaxCanarySamples of one canary: a few vouch for the harness.
	MaxCanaries      = 8
	MaxCanarySamples = 32
	// MaxStreamBytes bounds max_output_bytes, MaxFileBytes what one artifact or input file may have.
	MaxStreamBytes = 1 << 30
	MaxFileBytes   = 16 << 30
)

// Defaults that no operator changes.
const (
	DefaultTimeLimit      = 60 * time.Second
	DefaultMaxOutputBytes = 16 << 20
	DefaultMaxFileBytes   = 64 << 20
	DefaultMaxAttempts    = 3
	DefaultArtifactFiles  = 10_000
	DefaultArtifactTotal  = 1 << 30
	DefaultPriorityKey    = 3
	DefaultGitPath        = "repo"
	DefaultMinCoverage    = 0.95
	// HomeDir is the home and work directory of Daytona's sandboxes (service source; also locally).
	HomeDir = "/home/daytona"
)
