package results

import (
	"cmp"
	"context"
	"errors"
	"regexp"
	"slices"
	"strings"

	"pitwall/internal/artifact"
)

// startedAt ends the name of a campaign that a schedule started, or one that was given no name: nightly-2026-11-22T030000Z,
// humaneval-20261122-030000.
var startedAt = regexp.MustCompile(`-(?:\d{4}-\d{2}-\d{2}T\d{6}Z|\d{8}-\d{6})$`)

// SeriesName is what the campaigns of one schedule, or of one file, have in common; the name itself where it ends in no time.
func SeriesName(campaign string) string {
	root, _ := artifact.SplitRetry(campaign)
	return startedAt.ReplaceAllString(root, "")
}

// Series reads the campaigns of the same series that finished, in the order of their nights: the last most of them whose night
// is no later than that of the campaign itself. One that cannot be read is left out. It reads no trial.
func Series(ctx context.Context, store *artifact.Store, campaign Campaign, most int) ([]Campaign, error) {
	series := SeriesName(campaign.Campaign)
	var names []string
	for dir, err := range store.ListDirs(ctx, artifact.CampaignsPrefix) {
		if err != nil {
			return nil, err
		}
		key := strings.TrimSuffix(strings.TrimPrefix(dir.Key, artifact.CampaignsPrefix), "/")
		if SeriesName(key) == artifact.EscapeName(series) { // times are not escaped
			names = append(names, dir.Key)
		}
	}
	// Times in names are in their order, of names of one form; the campaign's own night may be long ago.
	root, _ := artifact.SplitRetry(campaign.Campaign)
	own := artifact.Campaign(root) + "/"
	names = slices.DeleteFunc(names, func(name string) bool { return len(name) == len(own) && name > own })
	names = names[max(0, len(names)-maxSeries):]
	var found []Campaign
	for _, key := range names {
		header, err := ReadHeaderAt(ctx, store, key+artifact.ManifestName)
		if err != nil {
			if ctx.Err() != nil {
				return nil, ctx.Err()
			}
			continue
		}
		one, err := ReadCampaign(ctx, store, header.Campaign)
		if err != nil && !errors.Is(err, artifact.ErrNotFound) && ctx.Err() != nil {
			return nil, ctx.Err()
		}
		if err == nil && one.Summary != nil && !later(one, campaign) {
			found = append(found, one)
		}
	}
	slices.SortStableFunc(found, func(a, b Campaign) int {
		return cmp.Or(a.Summary.Night().Compare(b.Summary.Night()), cmp.Compare(a.Campaign, b.Campaign))
	})
	return found[max(0, len(found)-most):], nil
}

// maxSeries bounds how many campaigns' headers are read: a year of nights.
const maxSeries = 366

func later(a, b Campaign) bool {
	return b.Summary != nil && a.Summary.Night().After(b.Summary.Night())
}
