package telemetry

import (
	"context"
	"strconv"
	"strings"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/trace"
	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/converter"
	"go.temporal.io/sdk/workflow"
)

// Correlation are the ids under which everything about an eval is found again: its lines, spans and reports of errors.
// Whatever is not known is empty, or 0.
type Correlation struct {
	// SessionID and NegotiationID are the caller's.
	SessionID     string `json:"session_id,omitempty"`
	NegotiationID string `json:"negotiation_id,omitempty"`
	Campaign      string `json:"campaign,omitempty"`
	Sample        string `json:"sample,omitempty"`
	Epoch         int    `json:"epoch,omitempty"` // from 1
	// Attempt of the eval, from 1: not that of an activity.
	Attempt   int    `json:"attempt,omitempty"`
	SandboxID string `json:"sandbox_id,omitempty"`
	// WorkflowID and RunID are the eval's, also in the activities of its lease.
	WorkflowID string `json:"workflow_id,omitempty"`
	RunID      string `json:"run_id,omitempty"`
}

// maxIDBytes bounds each id on its way through headers and lines: an eval that is started by hand may name anything, and
// is refused only after its first line. Samples, the longest honest ones, are hashed past 120 bytes.
const maxIDBytes = 300

// Bounded returns a copy in which no id is longer than 300 bytes.
func (c Correlation) Bounded() Correlation {
	for _, id := range []*string{&c.SessionID, &c.NegotiationID, &c.Campaign, &c.Sample, &c.SandboxID, &c.WorkflowID, &c.RunID} {
		if len(*id) > maxIDBytes {
			*id = strings.ToValidUTF8((*id)[:maxIDBytes], "") + "…"
		}
	}
	return c
}

// ID is one of them, by the name of its field.
type ID struct{ Name, Value string }

// Known are those that are known, in the order of docs/observability.md.
func (c Correlation) Known() []ID {
	var known []ID
	for _, id := range []ID{
		{FieldSessionID, c.SessionID},
		{FieldNegotiationID, c.NegotiationID},
		{FieldSandboxID, c.SandboxID},
		{FieldCampaign, c.Campaign},
		{FieldSample, c.Sample},
		{FieldEpoch, positive(c.Epoch)},
		{FieldAttempt, positive(c.Attempt)},
		{FieldWorkflowID, c.WorkflowID},
		{FieldRunID, c.RunID},
	} {
		if id.Value != "" {
			known = append(known, id)
		}
	}
	return known
}

// Label puts those that are known on a span, as pitwall.session_id and so on.
func (c Correlation) Label(span trace.Span) {
	for _, id := range c.Known() {
		span.SetAttributes(attribute.String("pitwall."+id.Name, id.Value))
	}
}

func positive(n int) string {
	if n <= 0 {
		return ""
	}
	return strconv.Itoa(n)
}

type correlationKey struct{}

// WithCorrelation returns a context whose activities and children carry the ids, as they are when each of these is
// started: the workflow changes them as it learns more.
func WithCorrelation(ctx workflow.Context, ids *Correlation) workflow.Context {
	return workflow.WithValue(ctx, correlationKey{}, ids)
}

// WorkflowCorrelation are the ids of a workflow, to be read and changed by it. Without WithCorrelation they go nowhere.
func WorkflowCorrelation(ctx workflow.Context) *Correlation {
	if ids, ok := ctx.Value(correlationKey{}).(*Correlation); ok {
		return ids
	}
	return &Correlation{}
}

// ActivityCorrelation are the ids that an activity was started with. Where none came along, as in the reaper's, the
// workflow is that which started the activity.
func ActivityCorrelation(ctx context.Context) Correlation {
	ids, _ := ctx.Value(correlationKey{}).(Correlation)
	if ids.WorkflowID == "" && activity.IsActivity(ctx) {
		execution := activity.GetInfo(ctx).WorkflowExecution
		ids.WorkflowID, ids.RunID = execution.ID, execution.RunID
	}
	return ids
}

// correlationHeader is the name of the ids in Temporal's headers.
const correlationHeader = "pitwall-correlation"

// Propagator carries the ids from a workflow to its activities and children, in Temporal's headers. A header that cannot be
// read is nobody's failure: then nothing is known.
type Propagator struct{}

var _ workflow.ContextPropagator = Propagator{}

// Inject carries nothing: what is started from outside says its ids in its input.
func (Propagator) Inject(context.Context, workflow.HeaderWriter) error { return nil }

// InjectFromWorkflow writes the ids as they now are.
func (Propagator) InjectFromWorkflow(ctx workflow.Context, header workflow.HeaderWriter) error {
	ids, ok := ctx.Value(correlationKey{}).(*Correlation)
	if !ok || *ids == (Correlation{}) {
		return nil
	}
	payload, err := converter.GetDefaultDataConverter().ToPayload(ids.Bounded())
	if err == nil {
		header.Set(correlationHeader, payload)
	}
	return err
}

// Extract gives an activity its ids.
func (Propagator) Extract(ctx context.Context, header workflow.HeaderReader) (context.Context, error) {
	if ids, ok := readCorrelation(header); ok {
		ctx = context.WithValue(ctx, correlationKey{}, ids)
	}
	return ctx, nil
}

// ExtractToWorkflow gives a child its parent's ids, as a copy of its own.
func (Propagator) ExtractToWorkflow(ctx workflow.Context, header workflow.HeaderReader) (workflow.Context, error) {
	if ids, ok := readCorrelation(header); ok {
		ctx = WithCorrelation(ctx, &ids)
	}
	return ctx, nil
}

func readCorrelation(header workflow.HeaderReader) (Correlation, bool) {
	var ids Correlation
	payload, found := header.Get(correlationHeader)
	if !found || converter.GetDefaultDataConverter().FromPayload(payload, &ids) != nil {
		return Correlation{}, false
	}
	return ids.Bounded(), true
}
