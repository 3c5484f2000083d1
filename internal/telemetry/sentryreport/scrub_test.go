package sentryreport

import (
	"encoding/json"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/getsentry/sentry-go"
	"github.com/stretchr/testify/require"
)

const secret = "sentinel-3141592653"

// fill puts the secret into every text that an event has room for.
func fill(value reflect.Value, depth int) {
	if depth > 8 || !value.CanSet() || value.Type() == reflect.TypeFor[time.Time]() {
		return
	}
	switch value.Kind() {
	case reflect.String:
		value.SetString("a " + secret + " b")
	case reflect.Interface:
		if value.NumMethod() == 0 {
			value.Set(reflect.ValueOf(map[string]any{secret: []any{secret, map[string]string{"k": secret}}}))
		}
	case reflect.Pointer:
		value.Set(reflect.New(value.Type().Elem()))
		fill(value.Elem(), depth+1)
	case reflect.Slice:
		value.Set(reflect.MakeSlice(value.Type(), 1, 1))
		fill(value.Index(0), depth+1)
	case reflect.Map:
		key, of := reflect.New(value.Type().Key()).Elem(), reflect.New(value.Type().Elem()).Elem()
		fill(key, depth+1)
		fill(of, depth+1)
		value.Set(reflect.MakeMap(value.Type()))
		value.SetMapIndex(key, of)
	case reflect.Struct:
		for i := range value.NumField() {
			fill(value.Field(i), depth+1)
		}
	}
}

func TestEveryTextOfAnEventIsScrubbed(t *testing.T) {
	event := &sentry.Event{}
	for i, value := 0, reflect.ValueOf(event).Elem(); i < value.NumField(); i++ {
		switch value.Type().Field(i).Name {
		case "Spans", "CheckIn", "MonitorConfig", "Logs", "Metrics", "Type": // of what is no error
		default:
			fill(value.Field(i), 0)
		}
	}
	before, err := json.Marshal(event)
	require.NoError(t, err)
	require.Greater(t, strings.Count(string(before), secret), 30)
	after, err := json.Marshal(scrub(event, func(text string) string { return strings.ReplaceAll(text, secret, "[gone]") }))
	require.NoError(t, err)
	require.NotContains(t, string(after), secret)
	require.Contains(t, string(after), "a [gone] b")
	require.Contains(t, string(after), `"user":{}`)
	for _, absent := range []string{`"request"`, `"breadcrumbs"`, `"modules"`} {
		require.NotContains(t, string(after), absent)
	}
}

func TestTextsAreCutAfterTheyAreScrubbed(t *testing.T) {
	event := errorEvent("T", strings.Repeat("é", maxText/2-5)+secret, sentry.LevelError)
	event.Tags["long"] = strings.Repeat("x", 300)
	scrub(event, func(text string) string { return strings.ReplaceAll(text, secret, "[gone]") })
	require.NotContains(t, event.Exception[0].Value, "sentinel")
	require.Len(t, event.Tags["long"], maxTag)
}
