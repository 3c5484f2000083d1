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

// NewLogger writes lines of a format (json or console) from a level (debug, info, warn or error) up to w, one write a
// line, with UTC time in milliseconds and the caller, and without stack traces: an error says what it has to say. Nothing
// is sampled away. An empty format or level means console or info.
func NewLogger(w io.Writer, format, level string) (*zap.Logger, error) {
	least := zapcore.InfoLevel
	if level != "" {
		var err error
		if least, err = zapcore.ParseLevel(level); err != nil || least > zapcore.ErrorLevel {
			return nil, fmt.Errorf("set up the log: level %q: want debug, info, warn or error", level)
		}
	}
	encoder, err := newEncoder(format)
	if err != nil {
		return nil, err
	}
	core := zapcore.NewCore(encoder, zapcore.Lock(zapcore.AddSync(w)), least)
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
	case FormatConsole, "":
		names.EncodeLevel = zapcore.CapitalLevelEncoder
		return utcEncoder{zapcore.NewConsoleEncoder(names)}, nil
	}
	return nil, fmt.Errorf("set up the log: format %q: want %s or %s", format, FormatJSON, FormatConsole)
}
