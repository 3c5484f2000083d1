package retention

import (
	"context"
	"errors"
	"slices"
	"strings"
	"time"

	"pitwall/internal/artifact"
	"pitwall/internal/results"
)

const (
	// maxObjects bounds what one pass removes; the next one goes on. At some 1 ms each in a folder, 20 ms in a bucket, that is
	// minutes to half an hour.
	maxObjects = 100_000
	// maxDecisions bounds how many decisions a report lists.
	maxDecisions = 200
)

// Pass is one look at everything in a store.
type Pass struct {
	Store *artifact.Store
	// Retain is for campaigns that name none and for evals of no campaign; 0: for ever.
	Retain time.Duration
	Now    time.Time
	// DryRun decides and removes nothing.
	DryRun bool
	// Limit is how many objects may be removed; 0: 100,000.
	Limit int
}

// Decision is about one campaign, with its retries, or one eval of no campaign.
type Decision struct {
	Campaign string `json:"campaign,omitempty"`
	// Eval is the prefix of an eval in the store.
	Eval   string `json:"eval,omitempty"`
	Remove bool   `json:"remove"`
	Reason string `json:"reason"`
	// Objects and Bytes that were removed, or would be.
	Objects int   `json:"objects,omitempty"`
	Bytes   int64 `json:"bytes,omitempty"`
}

// Report is what a pass decided and did.
type Report struct {
	DryRun bool      `json:"dry_run"`
	Now    time.Time `json:"now"`
	// Decisions: what is removed first, up to 200.
	Decisions []Decision `json:"decisions"`
	Kept      int        `json:"n_kept"`
	Removed   int        `json:"n_removed"`
	Objects   int        `json:"objects"`
	Bytes     int64      `json:"bytes"`
	// Unread are campaigns that could not be read, and were kept for that.
	Unread int `json:"n_unread"`
	// More: the pass ended at its bound; the next one goes on.
	More bool `json:"more"`

	kept []Decision
}

// errEnough ends a pass at its bound.
var errEnough = errors.New("enough for one pass")

// Run decides about every campaign and eval, and removes what has expired. Whatever it cannot read it keeps. Returns the
// store's errors, with what was done until then.
func (p Pass) Run(ctx context.Context) (Report, error) {
	if p.Limit <= 0 {
		p.Limit = maxObjects
	}
	report := Report{DryRun: p.DryRun, Now: p.Now}
	keep, err := readKeepers(ctx, p.Store)
	if err == nil {
		err = p.campaigns(ctx, &report, keep)
	}
	if err == nil {
		err = p.evals(ctx, &report)
	}
	if errors.Is(err, errEnough) {
		report.More, err = true, nil
	}
	report.Decisions = append(report.Decisions, report.kept[:min(len(report.kept), maxDecisions-len(report.Decisions))]...)
	return report, err
}

func (p Pass) campaigns(ctx context.Context, report *Report, keep keepers) error {
	for dir, err := range p.Store.ListDirs(ctx, artifact.CampaignsPrefix) {
		if err != nil {
			return err
		}
		if err := p.campaign(ctx, report, keep, dir.Key); err != nil {
			return err
		}
	}
	return nil
}

// campaign decides about a campaign, its retries and its extensions together, from the manifest that says their name.
func (p Pass) campaign(ctx context.Context, report *Report, keep keepers, dir string) error {
	header, err := results.ReadHeaderAt(ctx, p.Store, dir+artifact.ManifestName)
	if errors.Is(err, artifact.ErrNotFound) {
		return nil // it broke off before it had a manifest
	}
	if err != nil {
		report.Unread++
		return ctx.Err()
	}
	found := record{finished: true, retain: header.Effective.Retain.Std(), keptBy: keep[root(header.Campaign)]}
	if found.retain == 0 {
		found.retain = p.Retain
	}
	parts, err := results.Parts(ctx, p.Store, header.Campaign)
	if err != nil {
		return err
	}
	for _, part := range parts {
		summary, err := results.ReadSummary(ctx, p.Store, part)
		if errors.Is(err, artifact.ErrNotFound) {
			found.finished = false
		} else if err != nil {
			report.Unread++
			return ctx.Err()
		}
		if summary.FinishedAt.After(found.ended) {
			found.ended = summary.FinishedAt
		}
	}
	if !found.finished {
		if found.ended, err = lastWritten(ctx, p.Store, dir); err != nil {
			return err
		}
	}
	decision := Decision{Campaign: header.Campaign}
	decision.Remove, decision.Reason = judge(found, p.Now)
	if decision.Remove { // a pass may last an hour, and somebody may have pinned it meanwhile
		pin, err := ReadPin(ctx, p.Store, header.Campaign)
		if err == nil {
			found.keptBy = pin.keeps()
			decision.Remove, decision.Reason = judge(found, p.Now)
		} else if !errors.Is(err, artifact.ErrNotFound) {
			return err
		}
	}
	return p.carryOut(ctx, report, decision, dir, dir+artifact.ManifestName)
}

func (p Pass) evals(ctx context.Context, report *Report) error {
	for dir, err := range p.Store.ListDirs(ctx, artifact.EvalsPrefix) {
		if err != nil {
			return err
		}
		found := record{retain: p.Retain}
		var result struct {
			FinishedAt time.Time `json:"finished_at"`
		}
		resultKey := artifact.Result(dir.Key[:len(dir.Key)-1])
		switch err := p.Store.ReadJSON(ctx, resultKey, &result); {
		case err == nil:
			found.ended, found.finished = result.FinishedAt, true
		case errors.Is(err, artifact.ErrNotFound):
			if found.ended, err = lastWritten(ctx, p.Store, dir.Key); err != nil {
				return err
			}
		default:
			report.Unread++
			if ctx.Err() != nil {
				return ctx.Err()
			}
			continue
		}
		decision := Decision{Eval: dir.Key}
		decision.Remove, decision.Reason = judge(found, p.Now)
		if err := p.carryOut(ctx, report, decision, dir.Key, resultKey); err != nil {
			return err
		}
	}
	return nil
}

func lastWritten(ctx context.Context, store *artifact.Store, prefix string) (time.Time, error) {
	var last time.Time
	for entry, err := range store.List(ctx, prefix) {
		if err != nil {
			return time.Time{}, err
		}
		if entry.ModTime.After(last) {
			last = entry.ModTime
		}
	}
	return last, nil
}

// carryOut notes a decision and removes what it says. The object that names the record is removed last, so that a pass which
// breaks off is found again.
func (p Pass) carryOut(ctx context.Context, report *Report, decision Decision, prefix, last string) error {
	if !decision.Remove {
		report.Kept++
		if len(report.kept) < maxDecisions {
			report.kept = append(report.kept, decision)
		}
		return nil
	}
	deleted, err := p.begun(ctx, decision)
	if err == nil {
		decision.Objects, decision.Bytes, err = p.remove(ctx, prefix, last, p.Limit-report.Objects)
		deleted.Objects, deleted.Bytes, deleted.Complete = deleted.Objects+decision.Objects, deleted.Bytes+decision.Bytes, err == nil
		err = errors.Join(err, p.mark(ctx, deleted))
	}
	report.Objects += decision.Objects
	report.Bytes += decision.Bytes
	if err == nil {
		report.Removed++
	}
	if err == nil && !p.DryRun {
		p.Store.Prune(prefix)
	}
	if len(report.Decisions) < maxDecisions {
		report.Decisions = append(report.Decisions, decision)
	}
	return err
}

// begun marks a campaign as being removed, and returns the mark, with what earlier passes removed of it.
func (p Pass) begun(ctx context.Context, decision Decision) (Deleted, error) {
	deleted := Deleted{Campaign: decision.Campaign, Reason: decision.Reason, At: p.Now}
	if decision.Campaign == "" {
		return deleted, nil
	}
	if earlier, err := ReadDeleted(ctx, p.Store, decision.Campaign); err == nil && !earlier.Complete {
		deleted.Objects, deleted.Bytes = earlier.Objects, earlier.Bytes
	}
	return deleted, p.mark(ctx, deleted)
}

// mark writes what became of a campaign; evals of none have no mark.
func (p Pass) mark(ctx context.Context, deleted Deleted) error {
	if p.DryRun || deleted.Campaign == "" {
		return nil
	}
	_, err := p.Store.OverwriteJSON(ctx, key(deletedPrefix, root(deleted.Campaign)), deleted)
	return err
}

// remove keeps what a record is judged by until all else is gone, within the limit: a pass that breaks off is found again,
// and judged the same.
func (p Pass) remove(ctx context.Context, prefix, last string, limit int) (objects int, bytes int64, err error) {
	var judgedBy []artifact.Entry
	for entry, err := range p.Store.List(ctx, prefix) {
		if err != nil {
			return objects, bytes, err
		}
		if entry.Key == last || isOfCampaign(entry.Key, prefix) {
			judgedBy = append(judgedBy, entry)
			continue
		}
		if objects >= limit {
			return objects, bytes, errEnough
		}
		if err := p.delete(ctx, entry.Key); err != nil {
			return objects, bytes, err
		}
		objects, bytes = objects+1, bytes+entry.Bytes
	}
	// Manifests of retries, then summaries, then the manifest by which it is found.
	slices.SortStableFunc(judgedBy, func(a, b artifact.Entry) int { return rank(a.Key, last) - rank(b.Key, last) })
	for _, entry := range judgedBy {
		if err := p.delete(ctx, entry.Key); err != nil {
			return objects, bytes, err
		}
		objects, bytes = objects+1, bytes+entry.Bytes
	}
	return objects, bytes, nil
}

// isOfCampaign: the key is of a campaign's or a retry's own records, not of a trial's.
func isOfCampaign(key, prefix string) bool {
	return strings.HasPrefix(prefix, artifact.CampaignsPrefix) && !strings.HasPrefix(key, prefix+"trials/")
}

func rank(key, last string) int {
	switch {
	case key == last:
		return 2
	case strings.HasSuffix(key, "/"+artifact.ManifestName):
		return 0
	}
	return 1
}

func (p Pass) delete(ctx context.Context, key string) error {
	if p.DryRun {
		return ctx.Err()
	}
	err := p.Store.Delete(ctx, key)
	if errors.Is(err, artifact.ErrNotFound) {
		return nil // another pass
	}
	return err
}
