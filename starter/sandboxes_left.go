package main

import (
	"context"
	"time"

	"go.temporal.io/sdk/client"

	"pitwall/activities"
	"pitwall/internal/daytona"
	"pitwall/internal/temporalclient"
)

// leftBound is how long a campaign's end waits for its last sandboxes: the promise is 10 s after an eval's end.
const leftBound = 15 * time.Second

// awaitNoSandboxes asks the provider how many sandboxes of a campaign are left, until none is or the bound is over. Nil
// when it could not be asked.
func awaitNoSandboxes(ctx context.Context, term *terminal, target deployment, temporal client.Client, campaign string) *int {
	provider, err := newProvider(target)
	if err != nil {
		term.note("sandboxes left: unknown (%v)", err)
		return nil
	}
	defer provider.CloseIdle()
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), leftBound)
	defer cancel()
	cluster, namespace, err := temporalclient.Identity(ctx, temporal, target.namespace())
	if err != nil {
		term.note("sandboxes left: unknown (%v)", err)
		return nil
	}
	labels := activities.Owner{Cluster: cluster, Namespace: namespace}.OwnLabels() // others of the account may have a campaign of that name
	labels[activities.LabelCampaign] = campaign
	for {
		left, err := countSandboxes(ctx, provider, labels)
		if err != nil && left == 0 {
			term.note("sandboxes left: unknown (%v)", err)
			return nil
		}
		if left == 0 || !poll(ctx, progressEvery) {
			return &left
		}
	}
}

// countSandboxes counts what the provider lists with these labels and does not call destroyed.
func countSandboxes(ctx context.Context, provider *daytona.Client, labels map[string]string) (int, error) {
	count := 0
	for sandbox, err := range provider.ListSandboxes(ctx, daytona.ListOptions{Labels: labels}) {
		if err != nil {
			return count, err
		}
		if sandbox.State != daytona.StateDestroyed {
			count++
		}
	}
	return count, nil
}
