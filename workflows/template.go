package workflows

import (
	"context"
	"crypto/sha256"
	_ "embed"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/serviceerror"
	"go.temporal.io/sdk/client"

	"pitwall/activities"
	"pitwall/internal/artifact"
	"pitwall/internal/spec"
)

// Templates are executions that never run: the UI's Start Workflow form fills itself in from the newest one of the ID and
// type that its address names, and finds theirs. An eval or campaign is refused under their IDs.
const (
	TemplateEvalID     = activities.TemplatePrefix + "eval"
	TemplateCampaignID = activities.TemplatePrefix + "campaign"
)

//go:embed template_eval.json
var templateEval []byte

//go:embed template_campaign.json
var templateCampaign []byte

//go:embed template_dataset.jsonl
var templateDataset string

// EnsureTemplates starts the templates that a namespace lacks, or has of another version of Pitwall, and ends them at once.
// A namespace forgets them after its retention, so it is called again and again.
func EnsureTemplates(ctx context.Context, temporalClient client.Client, store *artifact.Store) error {
	var eval spec.EvalInput
	var campaign spec.CampaignInput
	if err := errors.Join(json.Unmarshal(templateEval, &eval), json.Unmarshal(templateCampaign, &campaign)); err != nil {
		return fmt.Errorf("read the templates: %w", err)
	}
	dataset, err := store.PutBlob(ctx, strings.NewReader(templateDataset), spec.MaxFileBytes)
	if err != nil {
		return fmt.Errorf("store the template's dataset: %w", err)
	}
	campaign.Dataset.URI, campaign.Dataset.SHA256 = dataset.URI, dataset.SHA256
	return errors.Join(
		ensureTemplate(ctx, temporalClient, TemplateEvalID, EvalWorkflow, eval),
		ensureTemplate(ctx, temporalClient, TemplateCampaignID, CampaignWorkflow, campaign),
	)
}

// ensureTemplate tells a template's version by its task queue, which bears the input's digest and which nobody serves.
func ensureTemplate(ctx context.Context, temporalClient client.Client, id string, workflow, input any) error {
	data, err := json.Marshal(input)
	if err != nil {
		return fmt.Errorf("encode template %s: %w", id, err)
	}
	digest := sha256.Sum256(data)
	queue := "pitwall-template-" + hex.EncodeToString(digest[:4])
	newest, err := temporalClient.DescribeWorkflowExecution(ctx, id, "")
	var missing *serviceerror.NotFound
	switch {
	case errors.As(err, &missing):
	case err != nil:
		return fmt.Errorf("look for template %s: %w", id, err)
	case newest.GetWorkflowExecutionInfo().GetTaskQueue() == queue:
		return endTemplate(ctx, temporalClient, id, newest.GetWorkflowExecutionInfo().GetStatus())
	}
	_, err = temporalClient.ExecuteWorkflow(ctx, client.StartWorkflowOptions{
		ID: id, TaskQueue: queue, WorkflowIDConflictPolicy: enumspb.WORKFLOW_ID_CONFLICT_POLICY_USE_EXISTING,
	}, workflow, input)
	if err != nil {
		return fmt.Errorf("start template %s: %w", id, err)
	}
	return endTemplate(ctx, temporalClient, id, enumspb.WORKFLOW_EXECUTION_STATUS_RUNNING)
}

// endTemplate ends one that was just started, also by a worker that died over it.
func endTemplate(ctx context.Context, temporalClient client.Client, id string, status enumspb.WorkflowExecutionStatus) error {
	if status != enumspb.WORKFLOW_EXECUTION_STATUS_RUNNING {
		return nil
	}
	err := temporalClient.TerminateWorkflow(ctx, id, "", "A template: it fills in the Start Workflow form, and never runs.")
	var over *serviceerror.NotFound
	if err != nil && !errors.As(err, &over) { // another worker was quicker
		return fmt.Errorf("end template %s: %w", id, err)
	}
	return nil
}
