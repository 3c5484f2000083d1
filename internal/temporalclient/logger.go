package temporalclient

import (
	"log/slog"

	"go.temporal.io/sdk/log"
	"go.uber.org/zap"
	"go.uber.org/zap/exp/zapslog"
)

// NewLogger lets the SDK, and workflow code through workflow.GetLogger, write to a zap logger. zapslog's default of a stack
// trace with every error is off: an activity's failure is an everyday line.
func NewLogger(logger *zap.Logger) log.Logger {
	return log.NewStructuredLogger(slog.New(zapslog.NewHandler(logger.Core(),
		zapslog.WithCaller(true),
		zapslog.AddStacktraceAt(slog.LevelError+4), // above every level that is used
	)))
}
