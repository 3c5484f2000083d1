package telemetry

import (
	"context"
	"fmt"
	"time"

	"go.opentelemetry.io/otel/trace"
	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/contrib/opentelemetry"
	"go.temporal.io/sdk/workflow"
	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
)

// Journal writes the lives of sandboxes: one line, and one count in the metrics, for each step. docs/observability.md is
// the table of what there is. The methods of a nil Journal write nothing: the same code also runs in programs without one.
type Journal struct {
	log     *zap.Logger
	metrics *Metrics
	written *recent // by workflows
}

// NewJournal writes to a log and counts in metrics, which may be nil.
func NewJournal(log *zap.Logger, metrics *Metrics) *Journal {
	return &Journal{log: log.WithOptions(zap.WithCaller(false)), metrics: metrics, written: newRecent()}
}

// Entry is one step. What is zero is not known, or does not apply, and has no field in the line.
type Entry struct {
	Event  Event
	Status Status
	// CreatedAt is when the step was first wanted, StartedAt when the work on it began, FinishedAt when that ended. An
	// activity's entry takes what is zero from Temporal: scheduled, started, now.
	CreatedAt, StartedAt, FinishedAt time.Time
	// ExitCode of a job's step; nil when there is none.
	ExitCode *int
	// Correlation takes its place from the context, unless it names a workflow; its SandboxID always counts.
	Correlation

	// Final: this is the line by which the eval is counted, under its outcome.
	Final bool
	// InfraErrors are the types of the infrastructure faults that ended attempts of an eval; counted with it.
	InfraErrors []string

	Kind    string   // of the eval's job
	Outcome string   // of an eval: see OutcomeOf
	Score   *float64 // nil: none was given
	Step    string   // of a job
	Try     int      // of the activity, from 1
	Slot    *int
	LeaseID string
	// LeaseRun is the run of the lease that guards the sandbox.
	LeaseRun       string
	SandboxSeconds float64
	ConfirmedBy    string // how the provider said that a sandbox is gone
	Count          int    // files; or sandboxes that a pass of the reaper saw
	Bytes          int64
	Verdict        string // the reaper's
	Action         string // the reaper's
	Reason         string
	Origin         string // of an error: who has to act
	ErrorType      string
	Error          string
}

// Write writes what happened in an activity.
func (j *Journal) Write(ctx context.Context, entry Entry) {
	if j == nil {
		return
	}
	if activity.IsActivity(ctx) {
		info := activity.GetInfo(ctx)
		entry.CreatedAt, entry.StartedAt = first(entry.CreatedAt, info.ScheduledTime), first(entry.StartedAt, info.StartedTime)
		entry.Try = int(info.Attempt)
	}
	entry.FinishedAt = first(entry.FinishedAt, time.Now())
	j.write(entry, ActivityCorrelation(ctx), trace.SpanContextFromContext(ctx))
}

// WriteFrom writes what happened in a workflow, by its own clock: nothing while it replays, and nothing that this worker has
// written already in a task that is executed again.
func (j *Journal) WriteFrom(ctx workflow.Context, entry Entry) {
	if j == nil || workflow.IsReplaying(ctx) {
		return
	}
	entry.FinishedAt = first(entry.FinishedAt, workflow.Now(ctx))
	self := workflow.GetInfo(ctx).WorkflowExecution.RunID
	if !j.written.isNew(fmt.Sprint(self, entry.Event, entry.StartedAt.UnixNano())) {
		return
	}
	span, _ := opentelemetry.SpanFromWorkflowContext(ctx)
	j.write(entry, *WorkflowCorrelation(ctx), span.SpanContext())
}

func (j *Journal) write(entry Entry, known Correlation, span trace.SpanContext) {
	if entry.WorkflowID == "" {
		sandbox := entry.SandboxID
		if entry.Correlation = known; sandbox != "" {
			entry.SandboxID = sandbox
		}
	}
	entry.Correlation = entry.Bounded()
	level := zapcore.WarnLevel
	if entry.Status == StatusOK {
		level = zapcore.InfoLevel
	}
	if line := j.log.Check(level, entry.Event.message()); line != nil {
		line.Write(append(entry.fields(), spanFields(span)...)...)
	}
	j.metrics.count(entry)
}

func first(known, otherwise time.Time) time.Time {
	if known.IsZero() {
		return otherwise
	}
	return known
}

func spanFields(span trace.SpanContext) []zap.Field {
	if !span.IsValid() {
		return nil
	}
	return []zap.Field{zap.Stringer(FieldTraceID, span.TraceID()), zap.Stringer(FieldSpanID, span.SpanID())}
}

// fields are the line's, in the order of docs/observability.md.
func (e Entry) fields() []zap.Field {
	line := fieldList{zap.String(FieldEvent, string(e.Event)), zap.String(FieldStatus, string(e.Status))}
	line.time(FieldCreatedAt, e.CreatedAt)
	line.time(FieldStartedAt, e.StartedAt)
	line.time(FieldFinishedAt, e.FinishedAt)
	if !e.StartedAt.IsZero() {
		line = append(line, zap.Int64(FieldDurationMS, max(0, e.FinishedAt.Sub(e.StartedAt)).Milliseconds()))
	}
	if e.ExitCode != nil {
		line = append(line, zap.Int(FieldExitCode, *e.ExitCode))
	}
	line.text(FieldSessionID, e.SessionID)
	line.text(FieldNegotiationID, e.NegotiationID)
	line.text(FieldSandboxID, e.SandboxID)
	line.text(FieldCampaign, e.Campaign)
	line.text(FieldSample, e.Sample)
	line.number(FieldEpoch, int64(e.Epoch))
	line.number(FieldAttempt, int64(e.Attempt))
	line.text(FieldWorkflowID, e.WorkflowID)
	line.text(FieldRunID, e.RunID)
	e.details(&line)
	return line
}

func (e Entry) details(line *fieldList) {
	line.text(FieldKind, e.Kind)
	line.text(FieldOutcome, e.Outcome)
	if e.Score != nil {
		*line = append(*line, zap.Float64(FieldScore, *e.Score))
	}
	line.text(FieldStep, e.Step)
	line.number(FieldTry, int64(e.Try))
	if e.Slot != nil {
		*line = append(*line, zap.Int(FieldSlot, *e.Slot))
	}
	line.text(FieldLeaseID, e.LeaseID)
	line.text(FieldLeaseRun, e.LeaseRun)
	if e.SandboxSeconds > 0 {
		*line = append(*line, zap.Float64(FieldSandboxSeconds, e.SandboxSeconds))
	}
	line.text(FieldConfirmedBy, e.ConfirmedBy)
	line.number(FieldCount, int64(e.Count))
	line.number(FieldBytes, e.Bytes)
	line.text(FieldVerdict, e.Verdict)
	line.text(FieldAction, e.Action)
	line.text(FieldReason, e.Reason)
	line.text(FieldOrigin, e.Origin)
	line.text(FieldErrorType, e.ErrorType)
	line.text(FieldError, e.Error)
}

// fieldList leaves out what is zero.
type fieldList []zap.Field

func (l *fieldList) text(name, value string) {
	if value != "" {
		*l = append(*l, zap.String(name, value))
	}
}

func (l *fieldList) number(name string, value int64) {
	if value != 0 {
		*l = append(*l, zap.Int64(name, value))
	}
}

func (l *fieldList) time(name string, value time.Time) {
	if !value.IsZero() {
		*l = append(*l, zap.Time(name, value.UTC()))
	}
}
