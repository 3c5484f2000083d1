package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/spf13/cobra"
	"go.temporal.io/api/enums/v1"
	"go.temporal.io/api/operatorservice/v1"
	"go.temporal.io/api/serviceerror"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/client"
	"google.golang.org/protobuf/types/known/durationpb"

	"pitwall/internal/spec"
	"pitwall/workflows"
)

// namespaceWait bounds how long a new namespace takes to be served: each of Temporal's processes reads the list of them anew
// every 2 s (namespace refresh interval), and a cluster that only starts may refuse for a while.
const namespaceWait = 2 * time.Minute

func namespaceCommand(term *terminal) *cobra.Command {
	retention := spec.Duration(7 * 24 * time.Hour)
	cmd := &cobra.Command{
		Use:   "namespace",
		Short: "Create the Temporal namespace and its search attributes when they are missing",
		Long: `Create the namespace that TEMPORAL_NAMESPACE names and Pitwall's search attributes when they are missing, and wait until
the namespace is served. Safe to run again: what exists is left as it is. In Temporal Cloud both are made in its console.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return ensureNamespace(cmd.Context(), term, retention) },
	}
	cmd.Flags().TextVar(&retention, "retention", retention, "how `long` Temporal keeps a closed workflow's history, such as 7d; Pitwall's results outlive it")
	return cmd
}

func ensureNamespace(ctx context.Context, term *terminal, retention spec.Duration) error {
	target, err := loadDeployment(term)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, namespaceWait)
	defer cancel()
	temporal, err := dialTemporal(ctx, target)
	if err != nil {
		return err
	}
	defer temporal.Close()
	name := target.namespace()
	made, err := registerNamespace(ctx, temporal, name, retention)
	if err != nil {
		return err
	}
	if err := waitForNamespace(ctx, temporal, name); err != nil {
		return err
	}
	if err := addSearchAttributes(ctx, temporal, name); err != nil {
		return err
	}
	if term.wantsJSON() {
		return term.printJSON(map[string]any{"namespace": name, "created": made})
	}
	if made {
		term.printf("namespace %s created; closed workflows are kept for %s\n", name, retention)
	} else {
		term.printf("namespace %s is there\n", name)
	}
	return nil
}

func registerNamespace(ctx context.Context, temporal client.Client, name string, retention spec.Duration) (made bool, err error) {
	_, err = temporal.WorkflowService().RegisterNamespace(ctx, &workflowservice.RegisterNamespaceRequest{
		Namespace: name, WorkflowExecutionRetentionPeriod: durationpb.New(retention.Std()), Description: "Pitwall",
	})
	var denied *serviceerror.PermissionDenied
	switch {
	case err == nil:
		return true, nil
	case errors.As(err, new(*serviceerror.NamespaceAlreadyExists)):
		return false, nil
	case errors.As(err, &denied):
		return false, &UsageError{Err: fmt.Errorf("create namespace %s: %w", name, err), Hint: "have it made by whoever may; in Temporal Cloud by its console"}
	}
	return false, &InfraError{Err: fmt.Errorf("create namespace %s: %w", name, err)}
}

// waitForNamespace asks for something of the namespace until it is served.
func waitForNamespace(ctx context.Context, temporal client.Client, name string) error {
	for {
		_, err := temporal.CountWorkflow(ctx, &workflowservice.CountWorkflowExecutionsRequest{Namespace: name})
		if err == nil {
			return nil
		}
		select {
		case <-ctx.Done():
			return &InfraError{Err: fmt.Errorf("wait for namespace %s: %w", name, err)}
		case <-time.After(time.Second):
		}
	}
}

func addSearchAttributes(ctx context.Context, temporal client.Client, name string) error {
	missing, err := workflows.MissingSearchAttributes(ctx, temporal, name)
	if err != nil {
		return &InfraError{Err: err}
	}
	if len(missing) == 0 {
		return nil
	}
	request := &operatorservice.AddSearchAttributesRequest{Namespace: name, SearchAttributes: map[string]enums.IndexedValueType{}}
	for _, attribute := range missing {
		request.SearchAttributes[attribute] = enums.INDEXED_VALUE_TYPE_KEYWORD
	}
	if _, err := temporal.OperatorService().AddSearchAttributes(ctx, request); err != nil {
		return &InfraError{Err: fmt.Errorf("add search attributes to namespace %s: %w", name, err)}
	}
	return nil
}
