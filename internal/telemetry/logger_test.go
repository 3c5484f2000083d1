package telemetry_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/zap"

	"pitwall/internal/telemetry"
)

func TestJSONLines(t *testing.T) {
	var out bytes.Buffer
	log, err := telemetry.NewLogger(&out, telemetry.FormatJSON, "info")
	require.NoError(t, err)
	log.Debug("hidden")
	log.Error("create sandbox\n", zap.String(telemetry.FieldSandboxID, "s-1"), zap.Duration("took", 1500*time.Millisecond), zap.Error(errors.New("no")))
	require.Equal(t, 1, strings.Count(out.String(), "\n"), out.String())
	var line map[string]string
	require.NoError(t, json.Unmarshal(out.Bytes(), &line))
	at, err := time.Parse(time.RFC3339Nano, line["time"])
	require.NoError(t, err)
	require.True(t, strings.HasSuffix(line["time"], "Z"), "UTC")
	require.WithinDuration(t, time.Now(), at, time.Hour)
	require.Contains(t, line["caller"], "logger_test.go")
	delete(line, "time")
	delete(line, "caller")
	require.Equal(t, map[string]string{"level": "error", "msg": "create sandbox\n", "sandbox_id": "s-1", "took": "1.5s", "error": "no"}, line)
}

func TestConsoleIsTheDefault(t *testing.T) {
	var out bytes.Buffer
	log, err := telemetry.NewLogger(&out, "", "")
	require.NoError(t, err)
	log.Debug("hidden")
	log.With(zap.Int(telemetry.FieldSlot, 3)).Info("slot acquired")
	require.Regexp(t, `^\S+Z\tINFO\t\S+logger_test.go:\d+\tslot acquired\t\{"slot": 3\}\n$`, out.String())
}

func TestWrongSettings(t *testing.T) {
	for _, test := range [][2]string{{"xml", "info"}, {"json", "loud"}, {"json", "fatal"}, {"json", "INFO "}} {
		_, err := telemetry.NewLogger(&bytes.Buffer{}, test[0], test[1])
		require.ErrorContains(t, err, "want")
	}
}
