package main

import (
	"context"
	"fmt"
	"time"

	"go.temporal.io/api/enums/v1"
	"go.temporal.io/api/operatorservice/v1"
	"go.temporal.io/api/workflowservice/v1"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
)

const (
	readyTimeout = 60 * time.Second      // a cold start takes 1 s here; the bound is for a machine under load
	readyPoll    = 20 * time.Millisecond // between two looks
)

// waitReady returns once each namespace answers and has its search attributes.
func waitReady(ctx context.Context, opts Options) error {
	ctx, cancel := context.WithTimeout(ctx, readyTimeout)
	defer cancel()
	conn, err := grpc.NewClient(opts.frontendAddress(), grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		return fmt.Errorf("reach Temporal at %s: %w", opts.frontendAddress(), err)
	}
	defer conn.Close()
	for _, namespace := range opts.Namespaces {
		if err := waitNamespace(ctx, conn, namespace); err != nil {
			return err
		}
		if err := addSearchAttributes(ctx, conn, namespace, opts.SearchAttributes); err != nil {
			return err
		}
	}
	return nil
}

func waitNamespace(ctx context.Context, conn *grpc.ClientConn, namespace string) error {
	client := workflowservice.NewWorkflowServiceClient(conn)
	for {
		_, err := client.DescribeNamespace(ctx, &workflowservice.DescribeNamespaceRequest{Namespace: namespace})
		if err == nil {
			return nil
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("wait for namespace %s: %w (last answer: %w)", namespace, ctx.Err(), err)
		case <-time.After(readyPoll):
		}
	}
}

// addSearchAttributes adds those that namespace lacks: a namespace of an older database was made before they were wanted.
func addSearchAttributes(ctx context.Context, conn *grpc.ClientConn, namespace string, wanted map[string]enums.IndexedValueType) error {
	if len(wanted) == 0 {
		return nil
	}
	client := operatorservice.NewOperatorServiceClient(conn)
	present, err := client.ListSearchAttributes(ctx, &operatorservice.ListSearchAttributesRequest{Namespace: namespace})
	if err != nil {
		return fmt.Errorf("list search attributes of %s: %w", namespace, err)
	}
	missing := map[string]enums.IndexedValueType{}
	for name, kind := range wanted {
		have, found := present.GetCustomAttributes()[name]
		switch {
		case !found:
			missing[name] = kind
		case have != kind:
			return fmt.Errorf("search attribute %s of namespace %s is a %s, and cannot become a %s", name, namespace, have, kind)
		}
	}
	if len(missing) == 0 {
		return nil
	}
	_, err = client.AddSearchAttributes(ctx, &operatorservice.AddSearchAttributesRequest{Namespace: namespace, SearchAttributes: missing})
	if err != nil {
		return fmt.Errorf("add search attributes to %s: %w", namespace, err)
	}
	return nil
}
