package telemetry

import (
	"fmt"
	"io"

	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
)

// Formats of a log line.
const (
	FormatJSON    = "json"    // one object a line, for machines
	FormatConsole = "console" // tab-separated, for people
)

// LogConfig shapes the log.
type LogConfig struct {
	// Format is json or console. Defaults to console.
	Format string
	// Level is the least level that is written: debug, info, warn or error. Defaults to info.
	Level string
}

// WithDefaults fills in what is unset.
func (c LogConfig) WithDefaults() LogConfig {
	if c.Format == "" {
		c.Format = FormatConsole
	}
	if c.Level == "" {
		c.Level = zapcore.InfoLevel.String()
	}
	return c
}

// NewLogger writes lines to w, one write a line, with UTC time in milliseconds and the caller, and without stack traces:
// an error says what it has to say. Nothing is sampled away.
func NewLogger(w io.Writer, cfg LogConfig) (*zap.Logger, error) {
	cfg = cfg.WithDefaults()
	level, err := zapcore.ParseLevel(cfg.Level)
	if err != nil || level > zapcore.ErrorLevel {
		return nil, fmt.Errorf("set up the log: level %q: want debug, info, warn or error", cfg.Level)
	}
	encoder, err := newEncoder(cfg.Format)
	if err != nil {
		return nil, err
	}
	core := zapcore.NewCore(encoder, zapcore.Lock(zapcore.AddSync(w)), level)
	return zap.New(core, zap.AddCaller(), zap.AddStacktrace(zapcore.DPanicLevel)), nil
}

func newEncoder(format string) (zapcore.Encoder, error) {
	names := zap.NewProductionEncoderConfig()
	names.TimeKey = FieldTime
	names.EncodeTime = zapcore.TimeEncoderOfLayout("2006-01-02T15:04:05.000Z07:00")
	names.EncodeDuration = zapcore.StringDurationEncoder
	switch format {
	case FormatJSON:
		return utcEncoder{zapcore.NewJSONEncoder(names)}, nil
	case FormatConsole:
		names.EncodeLevel = zapcore.CapitalLevelEncoder
		return utcEncoder{zapcore.NewConsoleEncoder(names)}, nil
	}
	return nil, fmt.Errorf("set up the log: format %q: want %s or %s", format, FormatJSON, FormatConsole)
}
