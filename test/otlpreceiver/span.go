package otlpreceiver

import (
	"encoding/hex"
	"fmt"
	"slices"
	"strings"
	"time"

	coltracepb "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	commonpb "go.opentelemetry.io/proto/otlp/common/v1"
	tracepb "go.opentelemetry.io/proto/otlp/trace/v1"
)

// Span is one span as it came over the wire. IDs are hex; Parent is empty for a root.
type Span struct {
	TraceID, SpanID, Parent string
	// Links are the trace IDs that it links to.
	Links      []string
	Name, Kind string
	Start, End time.Time
	Attributes map[string]string
	// Failed is its status; Error its description.
	Failed bool
	Error  string
	// Events are the attributes of its events, errors above all.
	Events   []map[string]string
	Resource map[string]string
}

// SpansOf are the spans of one request.
func SpansOf(sent *coltracepb.ExportTraceServiceRequest) []Span {
	var spans []Span
	for _, resource := range sent.GetResourceSpans() {
		described := textsOf(resource.GetResource().GetAttributes())
		for _, scope := range resource.GetScopeSpans() {
			for _, span := range scope.GetSpans() {
				spans = append(spans, spanOf(span, described))
			}
		}
	}
	return spans
}

func spanOf(span *tracepb.Span, resource map[string]string) Span {
	s := Span{
		TraceID: hex.EncodeToString(span.GetTraceId()), SpanID: hex.EncodeToString(span.GetSpanId()),
		Parent: hex.EncodeToString(span.GetParentSpanId()), Name: span.GetName(), Kind: span.GetKind().String(),
		Start: time.Unix(0, int64(span.GetStartTimeUnixNano())), End: time.Unix(0, int64(span.GetEndTimeUnixNano())),
		Attributes: textsOf(span.GetAttributes()), Resource: resource,
		Failed: span.GetStatus().GetCode() == tracepb.Status_STATUS_CODE_ERROR, Error: span.GetStatus().GetMessage(),
	}
	for _, link := range span.GetLinks() {
		s.Links = append(s.Links, hex.EncodeToString(link.GetTraceId()))
	}
	for _, event := range span.GetEvents() {
		s.Events = append(s.Events, textsOf(event.GetAttributes()))
	}
	return s
}

func textsOf(attributes []*commonpb.KeyValue) map[string]string {
	texts := map[string]string{}
	for _, pair := range attributes {
		switch value := pair.GetValue().GetValue().(type) {
		case *commonpb.AnyValue_StringValue:
			texts[pair.GetKey()] = value.StringValue
		default:
			texts[pair.GetKey()] = strings.TrimSpace(pair.GetValue().String())
		}
	}
	return texts
}

// Tree is a trace as indented lines of names, in the order of their starts. A span whose parent did not come is marked.
func Tree(spans []Span, traceID string) string {
	known, children := map[string]bool{}, map[string][]Span{}
	for _, span := range spans {
		if span.TraceID == traceID {
			known[span.SpanID] = true
		}
	}
	for _, span := range spans {
		switch {
		case span.TraceID != traceID:
		case span.Parent == "" || known[span.Parent]:
			children[span.Parent] = append(children[span.Parent], span)
		default:
			span.Name += " (its parent did not come)"
			children[""] = append(children[""], span)
		}
	}
	var tree strings.Builder
	writeTree(&tree, children, "", 0)
	return tree.String()
}

func writeTree(tree *strings.Builder, children map[string][]Span, parent string, depth int) {
	slices.SortStableFunc(children[parent], func(a, b Span) int { return a.Start.Compare(b.Start) })
	for _, span := range children[parent] {
		fmt.Fprintf(tree, "%s%s\n", strings.Repeat("  ", depth), span.Name)
		writeTree(tree, children, span.SpanID, depth+1)
	}
}
