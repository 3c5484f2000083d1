package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"go.temporal.io/api/enums/v1"
	"go.temporal.io/api/serviceerror"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/client"

	"pitwall/activities"
	"pitwall/internal/daytona"
	"pitwall/internal/temporalclient"
	"pitwall/workflows"
)

// doctorBound bounds each service's examination.
const doctorBound = 20 * time.Second

func (e *examination) settings() {
	from := "environment"
	if e.target.Profile != nil {
		from = fmt.Sprintf("environment and the profile of starter dev (process %d)", e.target.Profile.PID)
	}
	e.add("settings", findingOK, fmt.Sprintf("from %s; at most %d sandboxes, account %s", from, e.target.MaxParallelSandboxes, e.target.Account()), "")
	if e.target.ProfileProblem != nil {
		e.add("profile", findingWarn, e.target.ProfileProblem.Error(), "")
	}
	if !e.target.Enabled {
		e.add("sandboxes", findingWarn, "DAYTONA_ENABLED=false: new evals are refused", "set it to true to run evals")
	}
	e.telemetry()
}

// telemetry says what a worker with these settings would send: each is off unless configured.
func (e *examination) telemetry() {
	state := func(on bool) string {
		if on {
			return "on"
		}
		return "off"
	}
	e.add("telemetry", findingOK, fmt.Sprintf("by this environment: traces %s, errors to Sentry %s, evals to Galileo %s",
		state(e.target.Traces()), state(e.target.Reports()), state(e.target.Observes())), "")
}

func (e *examination) temporal(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, doctorBound)
	defer cancel()
	connected, err := dialTemporal(ctx, e.target)
	if err != nil {
		e.add("temporal", findingFail, err.Error(), hintOf(err))
		return
	}
	defer connected.Close()
	cluster, namespace, err := temporalclient.Identity(ctx, connected, e.target.namespace())
	if err != nil {
		e.add("temporal", findingFail, err.Error(), "")
		return
	}
	version := "unknown version"
	if info, err := connected.WorkflowService().GetSystemInfo(ctx, &workflowservice.GetSystemInfoRequest{}); err == nil {
		version = "server " + info.GetServerVersion()
	}
	e.add("temporal", findingOK, fmt.Sprintf("%s, namespace %s (%.8s, cluster %.8s)", version, e.target.namespace(), namespace, cluster), "")
	e.queues(ctx, connected)
	e.reaper(ctx, connected)
	e.console(ctx, connected)
	e.foreign(ctx, activities.Owner{Cluster: cluster, Namespace: namespace})
}

// queues looks whether somebody serves each task queue.
func (e *examination) queues(ctx context.Context, connected client.Client) {
	for _, queue := range []struct {
		name string
		kind enums.TaskQueueType
	}{
		{workflows.TaskQueue, enums.TASK_QUEUE_TYPE_WORKFLOW},
		{workflows.JobsQueue, enums.TASK_QUEUE_TYPE_ACTIVITY},
		{workflows.SlotsQueue(e.target.Account()), enums.TASK_QUEUE_TYPE_ACTIVITY},
		{workflows.CleanupQueue, enums.TASK_QUEUE_TYPE_ACTIVITY},
	} {
		described, err := connected.DescribeTaskQueue(ctx, queue.name, queue.kind)
		switch {
		case err != nil:
			e.add("queue", findingWarn, fmt.Sprintf("%s: %v", queue.name, err), "")
		case len(described.GetPollers()) == 0:
			e.add("queue", findingWarn, queue.name+": no worker asked for tasks in the last minutes", "start one: worker, or starter dev")
		default:
			e.add("queue", findingOK, fmt.Sprintf("%s: %d workers", queue.name, len(described.GetPollers())), "")
		}
	}
}

func (e *examination) reaper(ctx context.Context, connected client.Client) {
	described, err := connected.ScheduleClient().GetHandle(ctx, workflows.ReaperScheduleID).Describe(ctx)
	var missing *serviceerror.NotFound
	switch {
	case errors.As(err, &missing):
		e.add("reaper", findingWarn, "its schedule is missing", "a worker makes it when it starts")
	case err != nil:
		e.add("reaper", findingWarn, err.Error(), "")
	case described.Schedule.State != nil && described.Schedule.State.Paused:
		e.add("reaper", findingWarn, "its schedule is paused", "unpause "+workflows.ReaperScheduleID+" in Temporal's UI")
	default:
		e.add("reaper", findingOK, fmt.Sprintf("scheduled, %d runs so far", described.Info.NumActions), "")
	}
}

func (e *examination) provider(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, doctorBound)
	defer cancel()
	provider, err := newProvider(e.target)
	if err != nil {
		e.add("daytona", findingFail, err.Error(), hintOf(err))
		return
	}
	defer provider.CloseIdle()
	count, err := countSandboxes(ctx, provider, map[string]string{activities.LabelManagedBy: activities.ManagedBy})
	if err != nil {
		err = explainProvider(e.target, err)
		e.add("daytona", findingFail, err.Error(), hintOf(err))
		return
	}
	e.add("daytona", findingOK, fmt.Sprintf("%s answers; %d sandboxes of Pitwall", e.target.APIURL, count), "")
	e.key(ctx, provider)
}

// key looks at what the API key may do, where the service says so.
func (e *examination) key(ctx context.Context, provider *daytona.Client) {
	key, err := provider.CurrentAPIKey(ctx)
	if err != nil {
		e.add("api key", findingSkip, "the service does not say what it may do: "+err.Error(), "")
		return
	}
	for _, needed := range []string{daytona.PermissionWriteSandboxes, daytona.PermissionDeleteSandboxes} {
		if !key.May(needed) {
			e.add("api key", findingFail, "it lacks "+needed, "without it sandboxes cannot be made and removed: give the key that permission")
			return
		}
	}
	e.add("api key", findingOK, "it may make and remove sandboxes", "")
}

// foreign warns of sandboxes that another Pitwall made under this account: the two share one quota and know nothing of
// each other.
func (e *examination) foreign(ctx context.Context, owner activities.Owner) {
	provider, err := newProvider(e.target)
	if err != nil {
		return // said by provider
	}
	defer provider.CloseIdle()
	others := 0
	for sandbox, err := range provider.ListSandboxes(ctx, daytona.ListOptions{Labels: map[string]string{activities.LabelManagedBy: activities.ManagedBy}}) {
		if err != nil {
			return // said by provider
		}
		if sandbox.Labels[activities.LabelCluster] != owner.Cluster || sandbox.Labels[activities.LabelNamespace] != owner.Namespace {
			others++
		}
	}
	if others > 0 {
		e.add("other namespaces", findingWarn, fmt.Sprintf("%d sandboxes of another Temporal cluster or namespace share this account", others),
			"split DAYTONA_MAX_PARALLEL_SANDBOXES between them; see: starter sandboxes list")
	}
}

func (e *examination) store(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, doctorBound)
	defer cancel()
	store, err := openStore(ctx, e.target)
	if err == nil {
		defer store.Close()
		err = store.Check(ctx)
	}
	switch {
	case err != nil:
		e.add("store", findingFail, err.Error(), "set PITWALL_STORE to a folder or bucket that can be written")
	case store.SingleHost():
		e.add("store", findingOK, store.URL()+": a folder, seen by workers on this host only", "")
	default:
		e.add("store", findingOK, store.URL(), "")
	}
}
