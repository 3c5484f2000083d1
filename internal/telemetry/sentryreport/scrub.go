package sentryreport

import (
	"reflect"
	"strings"

	"github.com/getsentry/sentry-go"
)

const (
	// maxText bounds every text of an event, in bytes: twice what Pitwall's errors are cut to.
	maxText = 2048
	// maxTag is Sentry's own bound on the value of a tag, in characters; it keeps no longer one.
	maxTag = 200
)

// scrub goes over every text of an event, wherever it stands, and only then cuts, so that no half of a secret is left. An
// event has no request, no user and no breadcrumbs, whoever may have put them there.
func scrub(event *sentry.Event, redact func(string) string) *sentry.Event {
	event.Request, event.User, event.Breadcrumbs, event.Attachments, event.Modules = nil, sentry.User{}, nil, nil, nil
	walk(reflect.ValueOf(event).Elem(), func(text string) string {
		if redact != nil {
			text = redact(text)
		}
		return cut(text, maxText)
	})
	for name, value := range event.Tags {
		event.Tags[name] = cut(value, maxTag)
	}
	return event
}

func cut(text string, most int) string {
	if len(text) > most {
		text = text[:most]
	}
	return strings.ToValidUTF8(text, "\uFFFD")
}

// walk changes every text beneath a value that can be set.
func walk(value reflect.Value, change func(string) string) {
	switch value.Kind() {
	case reflect.String:
		value.SetString(change(value.String()))
	case reflect.Pointer:
		if !value.IsNil() {
			walk(value.Elem(), change)
		}
	case reflect.Interface:
		if !value.IsNil() {
			value.Set(changed(value.Elem(), change))
		}
	case reflect.Slice, reflect.Array:
		for i := range value.Len() {
			walk(value.Index(i), change)
		}
	case reflect.Struct:
		for i := range value.NumField() {
			if field := value.Field(i); field.CanSet() {
				walk(field, change)
			}
		}
	case reflect.Map:
		if !value.IsNil() {
			value.Set(changedMap(value, change))
		}
	}
}

// changed is a changed copy of a value that cannot be set where it stands.
func changed(value reflect.Value, change func(string) string) reflect.Value {
	clean := reflect.New(value.Type()).Elem()
	clean.Set(value)
	walk(clean, change)
	return clean
}

func changedMap(value reflect.Value, change func(string) string) reflect.Value {
	clean := reflect.MakeMapWithSize(value.Type(), value.Len())
	for entries := value.MapRange(); entries.Next(); {
		clean.SetMapIndex(changed(entries.Key(), change), changed(entries.Value(), change))
	}
	return clean
}
