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
	"pitwall/internal/retention"
	"pitwall/internal/spec"
)

// resultKey matches the keys of results, and not that of a job's artifact of the same name.
var resultKey = regexp.MustCompile(`^(evals/[^/]+|campaigns/[^/]+/trials/[^/]+/\d+(/r\d+)?)/result\.json$`)

// storeSkew is how much earlier than the provider's a store's clock may be.
const storeSkew = 10 * time.Minute

// readStore reads every result.json that was written since the range began, and those that evals returned the address of.
func (c *auditCollector) readStore(ctx context.Context) error {
	if c.store == nil {
		return c.storeErr
	}
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
	err = eachAtOnce(ctx, all, func(ctx context.Context, prefix string) error {
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
	if err != nil {
		return err
	}
	return c.readExpired(ctx)
}

// readExpired looks for why results are not in the store any more: retention notes which campaigns it removed; an eval of no
// campaign is kept for a known time.
func (c *auditCollector) readExpired(ctx context.Context) error {
	stored := map[string]bool{}
	for _, result := range c.Results {
		stored[result.EvalID] = true
	}
	removed := map[string]retention.Deleted{}
	c.Expired = map[string]string{}
	for _, eval := range c.Evals {
		if eval.Result == nil || stored[eval.ID] {
			continue
		}
		trial := eval.Result.Trial
		if trial == nil {
			if until := eval.ClosedAt.Add(c.retain); c.retain > 0 && until.Before(time.Now()) {
				c.Expired[eval.ID] = "its result was kept until " + until.UTC().Format(time.RFC3339)
			}
			continue
		}
		of, asked := removed[trial.Campaign]
		if !asked {
			var err error
			if of, err = retention.ReadDeleted(ctx, c.store, trial.Campaign); err != nil && !errors.Is(err, artifact.ErrNotFound) {
				return err
			}
			removed[trial.Campaign] = of
		}
		if of.At.After(eval.ClosedAt) {
			c.Expired[eval.ID] = fmt.Sprintf("the records of its campaign were removed on %s", of.At.UTC().Format(time.RFC3339))
		}
	}
	return nil
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
