package main

import (
	"context"
	"errors"
	"fmt"
	"path"
	"regexp"
	"strings"
	"time"

	"pitwall/internal/artifact"
	"pitwall/internal/audit"
	"pitwall/internal/results"
	"pitwall/internal/spec"
)

// resultKey matches the keys of results, and not that of a job's artifact of the same name.
var resultKey = regexp.MustCompile(`^(evals/[^/]+|campaigns/[^/]+/trials/[^/]+/\d+(/r\d+)?)/result\.json$`)

// storeSkew is how much earlier than the provider's a store's clock may be.
const storeSkew = 10 * time.Minute

// readStore reads every result.json that was written since the range began, and those that evals returned the address of.
func (c *auditCollector) readStore(ctx context.Context) error {
	prefixes, err := c.resultsSince(ctx, c.Since.Add(-storeSkew))
	if err != nil {
		return err
	}
	for _, prefix := range returned(c.Evals) {
		prefixes[prefix] = true
	}
	var all []string
	for prefix := range prefixes {
		all = append(all, prefix)
	}
	return eachAtOnce(ctx, all, func(ctx context.Context, prefix string) error {
		result, err := results.ReadResult(ctx, c.store, prefix)
		if errors.Is(err, artifact.ErrNotFound) {
			return nil // the audit finds that it is missing
		}
		if err != nil {
			return err
		}
		c.mu.Lock()
		defer c.mu.Unlock()
		c.Results = append(c.Results, slim(result))
		return nil
	})
}

// slim drops what the audit does not read and a result may hold much of.
func slim(result spec.EvalResult) spec.EvalResult {
	if result.Trial != nil {
		result.Job, result.Artifacts, result.ArtifactManifest = nil, nil, nil
	}
	return result
}

func (c *auditCollector) resultsSince(ctx context.Context, since time.Time) (map[string]bool, error) {
	prefixes := map[string]bool{}
	looked := 0
	for _, root := range []string{"evals/", artifact.CampaignsPrefix} {
		for entry, err := range c.store.List(ctx, root) {
			if err != nil {
				return nil, err
			}
			if looked++; looked > maxAuditKeys {
				return nil, fmt.Errorf("it holds more than %d objects", maxAuditKeys)
			}
			if !entry.ModTime.Before(since) && resultKey.MatchString(entry.Key) {
				prefixes[path.Dir(entry.Key)] = true
			}
		}
	}
	return prefixes, nil
}

// returned are the prefixes of the results that evals returned.
func returned(evals []audit.Eval) []string {
	var prefixes []string
	for _, eval := range evals {
		if eval.Result == nil {
			continue
		}
		if key, err := artifact.Key(eval.Result.ResultURI); err == nil && strings.HasSuffix(key, "/result.json") {
			prefixes = append(prefixes, path.Dir(key))
		}
	}
	return prefixes
}
