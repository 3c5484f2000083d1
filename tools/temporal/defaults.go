package main

import (
	"maps"
	"time"

	"go.temporal.io/server/common/dynamicconfig"
)

// pollRPS lifts the rate at which a history shard may look at its queues. The stock 20 a second costs 50 ms a hop once the
// burst is used up, since all of a dev server's workflows share one shard: a workflow of five activities that do nothing took
// 300 ms at 20 and 40 ms at 2000 (server 1.32.1, 2 cores; five children: 1,050 and 93 ms; signal to result: 26 and 8 ms).
const pollRPS = 2000

// timerShift is the least time from which on a new timer may fire. At the stock second, a timer of 1 ms and a retry after 50 ms
// took 1,006 ms each; at 10 ms they take 15 to 20 ms (server 1.32.1, 2 cores).
const timerShift = 10 * time.Millisecond

// longPoll is how long a call that waits for a workflow's next event or end waits before it answers "nothing yet" and the client
// asks again. The server may lose the wake-up of a waiting call when two events come in quick succession (each waiter has a
// buffer of one and the second is dropped: service/history/events/notifier.go), and then this is the delay that the client
// sees: at the stock 20 s, 1 of about 500 workflows on a busy machine seemed to take 20 s and had ended after 150 ms.
const longPoll = time.Second

// dynamicDefaults are the settings in which this server differs from a stock one. --dynamic-config-value overrides each.
func dynamicDefaults() map[string]any {
	return map[string]any{
		// Latency; the constants above give the measurements.
		"history.transferProcessorMaxPollRPS":   pollRPS,
		"history.timerProcessorMaxPollRPS":      pollRPS,
		"history.visibilityProcessorMaxPollRPS": pollRPS,
		"history.outboundProcessorMaxPollRPS":   pollRPS,
		"history.timerProcessorMaxTimeShift":    timerShift,
		"history.longPollExpirationInterval":    longPoll,

		// Slots are handed out fairly between campaigns. Fairness and priority hold per partition, so a queue has one; a single
		// partition serves some hundred tasks a second, more than this machine can run.
		"matching.enableFairness":              true,
		"matching.numTaskqueueReadPartitions":  1,
		"matching.numTaskqueueWritePartitions": 1,

		// A search attribute can be used as soon as it was created. That reads the database on each use, so the limits on
		// database reads rise with it (ratios as in the stock settings).
		"system.forceSearchAttributesCacheRefreshOnRead": true,
		"frontend.persistenceMaxQPS":                     10000,
		"history.persistenceMaxQPS":                      45000,
		"frontend.namespaceRPS.visibility":               100,
		"frontend.namespaceRPS":                          10000,
		"history.hostLevelCacheMaxSize":                  8096,  // workflows kept in memory, stock 128,000
		"frontend.enableServerVersionCheck":              false, // reports to a server of the maker's
	}
}

// dynamicConfig is dynamicDefaults with the command line's values over it.
func dynamicConfig(overrides map[string]any) dynamicconfig.StaticClient {
	values := dynamicDefaults()
	maps.Copy(values, overrides)
	client := make(dynamicconfig.StaticClient, len(values))
	for key, value := range values {
		client[dynamicconfig.MakeKey(key)] = value
	}
	return client
}
