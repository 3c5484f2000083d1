package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	commonpb "go.temporal.io/api/common/v1"
	enumspb "go.temporal.io/api/enums/v1"
	historypb "go.temporal.io/api/history/v1"
	"go.temporal.io/api/serviceerror"
	workflowpb "go.temporal.io/api/workflow/v1"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/converter"

	"pitwall/activities"
	"pitwall/internal/audit"
	"pitwall/internal/spec"
)

// listRuns lists the runs of a workflow type that were open at some time from since on and began before the audit's end;
// with a zero end, before now. Templates never ran.
func (c *auditCollector) listRuns(ctx context.Context, workflowType string, end time.Time) ([]*workflowpb.WorkflowExecutionInfo, error) {
	query := fmt.Sprintf("WorkflowType = '%s' AND (ExecutionStatus = 'Running' OR CloseTime >= '%s')", workflowType, c.Since.Format(time.RFC3339Nano))
	if !end.IsZero() {
		query += fmt.Sprintf(" AND StartTime <= '%s'", end.Format(time.RFC3339Nano))
	}
	request := &workflowservice.ListWorkflowExecutionsRequest{Query: query, PageSize: 1000}
	var runs []*workflowpb.WorkflowExecutionInfo
	for {
		page, err := c.temporal.ListWorkflow(ctx, request)
		if err != nil {
			return runs, err
		}
		for _, run := range page.GetExecutions() {
			if !strings.HasPrefix(run.GetExecution().GetWorkflowId(), activities.TemplatePrefix) {
				runs = append(runs, run)
			}
		}
		if request.NextPageToken = page.GetNextPageToken(); len(request.NextPageToken) == 0 {
			return runs, nil
		}
		if len(runs) >= maxAuditRuns {
			return runs, fmt.Errorf("more than %d in the range; audit a shorter one", maxAuditRuns)
		}
	}
}

// readLeases reads the lease runs of the range, each from its history: whether it is open and what it knows are then of
// one moment.
func (c *auditCollector) readLeases(ctx context.Context) error {
	runs, listErr := c.listRuns(ctx, "SandboxLease", c.Until)
	var named []activities.Execution
	for _, run := range runs {
		named = append(named, activities.Execution{ID: run.GetExecution().GetWorkflowId(), RunID: run.GetExecution().GetRunId()})
	}
	return errors.Join(listErr, eachAtOnce(ctx, named, c.readLease))
}

// readNamedLeases reads the lease runs that sandboxes name and the list did not show: it lags, and a sandbox may be older
// than the range, or have come after its lease was over.
func (c *auditCollector) readNamedLeases(ctx context.Context, listed []audit.Alive) error {
	known := map[string]bool{}
	for _, lease := range c.Leases {
		known[lease.RunID], known[lease.Claim] = true, true
	}
	var named []activities.Execution
	add := func(owner audit.Owner) {
		if c.ours(owner) && owner.LeaseID != "" && owner.LeaseRun != "" && !known[owner.LeaseRun] {
			known[owner.LeaseRun] = true
			named = append(named, activities.Execution{ID: owner.LeaseID, RunID: owner.LeaseRun})
		}
	}
	for _, made := range c.Made {
		if !made.At.After(c.Until) {
			add(made.Owner)
		}
	}
	for _, alive := range listed {
		add(alive.Owner)
	}
	return eachAtOnce(ctx, named, c.readLease)
}

// readLease adds one lease run; one that Temporal does not know is left out.
func (c *auditCollector) readLease(ctx context.Context, execution activities.Execution) error {
	lease := audit.Lease{ID: execution.ID, RunID: execution.RunID, Open: true}
	err := c.eachEvent(ctx, execution, enumspb.HISTORY_EVENT_FILTER_TYPE_ALL_EVENT, func(event *historypb.HistoryEvent) error {
		return addToLease(&lease, event)
	})
	var unknown *serviceerror.NotFound
	if errors.As(err, &unknown) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("lease run %s: %w", execution.RunID, err)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.Leases = append(c.Leases, lease)
	return nil
}

func (c *auditCollector) eachEvent(ctx context.Context, run activities.Execution, filter enumspb.HistoryEventFilterType, visit func(*historypb.HistoryEvent) error) error {
	history := c.temporal.GetWorkflowHistory(ctx, run.ID, run.RunID, false, filter)
	for history.HasNext() {
		event, err := history.Next()
		if err == nil {
			err = c.options.Decrypt(ctx, event)
		}
		if err == nil {
			err = visit(event)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// addToLease adds what one event of a lease's history says. Certificates count from wherever they reached it: a signal, an
// activity of its own, its result.
func addToLease(lease *audit.Lease, event *historypb.HistoryEvent) error {
	if status, closed := strings.CutPrefix(event.GetEventType().String(), "WorkflowExecution"); closed && closes(event.GetEventType()) {
		lease.Open, lease.Status, lease.ClosedAt = false, strings.ToLower(status), event.GetEventTime().AsTime()
	}
	if started := event.GetWorkflowExecutionStartedEventAttributes(); started != nil {
		lease.Claim = started.GetOriginalExecutionRunId()
		return nil
	}
	if completed := event.GetWorkflowExecutionCompletedEventAttributes(); completed != nil {
		lease.Completed = true
		return addCertificates(lease, completed.GetResult())
	}
	if done := event.GetActivityTaskCompletedEventAttributes(); done != nil {
		return addCertificates(lease, done.GetResult())
	}
	signal := event.GetWorkflowExecutionSignaledEventAttributes()
	switch signal.GetSignalName() {
	case activities.SignalCreated:
		var created activities.CreatedSignal
		err := decode(signal.GetInput(), &created)
		if created.ID != "" { // else only the word that more may come
			lease.Created = append(lease.Created, audit.Created{ID: created.ID, At: created.CreatedAt})
		}
		return err
	case activities.SignalReleased:
		var released activities.ReleasedSignal
		err := decode(signal.GetInput(), &released)
		lease.Certificates = append(lease.Certificates, released.Certificate)
		return err
	}
	return nil
}

// addCertificates reads what a LeaseResult and a GuardSandboxResult have in common.
func addCertificates(lease *audit.Lease, payloads *commonpb.Payloads) error {
	var proven struct {
		Certificates []spec.Certificate `json:"certificates"`
	}
	err := decode(payloads, &proven)
	lease.Certificates = append(lease.Certificates, proven.Certificates...)
	return err
}

func decode(payloads *commonpb.Payloads, into any) error {
	if len(payloads.GetPayloads()) == 0 {
		return nil
	}
	return converter.GetDefaultDataConverter().FromPayloads(payloads, into)
}

func closes(event enumspb.EventType) bool {
	switch event {
	case enumspb.EVENT_TYPE_WORKFLOW_EXECUTION_COMPLETED, enumspb.EVENT_TYPE_WORKFLOW_EXECUTION_FAILED,
		enumspb.EVENT_TYPE_WORKFLOW_EXECUTION_CANCELED, enumspb.EVENT_TYPE_WORKFLOW_EXECUTION_TERMINATED,
		enumspb.EVENT_TYPE_WORKFLOW_EXECUTION_TIMED_OUT, enumspb.EVENT_TYPE_WORKFLOW_EXECUTION_CONTINUED_AS_NEW:
		return true
	}
	return false
}

// readEvals reads the eval runs of the range, with what each returned.
func (c *auditCollector) readEvals(ctx context.Context) error {
	runs, listErr := c.listRuns(ctx, "EvalWorkflow", c.Until)
	return errors.Join(listErr, eachAtOnce(ctx, runs, func(ctx context.Context, run *workflowpb.WorkflowExecutionInfo) error {
		eval := audit.Eval{ID: run.GetExecution().GetWorkflowId(), RunID: run.GetExecution().GetRunId(), Open: true}
		err := c.eachEvent(ctx, activities.Execution{ID: eval.ID, RunID: eval.RunID}, enumspb.HISTORY_EVENT_FILTER_TYPE_CLOSE_EVENT, func(event *historypb.HistoryEvent) error {
			return addToEval(&eval, event)
		})
		var unknown *serviceerror.NotFound
		if err != nil && !errors.As(err, &unknown) {
			return fmt.Errorf("%s: %w", eval.ID, err)
		}
		c.mu.Lock()
		defer c.mu.Unlock()
		c.Evals = append(c.Evals, eval)
		return nil
	}))
}

// addToEval adds how an eval closed; a cancelled one's result stands in the details of its error.
func addToEval(eval *audit.Eval, event *historypb.HistoryEvent) error {
	if !closes(event.GetEventType()) {
		return nil
	}
	eval.Open, eval.ClosedAt = false, event.GetEventTime().AsTime()
	payloads := event.GetWorkflowExecutionCompletedEventAttributes().GetResult()
	if cancelled := event.GetWorkflowExecutionCanceledEventAttributes(); cancelled != nil {
		payloads = cancelled.GetDetails()
	}
	if len(payloads.GetPayloads()) == 0 {
		return nil
	}
	// The input is strict about its fields, and not needed: an older Pitwall reads a newer one's results.
	var result struct {
		spec.EvalResult
		Effective json.RawMessage `json:"effective"`
	}
	if err := decode(payloads, &result); err != nil {
		return err
	}
	eval.Result = &result.EvalResult
	return nil
}

// readReaper reads what the reaper removed since the range began, from its activities: a pass whose other half failed has
// no result.
func (c *auditCollector) readReaper(ctx context.Context) error {
	runs, listErr := c.listRuns(ctx, "ReaperWorkflow", time.Time{})
	return errors.Join(listErr, eachAtOnce(ctx, runs, func(ctx context.Context, run *workflowpb.WorkflowExecutionInfo) error {
		execution := activities.Execution{ID: run.GetExecution().GetWorkflowId(), RunID: run.GetExecution().GetRunId()}
		return c.eachEvent(ctx, execution, enumspb.HISTORY_EVENT_FILTER_TYPE_ALL_EVENT, c.addReaped)
	}))
}

func (c *auditCollector) addReaped(event *historypb.HistoryEvent) error {
	var pass struct {
		Decisions []struct {
			Removed *spec.Certificate `json:"removed"`
		} `json:"decisions"`
		Findings []struct {
			Certificates []spec.Certificate `json:"certificates"`
		} `json:"findings"`
	}
	if err := decode(event.GetActivityTaskCompletedEventAttributes().GetResult(), &pass); err != nil {
		return err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, decision := range pass.Decisions {
		if decision.Removed != nil {
			c.Reaped = append(c.Reaped, *decision.Removed)
		}
	}
	for _, finding := range pass.Findings {
		c.Reaped = append(c.Reaped, finding.Certificates...)
	}
	return nil
}

// madeByLeases are the sandboxes that this account's leases were told of, or certified.
func madeByLeases(known audit.Sources) []audit.Made {
	var made []audit.Made
	seen := map[string]bool{}
	add := func(lease audit.Lease, id string, at time.Time) {
		if seen[id] || at.Before(known.Since) || !strings.HasPrefix(lease.ID, known.LeasePrefix) {
			return
		}
		seen[id] = true
		owner := audit.Owner{Managed: true, Cluster: known.Cluster, Namespace: known.Namespace, LeaseID: lease.ID, LeaseRun: lease.Claim}
		made = append(made, audit.Made{ID: id, Owner: owner, At: at})
	}
	for _, lease := range known.Leases {
		for _, created := range lease.Created {
			add(lease, created.ID, created.At)
		}
	}
	for _, lease := range known.Leases {
		for _, proof := range lease.Certificates {
			add(lease, proof.SandboxID, proof.ConfirmedAt.Add(-time.Duration(proof.SandboxSeconds*float64(time.Second))))
		}
	}
	return made
}
