package main

import (
	"context"
	"fmt"
	"time"

	enumspb "go.temporal.io/api/enums/v1"
	taskqueuepb "go.temporal.io/api/taskqueue/v1"
	"go.temporal.io/api/workflowservice/v1"
	"go.uber.org/zap"

	"pitwall/activities"
	"pitwall/internal/daytona"
	"pitwall/internal/telemetry"
	"pitwall/workflows"
)

const (
	// censusInterval is some looks for each scrape (Prometheus' default is a minute), at eight calls a look.
	censusInterval = 15 * time.Second
	censusBound    = 10 * time.Second
)

// census shows what no worker can count by itself: slots, queues, and live sandboxes of the whole. Workers that serve the
// slots take it, each for itself, so all of them show the same.
type census struct {
	needs   *needs
	set     *activities.Set
	setup   setup
	metrics *telemetry.Metrics
	// failing are the parts whose last look failed: only the first failure of several is logged.
	failing map[string]bool
}

func newCensus(needs *needs, set *activities.Set, setup setup, watch *watch) *census {
	return &census{needs: needs, set: set, setup: setup, metrics: watch.metrics, failing: map[string]bool{}}
}

// take looks again and again, until ctx ends.
func (c *census) take(ctx context.Context) {
	tick := time.NewTicker(censusInterval)
	defer tick.Stop()
	for {
		c.look(ctx)
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
	}
}

// look asks each part by itself: a provider that is away hides no slots.
func (c *census) look(ctx context.Context) {
	for name, part := range map[string]func(context.Context) error{"slots and queues": c.lookAtTemporal, "sandboxes": c.lookAtSandboxes} {
		bounded, cancel := context.WithTimeout(ctx, censusBound)
		err := part(bounded)
		cancel()
		if err != nil && !c.failing[name] && ctx.Err() == nil {
			c.setup.log.Warn("take the census of "+name, zap.Error(err))
		}
		c.failing[name] = err != nil
	}
}

func (c *census) lookAtTemporal(ctx context.Context) error {
	held, err := c.needs.temporal.CountWorkflow(ctx, &workflowservice.CountWorkflowExecutionsRequest{Query: fmt.Sprintf(
		"WorkflowType = 'SandboxLease' AND ExecutionStatus = 'Running' AND WorkflowId STARTS_WITH '%s'", activities.LeasePrefix(c.setup.config.Account()))})
	if err != nil {
		return fmt.Errorf("count the open leases: %w", err)
	}
	for name, queue := range map[string]string{
		queueWorkflows: workflows.TaskQueue, queueJobs: workflows.JobsQueue, queueCleanup: workflows.CleanupQueue,
	} {
		backlog, age, err := c.backlog(ctx, queue)
		if err != nil {
			return err
		}
		c.metrics.Queue(name, backlog, age)
	}
	waiting, age, err := c.backlog(ctx, workflows.SlotsQueue(c.setup.config.Account()))
	if err != nil {
		return err
	}
	if since, waits := c.set.HeadOfLine(); waits { // it has left the queue, and is the first of those who wait
		waiting, age = waiting+1, max(age, time.Since(since))
	}
	c.metrics.Queue(queueSlots, waiting, age)
	c.metrics.Slots(c.setup.config.MaxParallelSandboxes, int(held.GetCount()), int(waiting))
	return nil
}

// backlog is what waits in a queue for a worker, and for how long already.
func (c *census) backlog(ctx context.Context, queue string) (tasks int64, age time.Duration, err error) {
	for _, kind := range []enumspb.TaskQueueType{enumspb.TASK_QUEUE_TYPE_WORKFLOW, enumspb.TASK_QUEUE_TYPE_ACTIVITY} {
		described, err := c.needs.temporal.WorkflowService().DescribeTaskQueue(ctx, &workflowservice.DescribeTaskQueueRequest{
			Namespace: c.needs.temporalNamespace, TaskQueue: &taskqueuepb.TaskQueue{Name: queue}, TaskQueueType: kind, ReportStats: true,
		})
		if err != nil {
			return 0, 0, fmt.Errorf("describe task queue %s: %w", queue, err)
		}
		tasks += described.GetStats().GetApproximateBacklogCount()
		age = max(age, described.GetStats().GetApproximateBacklogAge().AsDuration())
	}
	return tasks, age, nil
}

func (c *census) lookAtSandboxes(ctx context.Context) error {
	owner := activities.Owner{Cluster: c.needs.cluster, Namespace: c.needs.namespace}
	live := 0
	for _, err := range c.needs.daytona.ListSandboxes(ctx, daytona.ListOptions{Labels: owner.OwnLabels()}) {
		if err != nil {
			return fmt.Errorf("list sandboxes: %w", err)
		}
		live++
	}
	c.metrics.Live(live)
	return nil
}
