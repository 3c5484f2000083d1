package temporalclient

import (
	"context"
	"errors"
	"fmt"

	"go.temporal.io/api/serviceerror"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/client"
)

// Identity is what tells this Temporal namespace from every other: the cluster's ID and the namespace's UUID. Names of
// sandboxes and their labels are made of them. A service that keeps its cluster ID to itself is known by the namespace's
// UUID alone, which is random, and which then stands for both.
func Identity(ctx context.Context, c client.Client, namespace string) (clusterID, namespaceID string, err error) {
	described, err := c.WorkflowService().DescribeNamespace(ctx, &workflowservice.DescribeNamespaceRequest{Namespace: namespace})
	var unknown *serviceerror.NamespaceNotFound
	if errors.As(err, &unknown) {
		return "", "", fmt.Errorf("read Temporal namespace %s: it does not exist there: create it, or set TEMPORAL_NAMESPACE: %w", namespace, err)
	}
	if err != nil {
		return "", "", fmt.Errorf("read Temporal namespace %s: %w", namespace, err)
	}
	namespaceID = described.GetNamespaceInfo().GetId()
	if namespaceID == "" {
		return "", "", fmt.Errorf("read Temporal namespace %s: the answer has no id", namespace)
	}
	cluster, err := c.WorkflowService().GetClusterInfo(ctx, &workflowservice.GetClusterInfoRequest{})
	switch {
	case keptBack(err), err == nil && cluster.GetClusterId() == "":
		return namespaceID, namespaceID, nil
	case err != nil:
		return "", "", fmt.Errorf("read Temporal's cluster ID: %w", err)
	}
	return cluster.GetClusterId(), namespaceID, nil
}

func keptBack(err error) bool {
	var denied *serviceerror.PermissionDenied
	var unimplemented *serviceerror.Unimplemented
	return errors.As(err, &denied) || errors.As(err, &unimplemented)
}
