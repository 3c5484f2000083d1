package retention

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"pitwall/internal/artifact"
	"pitwall/internal/results"
)

const (
	pinsPrefix      = "pins/"
	baselinesPrefix = "baselines/"
	deletedPrefix   = "deleted/"
)

// Pin keeps a campaign, with its retries, until it is unpinned.
type Pin struct {
	Campaign string    `json:"campaign"`
	Reason   string    `json:"reason,omitempty"`
	By       string    `json:"by,omitempty"`
	At       time.Time `json:"at"`
}

// keeps says what keeps the campaign.
func (p Pin) keeps() string {
	if p.Reason == "" {
		return "a pin"
	}
	return "a pin: " + p.Reason
}

// WritePin pins a campaign; again is fine.
func WritePin(ctx context.Context, store *artifact.Store, pin Pin) error {
	_, err := store.OverwriteJSON(ctx, key(pinsPrefix, root(pin.Campaign)), pin)
	return err
}

// RemovePin unpins a campaign. Returns artifact.ErrNotFound when it was not pinned.
func RemovePin(ctx context.Context, store *artifact.Store, campaign string) error {
	return store.Delete(ctx, key(pinsPrefix, root(campaign)))
}

// ReadPin returns artifact.ErrNotFound when the campaign is not pinned.
func ReadPin(ctx context.Context, store *artifact.Store, campaign string) (Pin, error) {
	var pin Pin
	err := store.ReadJSON(ctx, key(pinsPrefix, root(campaign)), &pin)
	return pin, err
}

// Baseline is the campaign with which others of a name are compared.
type Baseline struct {
	Name     string `json:"name"`
	Campaign string `json:"campaign"`
	// At is the time of the campaign's schedule, else its start: a later one's takes its place.
	At time.Time `json:"at"`
}

// WriteBaseline makes a campaign the baseline of a name.
func WriteBaseline(ctx context.Context, store *artifact.Store, baseline Baseline) error {
	_, err := store.OverwriteJSON(ctx, key(baselinesPrefix, baseline.Name), baseline)
	return err
}

// ReadBaseline returns artifact.ErrNotFound when there is none of that name.
func ReadBaseline(ctx context.Context, store *artifact.Store, name string) (Baseline, error) {
	var baseline Baseline
	err := store.ReadJSON(ctx, key(baselinesPrefix, name), &baseline)
	return baseline, err
}

// Deleted says what became of a campaign whose records were removed.
type Deleted struct {
	Campaign string    `json:"campaign"`
	Reason   string    `json:"reason"`
	At       time.Time `json:"at"`
	Objects  int       `json:"objects"`
	Bytes    int64     `json:"bytes"`
	// Complete is false while its removal goes on.
	Complete bool `json:"complete"`
}

// ReadDeleted returns artifact.ErrNotFound when nothing was removed of a campaign.
func ReadDeleted(ctx context.Context, store *artifact.Store, campaign string) (Deleted, error) {
	var deleted Deleted
	err := store.ReadJSON(ctx, key(deletedPrefix, root(campaign)), &deleted)
	return deleted, err
}

// keepers say by root campaign what keeps it.
type keepers map[string]string

// readKeepers fails when any pin or baseline cannot be read: what it would keep is not known.
func readKeepers(ctx context.Context, store *artifact.Store) (keepers, error) {
	kept := keepers{}
	err := eachRecord(ctx, store, pinsPrefix, func(pin Pin) error {
		if pin.Campaign == "" {
			return errors.New("it names no campaign")
		}
		kept[root(pin.Campaign)] = pin.keeps()
		return nil
	})
	if err != nil {
		return nil, err
	}
	err = eachRecord(ctx, store, baselinesPrefix, func(baseline Baseline) error {
		if baseline.Campaign == "" {
			return errors.New("it names no campaign")
		}
		kept[root(baseline.Campaign)] = "baseline " + baseline.Name
		return nil
	})
	if err != nil {
		return nil, err
	}
	return kept, kept.addNamed(ctx, store)
}

// addNamed adds what campaigns name as their baseline, as long as they are there themselves. A manifest that cannot be read names
// nothing: its campaign is kept, but it must not keep all others for good.
func (k keepers) addNamed(ctx context.Context, store *artifact.Store) error {
	for dir, err := range store.ListDirs(ctx, artifact.CampaignsPrefix) {
		if err != nil {
			return err
		}
		header, err := results.ReadHeaderAt(ctx, store, dir.Key+artifact.ManifestName)
		if ctx.Err() != nil {
			return ctx.Err()
		}
		named := root(header.Effective.Baseline)
		if err == nil && named != "" && named != root(header.Campaign) && k[named] == "" {
			k[named] = header.Campaign + ", whose baseline it is"
		}
	}
	return nil
}

func eachRecord[T any](ctx context.Context, store *artifact.Store, prefix string, use func(T) error) error {
	for entry, err := range store.List(ctx, prefix) {
		if err != nil {
			return err
		}
		var record T
		if err := errors.Join(store.ReadJSON(ctx, entry.Key, &record)); err != nil {
			return fmt.Errorf("read what is to be kept: %w", err)
		}
		if err := use(record); err != nil {
			return fmt.Errorf("read what is to be kept: %s: %w", entry.Key, err)
		}
	}
	return nil
}

func key(prefix, name string) string { return prefix + artifact.EscapeName(name) + ".json" }

// root is the campaign itself of one of its retries.
func root(campaign string) string {
	name, _ := artifact.SplitRetry(strings.TrimSpace(campaign))
	return name
}
