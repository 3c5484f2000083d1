package results

import "pitwall/internal/spec"

// Row is a result as one line of results.jsonl. The exit code is that of the step that decided: the first that failed,
// else the last. The sandbox is the one that the last attempt's job ran in.
func Row(result spec.EvalResult, datasetSHA256 string) spec.TrialRow {
	row := spec.TrialRow{
		Status:         result.Status,
		Error:          result.Error,
		Attempts:       len(result.Attempts),
		Timings:        timings(result),
		Sandbox:        jobSandbox(result.Attempts),
		Cleanup:        result.Cleanup,
		SandboxSeconds: result.SandboxSeconds(),
		Artifacts:      result.Artifacts,
		EvalID:         result.EvalID,
		RunID:          result.RunID,
		ResultURI:      result.ResultURI,
		DatasetSHA256:  datasetSHA256,
	}
	if row.Sandbox != nil {
		row.Removal = row.Sandbox.Removal
	}
	if trial := result.Trial; trial != nil {
		row.Campaign, row.SampleID, row.Epoch, row.Category = trial.Campaign, trial.Sample, trial.Epoch, trial.Category
	}
	if result.Score != nil && result.Status == spec.StatusCompleted {
		row.Passed, row.Score = &result.Score.Passed, &result.Score.Value
	}
	if result.Job != nil {
		addJob(&row, *result.Job)
	}
	return row
}

func addJob(row *spec.TrialRow, job spec.JobResult) {
	for _, step := range job.Steps {
		row.ExitCode = step.ExitCode
		row.TimedOut = step.TimedOut
		if step.TimedOut || step.ExitCode == nil || *step.ExitCode != 0 {
			return
		}
	}
}

func timings(result spec.EvalResult) spec.Timings {
	times := spec.Timings{TotalMS: result.FinishedAt.Sub(result.StartedAt).Milliseconds()}
	for _, attempt := range result.Attempts {
		times.WaitMS += attempt.WaitMS
	}
	if result.Job != nil {
		times.JobMS = result.Job.DurationMS
	}
	return times
}

// forJob is SandboxUse.For of the sandbox that the job ran in.
const forJob = "job"

func jobSandbox(attempts []spec.Attempt) *spec.SandboxUse {
	for i := len(attempts) - 1; i >= 0; i-- {
		for j := range attempts[i].Sandboxes {
			if attempts[i].Sandboxes[j].For == forJob {
				return &attempts[i].Sandboxes[j]
			}
		}
	}
	return nil
}
