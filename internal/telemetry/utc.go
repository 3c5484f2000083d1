package telemetry

import (
	"go.uber.org/zap/buffer"
	"go.uber.org/zap/zapcore"
)

// utcEncoder writes every line's time in UTC, so that the logs of hosts in several zones merge by sorting.
type utcEncoder struct{ zapcore.Encoder }

func (e utcEncoder) Clone() zapcore.Encoder { return utcEncoder{e.Encoder.Clone()} }

func (e utcEncoder) EncodeEntry(entry zapcore.Entry, fields []zapcore.Field) (*buffer.Buffer, error) {
	entry.Time = entry.Time.UTC()
	return e.Encoder.EncodeEntry(entry, fields)
}
