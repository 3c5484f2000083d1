package activities

import (
	"context"
	"errors"

	"go.opentelemetry.io/otel/trace"
	"go.temporal.io/sdk/interceptor"
	"go.temporal.io/sdk/temporal"

	"pitwall/internal/daytona"
	"pitwall/internal/spec"
	"pitwall/internal/telemetry"
)

// Journaling is the interceptor that writes what activities did into the journal. An activity whose one line says too
// little (a job of many steps, a removal) writes the others itself.
type Journaling struct {
	interceptor.WorkerInterceptorBase
	Journal *telemetry.Journal
}

// InterceptActivity wraps one execution.
func (j *Journaling) InterceptActivity(_ context.Context, next interceptor.ActivityInboundInterceptor) interceptor.ActivityInboundInterceptor {
	return &journaling{interceptor.ActivityInboundInterceptorBase{Next: next}, j.Journal}
}

type journaling struct {
	interceptor.ActivityInboundInterceptorBase
	journal *telemetry.Journal
}

// callSpans bounds how many calls of one activity are spans: enough for any but the longest jobs, whose waits look all alike.
const callSpans = 200

// ExecuteActivity also puts the correlation ids on the activity's span.
func (j *journaling) ExecuteActivity(ctx context.Context, in *interceptor.ExecuteActivityInput) (any, error) {
	telemetry.ActivityCorrelation(ctx).Label(trace.SpanFromContext(ctx))
	result, err := j.Next.ExecuteActivity(daytona.WithSpanBudget(ctx, callSpans), in)
	if len(in.Args) == 1 {
		for _, entry := range entriesOf(in.Args[0], result, err) {
			j.journal.Write(ctx, entry)
		}
	}
	return result, err //nolint:wrapcheck // the activity's own words
}

// entriesOf are the lines of one execution, which its input tells from every other. None: it is no step of a sandbox's
// life, or writes its own.
func entriesOf(input, result any, err error) []telemetry.Entry {
	switch in := input.(type) {
	case AcquireSlotInput:
		return one(acquiredEntry(result, err))
	case CreateSandboxInput:
		return one(createdEntry(in, result, err))
	case UploadInputsInput:
		return one(ended(telemetry.Entry{
			Event: telemetry.InputsUploaded, Correlation: ofSandbox(in.Sandbox), Count: len(in.Inputs.Files),
		}, err))
	case RunJobInput:
		return one(jobEntry(in, result, err))
	case DownloadArtifactsInput:
		return one(fetchedEntry(in, result, err))
	case WriteResultInput:
		return one(writtenEntry(in, result, err))
	case AuditLeasesInput:
		report, _ := result.(AuditReport)
		return auditEntries(report)
	case ReapSandboxesInput:
		report, _ := result.(ReapReport)
		return reapEntries(report, err)
	}
	return nil
}

func one(entry telemetry.Entry) []telemetry.Entry { return []telemetry.Entry{entry} }

func ofSandbox(sandbox CreatedSandbox) telemetry.Correlation {
	return telemetry.Correlation{SandboxID: sandbox.ID}
}

// ended says how a step ended that had this error, or none.
func ended(entry telemetry.Entry, err error) telemetry.Entry {
	switch {
	case err == nil:
		entry.Status = telemetry.StatusOK
	case temporal.IsCanceledError(err), errors.Is(err, context.Canceled):
		entry.Status = telemetry.StatusCancelled
	default:
		described := Describe(err)
		entry.Status, entry.Origin, entry.ErrorType, entry.Error = telemetry.StatusFailed, described.Origin, described.Type, described.Message
	}
	return entry
}

func acquiredEntry(result any, err error) telemetry.Entry {
	entry := telemetry.Entry{Event: telemetry.SlotAcquired}
	if grant, ok := result.(SlotGrant); ok && err == nil {
		entry.Slot, entry.LeaseID = &grant.Slot, grant.LeaseID
	}
	return ended(entry, err)
}

func createdEntry(in CreateSandboxInput, result any, err error) telemetry.Entry {
	created, _ := result.(CreatedSandbox)
	return ended(telemetry.Entry{
		Event: telemetry.SandboxCreated, Correlation: ofSandbox(created),
		Slot: &in.Slot, LeaseID: in.Lease.ID, LeaseRun: in.Lease.RunID,
	}, err)
}

func fetchedEntry(in DownloadArtifactsInput, result any, err error) telemetry.Entry {
	entry := telemetry.Entry{Event: telemetry.ArtifactsFetched, Correlation: ofSandbox(in.Sandbox)}
	fetched, _ := result.(DownloadArtifactsResult)
	if fetched.Manifest != nil {
		entry.Count, entry.Bytes = fetched.Manifest.Stored, fetched.Manifest.StoredBytes
	}
	return ended(entry, err)
}

// writtenEntry is the line by which an eval is counted. One that was refused is not: its workflow's end counts it, for not
// every such eval has a result.
func writtenEntry(in WriteResultInput, result any, err error) telemetry.Entry {
	entry := telemetry.Entry{Event: telemetry.ResultWritten, Outcome: telemetry.OutcomeOf(in.Result)}
	if in.Result.Effective != nil {
		entry.Kind = in.Result.Effective.Kind
	}
	if in.Result.Job != nil {
		entry.ExitCode = lastExitCode(*in.Result.Job)
	}
	if in.Result.Score != nil {
		entry.Score = &in.Result.Score.Value
	}
	written, _ := result.(WriteResultResult)
	again := !written.FinishedAt.IsZero()
	if entry.Final = err == nil && !again && !written.OtherRun && entry.Outcome != telemetry.OutcomeRefused; entry.Final {
		for _, attempt := range in.Result.Attempts {
			if attempt.Error != nil && attempt.Error.Origin == spec.OriginInfra {
				entry.InfraErrors = append(entry.InfraErrors, attempt.Error.Type)
			}
		}
	}
	switch {
	case written.OtherRun:
		entry.Reason = "another run had written its own, which stays"
	case again:
		entry.Reason = "an earlier try had written it"
	}
	return ended(entry, err)
}

// lastExitCode is that of the last step that was reached; nil where it has none.
func lastExitCode(job spec.JobResult) *int {
	if len(job.Steps) == 0 {
		return nil
	}
	return job.Steps[len(job.Steps)-1].ExitCode
}
