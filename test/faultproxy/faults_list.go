package faultproxy

import (
	"cmp"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"
)

// defaultLag is how far a list lags behind where a rule gives no Delay: what daytonaio/daytona#5138 saw.
const defaultLag = 3 * time.Second

// listKinds are what a list can meet.
func listKinds() []kind {
	lists := []Call{List}
	return []kind{
		{
			FaultInfo: FaultInfo{ListStale, lists, "the list is as it was Delay ago, 3 s without one: new sandboxes are missing, deleted ones are there"},
			after: func(x *exchange, resp *http.Response) error {
				return editList(resp, func(items []object) []object { return x.stale(items) })
			},
		},
		{
			FaultInfo: FaultInfo{ListFlapping, lists, "the list is empty in every odd turn of the rule, and stale in every even one"},
			after: func(x *exchange, resp *http.Response) error {
				return editList(resp, func(items []object) []object {
					if x.turn%2 == 1 {
						return nil
					}
					return x.stale(items)
				})
			},
		},
	}
}

// stale makes of the items of a page those of some time ago, as far as the proxy saw what happened since.
func (x *exchange) stale(items []object) []object {
	since := time.Now().Add(-cmp.Or(x.rule.Delay, defaultLag))
	query := x.r.URL.Query()
	for _, row := range x.p.sandboxes.all() {
		fresh, deleted := row.created.After(since), row.deleted.After(since)
		if fresh || deleted {
			items = slices.DeleteFunc(items, func(item object) bool { return item.text("id") == row.id })
		}
		if deleted && !fresh && query.Get("cursor") == "" && row.selected(query, x.request.Labels) {
			item := maps.Clone(row.shown)
			delete(item, "env")
			items = append(items, item)
		}
	}
	return items
}

// selected says whether a list would have shown the row.
func (row *sandbox) selected(query url.Values, labels map[string]string) bool {
	for name, value := range labels {
		if have, known := row.labels[name]; !known || have != value {
			return false
		}
	}
	states := query["states"]
	return hasPrefixFold(row.id, query.Get("id")) && hasPrefixFold(row.name, query.Get("name")) &&
		(len(states) == 0 || slices.Contains(states, row.shown.text("state")))
}

func hasPrefixFold(text, prefix string) bool {
	return len(text) >= len(prefix) && strings.EqualFold(text[:len(prefix)], prefix)
}
