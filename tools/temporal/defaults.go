package main

import (
	"maps"

	"go.temporal.io/server/common/dynamicconfig"
)

// pollRPS lifts the rate at which a history shard may look at its queues. The stock 20 a second costs 50 ms a hop once the
// burst is used up, since all of a dev server's workflows share one shard: a workflow of five activities that do nothing took
// 550 ms at 20 and 44 ms at 2000 (server 1.29.1 and 1.32.1, 2 cores).
const pollRPS = 2000

// dynamicDefaults are the settings in which this server differs from a stock one. --dynamic-config-value overrides each.
func dynamicDefaults() map[string]any {
	return map[string]any{
		// Hop latency, see pollRPS.
		"history.transferProcessorMaxPollRPS":   pollRPS,
		"history.timerProcessorMaxPollRPS":      pollRPS,
		"history.visibilityProcessorMaxPollRPS": pollRPS,
		"history.outboundProcessorMaxPollRPS":   pollRPS,

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
