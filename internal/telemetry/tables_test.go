package telemetry

import (
	"bytes"
	"encoding/json"
	"os"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/otel/trace"
)

// rows are the first cells of a table of docs/observability.md: what stands in backquotes there.
func rows(t *testing.T, head string) []string {
	t.Helper()
	page, err := os.ReadFile("../../docs/observability.md")
	require.NoError(t, err)
	var names []string
	for _, part := range strings.Split(string(page), "\n| "+head+" |")[1:] {
		table, _, _ := strings.Cut(part, "\n\n")
		for _, line := range strings.Split(table, "\n")[2:] {
			cell := strings.Split(line, "|")[1]
			for _, match := range regexp.MustCompile("`([a-z_]+)[^`]*`").FindAllStringSubmatch(cell, -1) {
				names = append(names, match[1])
			}
		}
	}
	require.NotEmpty(t, names)
	return names
}

func TestTableOfEvents(t *testing.T) {
	var events []string
	for _, event := range Events() {
		events = append(events, string(event))
	}
	require.Equal(t, events, rows(t, "event"))
}

// everything is an entry in which nothing is unknown.
func everything(t *testing.T) Entry {
	t.Helper()
	var entry Entry
	fill(t, reflect.ValueOf(&entry).Elem())
	return entry
}

func fill(t *testing.T, value reflect.Value) {
	t.Helper()
	switch kind := value.Interface().(type) {
	case time.Time:
		value.Set(reflect.ValueOf(time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)))
		return
	case Event, Status:
		value.SetString("ok")
		return
	default:
		_ = kind
	}
	switch value.Kind() {
	case reflect.Struct:
		for i := range value.NumField() {
			fill(t, value.Field(i))
		}
	case reflect.Pointer:
		value.Set(reflect.New(value.Type().Elem()))
	case reflect.String:
		value.SetString("text")
	case reflect.Int, reflect.Int64:
		value.SetInt(7)
	case reflect.Float64:
		value.SetFloat(7)
	case reflect.Bool, reflect.Slice: // say how to count
	default:
		t.Fatalf("no test value for a field of kind %s", value.Kind())
	}
}

func TestTableOfFields(t *testing.T) {
	var out bytes.Buffer
	log, err := NewLogger(&out, FormatJSON, "")
	require.NoError(t, err)
	span := trace.NewSpanContext(trace.SpanContextConfig{TraceID: trace.TraceID{1}, SpanID: trace.SpanID{1}})
	NewJournal(log, nil).write(everything(t), Correlation{}, span)
	var line map[string]any
	require.NoError(t, json.Unmarshal(out.Bytes(), &line))
	for _, ofEveryLine := range []string{"level", "time", "msg"} {
		require.Contains(t, line, ofEveryLine)
		delete(line, ofEveryLine)
	}
	var fields []string
	for name := range line {
		fields = append(fields, name)
	}
	require.ElementsMatch(t, fields, rows(t, "field"))
}

func TestTableOfMetrics(t *testing.T) {
	registered := map[string]bool{}
	descriptions := make(chan *prometheus.Desc)
	go func() {
		defer close(descriptions)
		for _, collector := range NewMetrics(time.Minute).own() {
			collector.Describe(descriptions)
		}
	}()
	name := regexp.MustCompile(`fqName: "([a-z_]+)".*variableLabels: {([a-z_,]*)}`)
	for description := range descriptions {
		match := name.FindStringSubmatch(description.String())
		require.NotNil(t, match, description)
		registered[match[1]] = true
		for _, label := range strings.Split(match[2], ",") {
			require.NotContains(t, []string{"id", "sandbox", "workflow", "run"}, label, "a label that holds an id")
		}
	}
	var names []string
	for name := range registered {
		names = append(names, name)
	}
	slices.Sort(names)
	documented := rows(t, "metric")
	slices.Sort(documented)
	require.Equal(t, names, documented)
}
