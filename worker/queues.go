package main

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/worker"

	"pitwall/activities"
	"pitwall/workflows"
)

// What --queues chooses from.
const (
	queueWorkflows = "workflows"
	queueJobs      = "jobs"
	queueSlots     = "slots"
	queueCleanup   = "cleanup"
)

func allQueues() []string { return []string{queueWorkflows, queueJobs, queueSlots, queueCleanup} }

// parseQueues reads a list such as "jobs,cleanup"; each name counts once.
func parseQueues(list string) ([]string, error) {
	var chosen []string
	for name := range strings.SplitSeq(list, ",") {
		name = strings.TrimSpace(name)
		if !slices.Contains(allQueues(), name) {
			return nil, fmt.Errorf("unknown queue %q in --queues: the queues are %s", name, strings.Join(allQueues(), ", "))
		}
		if !slices.Contains(chosen, name) {
			chosen = append(chosen, name)
		}
	}
	return chosen, nil
}

// Sizes.
const (
	// A cancelled RunJob or AcquireSlot hears of it with a heartbeat's answer. The SDK sends one at most every 0.8 of the
	// heartbeat timeout, and at most this apart: the promise is removal within 10 s of a cancel.
	heartbeatThrottle = 2 * time.Second
	// stopTimeout lets short activities finish. Long ones watch the stop channel, which closes at once.
	stopTimeout = 15 * time.Second
	maxJobs     = 200
	// A poller takes one task at a time; two, the SDK's default, make a queue of short tasks wait at many starts at once.
	maxJobPollers  = 16
	shortPollers   = 8
	cleanupPollers = 8
	shortSize      = 100
	// A removal that the provider does not finish keeps its place for as long as its slot, so there is one for each slot
	// and these beside them: however many are stuck, the next removal and the reaper find room.
	cleanupSpare = 100
)

// common is what every queue's worker has. The default panic policy (block the workflow) stays: a bug must not fail an
// eval, and with it forget a sandbox, where a fixed worker could go on.
func common(watch *watch) worker.Options {
	return worker.Options{
		WorkerStopTimeout:            stopTimeout,
		MaxHeartbeatThrottleInterval: heartbeatThrottle,
		Interceptors:                 watch.interceptors(),
	}
}

// newWorker builds the SDK worker of one queue. onFatal hears of an error after which it serves no more.
func newWorker(temporal client.Client, set *activities.Set, queue string, setup setup, watch *watch, onFatal func(error)) worker.Worker {
	options := common(watch)
	options.OnFatalError = onFatal
	switch queue {
	case queueWorkflows:
		options.MaxConcurrentActivityExecutionSize = shortSize
		options.MaxConcurrentActivityTaskPollers = shortPollers
		options.MaxConcurrentWorkflowTaskPollers = shortPollers
		served := worker.New(temporal, workflows.TaskQueue, options)
		workflows.Register(served)
		set.RegisterShort(served)
		return served
	case queueJobs:
		size := min(2*setup.config.MaxParallelSandboxes, maxJobs)
		options.DisableWorkflowWorker = true
		options.MaxConcurrentActivityExecutionSize = size
		options.MaxConcurrentActivityTaskPollers = min(size, maxJobPollers)
		served := worker.New(temporal, workflows.JobsQueue, options)
		set.RegisterJobs(served)
		return served
	case queueSlots:
		options.DisableWorkflowWorker = true
		// One at a time: the queue is the waiting line, in the order of priority and fairness.
		options.MaxConcurrentActivityExecutionSize = 1
		options.MaxConcurrentActivityTaskPollers = 1
		served := worker.New(temporal, workflows.SlotsQueue(setup.config.Account()), options)
		set.RegisterSlots(served)
		return served
	default:
		options.MaxConcurrentActivityExecutionSize = setup.config.MaxParallelSandboxes + cleanupSpare
		options.MaxConcurrentActivityTaskPollers = cleanupPollers
		served := worker.New(temporal, workflows.CleanupQueue, options)
		workflows.RegisterCleanup(served)
		set.RegisterCleanup(served)
		return served
	}
}
