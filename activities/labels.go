package activities

import (
	"strconv"
	"time"

	"pitwall/internal/daytona"
	"pitwall/internal/spec"
	"pitwall/internal/telemetry"
)

// Labels of every sandbox that Pitwall creates. Cluster and namespace together say whose it is: nobody touches a sandbox
// unless both match. The lease run is the liveness oracle: the sandbox may live exactly as long as that run is open.
const (
	LabelManagedBy = "managed-by"
	LabelCluster   = "pitwall-cluster"
	LabelNamespace = "pitwall-namespace"
	LabelSlot      = "pitwall-slot"
	LabelLease     = "pitwall-lease"
	LabelLeaseRun  = "pitwall-lease-run"
	LabelEval      = "pitwall-eval"
	LabelEvalRun   = "pitwall-eval-run"
	LabelCampaign  = "pitwall-campaign"
	LabelSession   = "session_id"
	LabelNegotiate = "negotiation_id"
	// LabelExpiresAt (RFC 3339) is after every clock of the eval; past it, a sandbox whose lease is unknown may go.
	LabelExpiresAt = "pitwall-expires-at"

	// ManagedBy is the value of LabelManagedBy.
	ManagedBy = "pitwall"
)

// Labels of one sandbox.
func (o Owner) Labels(in CreateSandboxInput) map[string]string {
	labels := map[string]string{}
	for key, value := range in.Sandbox.Labels {
		labels[key] = value
	}
	ours := map[string]string{
		LabelManagedBy: ManagedBy, LabelCluster: o.Cluster, LabelNamespace: o.Namespace,
		LabelSlot: strconv.Itoa(in.Slot), LabelLease: in.Lease.ID, LabelLeaseRun: in.Lease.RunID,
		LabelEval: in.Eval.ID, LabelEvalRun: in.Eval.RunID, LabelExpiresAt: in.ExpiresAt.UTC().Format(time.RFC3339),
		LabelCampaign: campaignOf(in.Trial), LabelSession: in.SessionID, LabelNegotiate: in.NegotiationID,
	}
	for key, value := range ours {
		if value != "" {
			labels[key] = value
		}
	}
	return labels
}

// OwnLabels select every sandbox of this cluster and namespace.
func (o Owner) OwnLabels() map[string]string {
	return map[string]string{LabelManagedBy: ManagedBy, LabelCluster: o.Cluster, LabelNamespace: o.Namespace}
}

// labelled are the ids of the eval that a sandbox is of, as its labels say them.
func labelled(sandbox daytona.Sandbox) telemetry.Correlation {
	return telemetry.Correlation{
		SessionID: sandbox.Labels[LabelSession], NegotiationID: sandbox.Labels[LabelNegotiate],
		Campaign: sandbox.Labels[LabelCampaign], SandboxID: sandbox.ID,
		WorkflowID: sandbox.Labels[LabelEval], RunID: sandbox.Labels[LabelEvalRun],
	}.Bounded()
}

func campaignOf(trial *spec.Trial) string {
	if trial == nil {
		return ""
	}
	return trial.Campaign
}
