package telemetry

import (
	"strings"

	"go.opentelemetry.io/otel/attribute"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
)

// maxSpanText bounds every text of a span, in bytes: as many as errors are cut to.
const maxSpanText = 1024

// cleaner goes over every text of a span before it leaves: it hides what is to be hidden, and only then cuts, so that no
// half of a secret is left.
type cleaner struct {
	redact func(string) string // nil: nothing is hidden
}

func (c cleaner) text(text string) string { return Clean(c.redact, text) }

// Clean is a text as it may leave in a span: at most 1024 bytes, valid UTF-8, and without what redact hides (nil: nothing).
func Clean(redact func(string) string, text string) string {
	if redact != nil {
		text = redact(text)
	}
	if len(text) > maxSpanText {
		text = text[:maxSpanText]
	}
	return strings.ToValidUTF8(text, "\uFFFD") // protobuf refuses anything else, and the whole batch with it
}

func (c cleaner) attributes(attributes []attribute.KeyValue) []attribute.KeyValue {
	clean := append([]attribute.KeyValue(nil), attributes...)
	for i, pair := range clean {
		if pair.Value.Type() == attribute.STRING {
			clean[i].Value = attribute.StringValue(c.text(pair.Value.AsString()))
		}
	}
	return clean
}

func (c cleaner) spans(spans []sdktrace.ReadOnlySpan) []sdktrace.ReadOnlySpan {
	clean := make([]sdktrace.ReadOnlySpan, len(spans))
	for i, span := range spans {
		clean[i] = cleanSpan{span, c}
	}
	return clean
}

// cleanSpan is a span as it may leave.
type cleanSpan struct {
	sdktrace.ReadOnlySpan
	cleaner cleaner
}

// Name is the span's.
func (s cleanSpan) Name() string { return s.cleaner.text(s.ReadOnlySpan.Name()) }

// Attributes are the span's.
func (s cleanSpan) Attributes() []attribute.KeyValue {
	return s.cleaner.attributes(s.ReadOnlySpan.Attributes())
}

// Events are the span's: errors, above all.
func (s cleanSpan) Events() []sdktrace.Event {
	events := append([]sdktrace.Event(nil), s.ReadOnlySpan.Events()...)
	for i, event := range events {
		events[i].Name, events[i].Attributes = s.cleaner.text(event.Name), s.cleaner.attributes(event.Attributes)
	}
	return events
}

// Status is the span's; its description is an error's text.
func (s cleanSpan) Status() sdktrace.Status {
	status := s.ReadOnlySpan.Status()
	status.Description = s.cleaner.text(status.Description)
	return status
}
