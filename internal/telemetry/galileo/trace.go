package galileo

import (
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"time"

	coltracepb "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	commonpb "go.opentelemetry.io/proto/otlp/common/v1"
	resourcepb "go.opentelemetry.io/proto/otlp/resource/v1"
	tracepb "go.opentelemetry.io/proto/otlp/trace/v1"

	"pitwall/internal/spec"
	"pitwall/internal/telemetry"
)

// Names of attributes that Galileo reads: OpenTelemetry's conventions for generative AI (in development, and no longer in its
// Go module), OpenInference's, and Galileo's own.
const (
	operationName   = "gen_ai.operation.name"
	providerName    = "gen_ai.provider.name"
	agentName       = "gen_ai.agent.name"
	conversationID  = "gen_ai.conversation.id"
	evaluationEvent = "gen_ai.evaluation.result"
	evaluationName  = "gen_ai.evaluation.name"
	evaluationValue = "gen_ai.evaluation.score.value"
	evaluationLabel = "gen_ai.evaluation.score.label"
	evaluationWhy   = "gen_ai.evaluation.explanation"
	spanKind        = "openinference.span.kind"
	inputValue      = "input.value"
	outputValue     = "output.value"
	sessionID       = "session.id"
	galileoSession  = "galileo.session.id"
)

// trace is an eval with its attempts.
func (e *Exporter) trace(ids telemetry.Correlation, result spec.EvalResult) *coltracepb.ExportTraceServiceRequest {
	ids.WorkflowID, ids.RunID = result.EvalID, result.RunID // also where no header came along
	b := builder{redact: e.options.Redact, ids: ids, result: result}
	spans := []*tracepb.Span{b.eval()}
	for _, attempt := range result.Attempts {
		spans = append(spans, b.attempt(attempt))
	}
	resource := &list{redact: e.options.Redact}
	resource.text("service.name", "pitwall-worker")
	resource.text(galileoSession, ids.SessionID)
	return &coltracepb.ExportTraceServiceRequest{ResourceSpans: []*tracepb.ResourceSpans{{
		Resource: &resourcepb.Resource{Attributes: resource.pairs},
		ScopeSpans: []*tracepb.ScopeSpans{{
			Scope: &commonpb.InstrumentationScope{Name: "pitwall"}, Spans: spans,
		}},
	}}}
}

// builder makes the spans of one eval.
type builder struct {
	redact func(string) string
	ids    telemetry.Correlation
	result spec.EvalResult
}

// span is one of them, by what it is of: "eval", or an attempt.
func (b builder) span(of, name string, start, end time.Time) *tracepb.Span {
	trace, id := telemetry.TraceOf(b.result.RunID), b.spanID(of)
	return &tracepb.Span{
		TraceId: trace[:], SpanId: id, Name: telemetry.Clean(b.redact, name), Kind: tracepb.Span_SPAN_KIND_INTERNAL,
		StartTimeUnixNano: nanos(start), EndTimeUnixNano: nanos(later(start, end)),
	}
}

func (b builder) spanID(of string) []byte {
	sum := sha256.Sum256([]byte("galileo " + of + " of " + b.result.RunID))
	return sum[:8]
}

func (b builder) eval() *tracepb.Span {
	span := b.span("eval", "invoke_agent "+b.name(), b.result.StartedAt, b.result.FinishedAt)
	outcome := telemetry.OutcomeOf(b.result)
	attributes := b.attributes("invoke_agent", "AGENT")
	attributes.text("pitwall.kind", b.kind())
	attributes.text("pitwall.outcome", outcome)
	attributes.text("pitwall.cleanup", b.result.Cleanup)
	attributes.number("pitwall.attempts", float64(len(b.result.Attempts)))
	attributes.json(inputValue, map[string]any{"eval": b.name(), "kind": b.kind(), "steps": b.steps()})
	output := map[string]any{"outcome": outcome}
	if score := b.result.Score; score != nil {
		attributes.number("pitwall.score", score.Value)
		attributes.flag("pitwall.passed", score.Passed)
		verdict := &list{redact: b.redact}
		verdict.text(evaluationName, "pitwall")
		verdict.number(evaluationValue, score.Value)
		verdict.text(evaluationLabel, outcome)
		attributes.pairs = append(attributes.pairs, verdict.pairs...)
		verdict.text(evaluationWhy, score.Explanation)
		span.Events = []*tracepb.Span_Event{{Name: evaluationEvent, TimeUnixNano: span.GetEndTimeUnixNano(), Attributes: verdict.pairs}}
		output["score"], output["explanation"] = score.Value, score.Explanation
	}
	b.failure(span, attributes, output, b.result.Error)
	attributes.json(outputValue, output)
	span.Attributes = attributes.pairs
	return span
}

// attempt lasts from its first sandbox to the last proof that one is gone, as far as these are known.
func (b builder) attempt(attempt spec.Attempt) *tracepb.Span {
	start, end := b.result.StartedAt, b.result.FinishedAt
	for i, use := range attempt.Sandboxes {
		if i == 0 && !use.CreatedAt.IsZero() {
			start = use.CreatedAt
		}
		if use.Removal != nil {
			end = use.Removal.ConfirmedAt
		}
	}
	span := b.span(fmt.Sprint("attempt ", attempt.Number), fmt.Sprint("execute_tool attempt ", attempt.Number), start, end)
	span.ParentSpanId = b.spanID("eval")
	b.ids.Attempt = attempt.Number
	if len(attempt.Sandboxes) > 0 {
		b.ids.SandboxID = attempt.Sandboxes[0].ID
	}
	attributes := b.attributes("execute_tool", "TOOL")
	attributes.text("gen_ai.tool.name", "sandbox")
	attributes.json(inputValue, map[string]any{"attempt": attempt.Number, "steps": b.steps()})
	output := map[string]any{}
	if attempt.Job != nil {
		codes := []any{}
		for _, step := range attempt.Job.Steps {
			codes = append(codes, step.ExitCode)
		}
		output["exit_codes"] = codes
	}
	b.failure(span, attributes, output, attempt.Error)
	attributes.json(outputValue, output)
	span.Attributes = attributes.pairs
	return span
}

// failure marks what has no verdict.
func (b builder) failure(span *tracepb.Span, attributes *list, output map[string]any, err *spec.EvalError) {
	if err == nil {
		return
	}
	attributes.text("pitwall.error_type", err.Type)
	attributes.text("pitwall.origin", err.Origin)
	output["error"] = err.Type
	span.Status = &tracepb.Status{Code: tracepb.Status_STATUS_CODE_ERROR, Message: telemetry.Clean(b.redact, err.Message)}
}

// attributes are what every span has.
func (b builder) attributes(operation, kind string) *list {
	attributes := &list{redact: b.redact}
	attributes.text(operationName, operation)
	attributes.text(spanKind, kind)
	attributes.text(providerName, "pitwall")
	attributes.text(agentName, b.name())
	attributes.text(sessionID, b.ids.SessionID)
	attributes.text(conversationID, b.ids.SessionID)
	for _, id := range b.ids.Bounded().Known() {
		attributes.text("pitwall."+id.Name, id.Value)
	}
	return attributes
}

// name is the campaign's sample, or the eval's ID.
func (b builder) name() string {
	if trial := b.result.Trial; trial != nil && trial.Sample != "" {
		return trial.Sample
	}
	return b.result.EvalID
}

func (b builder) kind() string {
	if b.result.Effective == nil || b.result.Effective.Kind == "" {
		return spec.KindEvaluation
	}
	return b.result.Effective.Kind
}

// steps are the names of the job's steps: their code stays here.
func (b builder) steps() []string {
	names := []string{}
	if b.result.Effective != nil {
		for _, step := range b.result.Effective.Job.Steps {
			names = append(names, step.Name)
		}
	}
	return names
}

func nanos(at time.Time) uint64 {
	return uint64(max(0, at.UnixNano())) //nolint:gosec // not below 0
}

func later(one, other time.Time) time.Time {
	if other.Before(one) {
		return one
	}
	return other
}

// list collects attributes, and leaves out empty texts.
type list struct {
	redact func(string) string
	pairs  []*commonpb.KeyValue
}

func (l *list) text(name, text string) {
	if text != "" {
		l.add(name, &commonpb.AnyValue{Value: &commonpb.AnyValue_StringValue{StringValue: telemetry.Clean(l.redact, text)}})
	}
}

func (l *list) number(name string, value float64) {
	l.add(name, &commonpb.AnyValue{Value: &commonpb.AnyValue_DoubleValue{DoubleValue: value}})
}

func (l *list) flag(name string, value bool) {
	l.add(name, &commonpb.AnyValue{Value: &commonpb.AnyValue_BoolValue{BoolValue: value}})
}

// json adds a value as Galileo shows inputs and outputs. What redacts knows secrets in JSON's encoding, too.
func (l *list) json(name string, value any) {
	if text, err := json.Marshal(value); err == nil {
		l.text(name, string(text))
	}
}

func (l *list) add(name string, value *commonpb.AnyValue) {
	l.pairs = append(l.pairs, &commonpb.KeyValue{Key: name, Value: value})
}
