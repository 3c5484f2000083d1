package workflows

import (
	"context"
	"fmt"
	"strings"
	"time"

	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/operatorservice/v1"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/converter"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"pitwall/internal/spec"
)

// Search attributes, by which Temporal's UI and its clients find evals and campaigns. A namespace has them or not: a
// workflow sets them where the worker that planned it saw them all, and its history says so (Searchable).
const (
	AttributeCampaign    = "PitwallCampaign"
	AttributeSession     = "PitwallSession"
	AttributeNegotiation = "PitwallNegotiation"
	// AttributeKind is an eval's kind of job.
	AttributeKind = "PitwallKind"
	// AttributeState of an eval is waiting, waiting_for_capacity, running, holding, or its outcome (passed, failed, infra_error …,
	// cancelled); of a campaign running, passed, failed, inconclusive or cancelled; of a lease removing, once its eval has not
	// done so.
	AttributeState = "PitwallState"
)

// States.
const (
	StateWaiting  = "waiting"
	StateRunning  = "running"
	StateRemoving = "removing"
	StateHolding  = "holding"
	// StateCapacity: the provider was full when it was last asked.
	StateCapacity = "waiting_for_capacity"
)

// SearchAttributes are the names of all; each is a Keyword.
func SearchAttributes() []string {
	return []string{AttributeCampaign, AttributeSession, AttributeNegotiation, AttributeKind, AttributeState}
}

// SearchAttributePairs are all as Temporal's programs take them: Name=Keyword.
func SearchAttributePairs() []string {
	var pairs []string
	for _, name := range SearchAttributes() {
		pairs = append(pairs, name+"=Keyword")
	}
	return pairs
}

// MissingSearchAttributes are those that a namespace lacks, or has as another type.
func MissingSearchAttributes(ctx context.Context, temporalClient client.Client, namespace string) ([]string, error) {
	present, err := temporalClient.OperatorService().ListSearchAttributes(ctx, &operatorservice.ListSearchAttributesRequest{Namespace: namespace})
	if err != nil {
		return nil, fmt.Errorf("list the search attributes of %s: %w", namespace, err)
	}
	var missing []string
	for _, name := range SearchAttributes() {
		if present.GetCustomAttributes()[name] != enumspb.INDEXED_VALUE_TYPE_KEYWORD {
			missing = append(missing, name)
		}
	}
	return missing, nil
}

// maxKeyword is what the column of a keyword holds in Temporal's SQL schemas (VARCHAR(255)), less than which a rune may take.
const maxKeyword = 250

// keyword sets an attribute to a text; none where the text is empty.
func keyword(name, text string) []temporal.SearchAttributeUpdate {
	if text == "" {
		return nil
	}
	return []temporal.SearchAttributeUpdate{temporal.NewSearchAttributeKeyKeyword(name).ValueSet(AttributeValue(text))}
}

// AttributeValue is what a search attribute holds of a text.
func AttributeValue(text string) string {
	if len(text) > maxKeyword {
		return strings.ToValidUTF8(text[:maxKeyword], "")
	}
	return text
}

// mark sets search attributes where there are any. What cannot be set does not stop a workflow.
func mark(ctx workflow.Context, searchable bool, updates ...temporal.SearchAttributeUpdate) {
	if !searchable || len(updates) == 0 {
		return
	}
	if err := workflow.UpsertTypedSearchAttributes(ctx, updates...); err != nil {
		workflow.GetLogger(ctx).Warn("search attributes were not set", "error", err)
	}
}

// ids make an eval findable by what it belongs to.
func (e *eval) ids() []temporal.SearchAttributeUpdate {
	in := e.plan.Input
	updates := append(keyword(AttributeSession, in.SessionID), keyword(AttributeNegotiation, in.NegotiationID)...)
	updates = append(updates, keyword(AttributeKind, in.Kind)...)
	if in.Trial != nil {
		updates = append(updates, keyword(AttributeCampaign, in.Trial.Campaign)...)
	}
	return updates
}

// markState makes an eval findable by what it does, or came to; the first time also by its ids, as each call costs an event.
func (e *eval) markState(ctx workflow.Context, state string) {
	if state == e.state {
		return
	}
	updates := keyword(AttributeState, state)
	if e.state == "" {
		updates = append(updates, e.ids()...)
	}
	e.state = state
	mark(ctx, e.plan.Searchable, updates...)
}

// markState makes a campaign findable by its name and state.
func (c *campaign) markState(ctx workflow.Context, state string) {
	mark(ctx, c.prepared.Searchable, append(keyword(AttributeCampaign, c.id), keyword(AttributeState, state)...)...)
}

// scheduledAttribute is Temporal's own, of what a schedule started: the time for which it did, of a backfill in the past.
const scheduledAttribute = "TemporalScheduledStartTime"

// scheduledAt is zero where no schedule started the workflow. Schedules encode it without its type, so that
// GetTypedSearchAttributes leaves it out.
func scheduledAt(ctx workflow.Context) time.Time {
	var at time.Time
	payload := workflow.GetInfo(ctx).SearchAttributes.GetIndexedFields()[scheduledAttribute] //nolint:staticcheck // see above
	if payload == nil || converter.GetDefaultDataConverter().FromPayload(payload, &at) != nil {
		return time.Time{}
	}
	return at.UTC()
}

// verdictState is a campaign's state after its end.
func verdictState(result spec.CampaignResult) string {
	switch {
	case result.Status == spec.StatusCancelled:
		return spec.StatusCancelled
	case result.Verdict == spec.VerdictPass:
		return "passed"
	case result.Verdict == spec.VerdictFail:
		return "failed"
	}
	return strings.ToLower(result.Verdict)
}
