package main

import (
	"context"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"go.temporal.io/api/workflow/v1"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/converter"

	"pitwall/internal/spec"
	"pitwall/workflows"
)

// findFlags are what `find` looks for.
type findFlags struct {
	session, negotiation, campaign, kind, status string
}

func findCommand(term *terminal) *cobra.Command {
	var flags findFlags
	cmd := &cobra.Command{
		Use:   "find",
		Short: "Find evals by session, negotiation, campaign, kind or outcome",
		Long: `Find evals by session, negotiation, campaign, kind or outcome, the latest first, in Temporal's list: as long as it keeps
them, and as far as their namespace has Pitwall's search attributes (starter doctor looks).`,
		Example: `  starter find --session session-42
  starter find --negotiation negotiation-7 --status failed -o json`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return find(cmd.Context(), term, flags) },
	}
	cmd.Flags().StringVar(&flags.session, "session", "", "session_id")
	cmd.Flags().StringVar(&flags.negotiation, "negotiation", "", "negotiation_id")
	cmd.Flags().StringVar(&flags.campaign, "campaign", "", "the campaign's name")
	cmd.Flags().StringVar(&flags.kind, "kind", "", "evaluation, data_prep or tool_simulation")
	cmd.Flags().StringVar(&flags.status, "status", "", "passed, failed, cancelled, infra_error, user_error, …, waiting, running")
	return cmd
}

func (f findFlags) query() (string, error) {
	conditions := []string{`WorkflowType = "EvalWorkflow"`}
	for _, wanted := range []struct{ attribute, value string }{
		{workflows.AttributeSession, f.session},
		{workflows.AttributeNegotiation, f.negotiation},
		{workflows.AttributeCampaign, f.campaign},
		{workflows.AttributeKind, f.kind},
		{workflows.AttributeState, f.status},
	} {
		if wanted.value == "" {
			continue
		}
		condition, askable := attributeIs(wanted.attribute, workflows.AttributeValue(wanted.value))
		if !askable {
			return "", &UsageError{
				Problem: wanted.attribute + ": Temporal cannot be asked for a value with a backslash or a quotation mark, or with an apostrophe at its end",
				Hint:    "look for another of the eval's ids",
			}
		}
		conditions = append(conditions, condition)
	}
	if len(conditions) == 1 {
		return "", &UsageError{Problem: "find what?", Hint: "such as --session ID, --negotiation ID, or --status failed"}
	}
	return strings.Join(conditions, " AND "), nil
}

// attributeIs is the condition of a query. Server 1.32 was seen not to find what it cannot be asked for: it cuts apostrophes off
// the ends of a value, and escapes as MySQL does, also for SQLite.
func attributeIs(name, value string) (condition string, askable bool) {
	if strings.ContainsAny(value, `\"`) || strings.HasPrefix(value, "'") || strings.HasSuffix(value, "'") {
		return "", false
	}
	return name + " = '" + strings.ReplaceAll(value, "'", `\'`) + "'", true
}

// foundEval is one element of `find -o json`.
type foundEval struct {
	EvalID        string    `json:"eval_id"`
	RunID         string    `json:"run_id"`
	SessionID     string    `json:"session_id,omitempty"`
	NegotiationID string    `json:"negotiation_id,omitempty"`
	Campaign      string    `json:"campaign,omitempty"`
	Kind          string    `json:"kind,omitempty"`
	Status        string    `json:"status"`
	StartedAt     time.Time `json:"started_at"`
	FinishedAt    time.Time `json:"finished_at,omitzero"`
}

func find(ctx context.Context, term *terminal, flags findFlags) error {
	query, err := flags.query()
	if err != nil {
		return err
	}
	target, err := loadDeployment(term)
	if err != nil {
		return err
	}
	temporal, err := dialTemporal(ctx, target)
	if err != nil {
		return err
	}
	defer temporal.Close()
	missing, err := workflows.MissingSearchAttributes(ctx, temporal, target.namespace())
	if err == nil && len(missing) > 0 {
		return &UsageError{Problem: "evals cannot be found here: the namespace lacks " + strings.Join(missing, ", "), Hint: "starter doctor says what to do"}
	}
	found := []foundEval{}
	request := &workflowservice.ListWorkflowExecutionsRequest{Query: query, PageSize: 100}
	for len(found) < maxListed {
		page, err := temporal.ListWorkflow(ctx, request)
		if err != nil {
			return err
		}
		for _, execution := range page.GetExecutions() {
			found = append(found, foundEvalOf(execution))
		}
		if request.NextPageToken = page.GetNextPageToken(); len(request.NextPageToken) == 0 {
			return printFound(term, found)
		}
	}
	term.note("the list ends after %d: look for less", maxListed)
	return printFound(term, found)
}

func foundEvalOf(execution *workflow.WorkflowExecutionInfo) foundEval {
	attribute := func(name string) string {
		var value string
		if payload, set := execution.GetSearchAttributes().GetIndexedFields()[name]; set {
			_ = converter.GetDefaultDataConverter().FromPayload(payload, &value) // never encrypted; else it is not ours
		}
		return value
	}
	found := foundEval{
		EvalID: execution.GetExecution().GetWorkflowId(), RunID: execution.GetExecution().GetRunId(),
		SessionID: attribute(workflows.AttributeSession), NegotiationID: attribute(workflows.AttributeNegotiation),
		Campaign: attribute(workflows.AttributeCampaign), Kind: attribute(workflows.AttributeKind), Status: attribute(workflows.AttributeState),
		StartedAt: execution.GetStartTime().AsTime(),
	}
	status := statusOfExecution(execution.GetStatus())
	if found.Status == "" || status == spec.StatusError {
		found.Status = status // one that was refused or terminated has no outcome
	}
	if execution.GetCloseTime() != nil {
		found.FinishedAt = execution.GetCloseTime().AsTime()
	}
	return found
}

func printFound(term *terminal, found []foundEval) error {
	if term.wantsJSON() {
		return term.printJSON(found)
	}
	table := newTable(term, "EVAL", "STATUS", "SESSION", "NEGOTIATION", "CAMPAIGN", "KIND", "STARTED")
	for _, eval := range found {
		table.row(eval.EvalID, eval.Status, eval.SessionID, eval.NegotiationID, eval.Campaign, eval.Kind, shortTime(eval.StartedAt))
	}
	table.print()
	return nil
}
