package daytona

import (
	"context"
	"encoding/json"
	"fmt"
	"iter"
	"net/http"
	"net/url"
	"strconv"
)

const (
	defaultPageSize = 100
	maxPageSize     = 200  // Daytona's own bound
	maxPages        = 1000 // 100 000 sandboxes; more is a server that never ends
)

// ListOptions selects sandboxes.
type ListOptions struct {
	// Labels must all be present with exactly these values. Empty selects every sandbox of the organisation.
	Labels map[string]string
	// States selects by stored state, which may lag behind. Empty selects all but the destroyed.
	States []string
	// NamePrefix selects by the beginning of the name, without regard to case.
	NamePrefix string
	// IncludeErroredDeleted shows the sandboxes that were deleted while in error, which Daytona otherwise hides.
	IncludeErroredDeleted bool
	// PageSize is how many sandboxes are asked for at once, 1 to 200. Defaults to 100.
	PageSize int
}

// ListSandboxes walks every page, oldest sandbox first, each sandbox once. After an error the walk ends: what was read is
// not everything. A list lags behind by seconds and flaps (daytonaio/daytona#5138), so absence from it proves nothing.
func (c *Client) ListSandboxes(ctx context.Context, options ListOptions) iter.Seq2[Sandbox, error] {
	return func(yield func(Sandbox, error) bool) {
		seen := map[string]bool{}
		cursor := ""
		for range maxPages {
			items, next, err := c.listPage(ctx, options, cursor)
			if err != nil {
				yield(Sandbox{}, err)
				return
			}
			for _, sandbox := range items {
				// A server that overlooks the filter must not make us act on another's sandboxes.
				if seen[sandbox.ID] || !hasLabels(sandbox, options.Labels) {
					continue
				}
				seen[sandbox.ID] = true
				if !yield(sandbox, nil) {
					return
				}
			}
			if next == "" {
				return
			}
			if next == cursor {
				yield(Sandbox{}, listCall(options, cursor).fail(http.StatusOK, fmt.Errorf("%w: a cursor leads to itself", ErrBadAnswer)))
				return
			}
			cursor = next
		}
		yield(Sandbox{}, listCall(options, cursor).fail(http.StatusOK, fmt.Errorf("%w: more than %d pages", ErrAnswerTooLarge, maxPages)))
	}
}

func (c *Client) listPage(ctx context.Context, options ListOptions, cursor string) ([]Sandbox, string, error) {
	var page struct {
		Items      *[]wireSandbox `json:"items"`
		NextCursor *string        `json:"nextCursor"`
	}
	cl := listCall(options, cursor)
	if err := c.exchange(ctx, cl, &page); err != nil {
		return nil, "", err
	}
	if page.Items == nil {
		return nil, "", cl.fail(http.StatusOK, fmt.Errorf("%w: a list without items", ErrBadAnswer))
	}
	sandboxes := make([]Sandbox, 0, len(*page.Items))
	for _, item := range *page.Items {
		sandbox, err := item.sandbox()
		if err != nil {
			return nil, "", cl.fail(http.StatusOK, err)
		}
		sandboxes = append(sandboxes, sandbox)
	}
	if page.NextCursor == nil {
		return sandboxes, "", nil
	}
	return sandboxes, *page.NextCursor, nil
}

func listCall(options ListOptions, cursor string) call {
	size := options.PageSize
	if size <= 0 {
		size = defaultPageSize
	}
	query := url.Values{
		"limit": {strconv.Itoa(min(size, maxPageSize))},
		"sort":  {"createdAt"},
		"order": {"asc"}, // what is created during the walk comes last, and moves no page
	}
	for _, state := range options.States {
		query.Add("states", state)
	}
	if len(options.Labels) > 0 {
		encoded, _ := json.Marshal(options.Labels) // a map of texts cannot fail
		query.Set("labels", string(encoded))
	}
	if options.NamePrefix != "" {
		query.Set("name", options.NamePrefix)
	}
	if options.IncludeErroredDeleted {
		query.Set("includeErroredDeleted", "true")
	}
	if cursor != "" {
		query.Set("cursor", cursor)
	}
	return call{op: "list sandboxes", method: http.MethodGet, path: "/sandbox", query: query}
}

func hasLabels(sandbox Sandbox, wanted map[string]string) bool {
	for key, value := range wanted {
		if got, ok := sandbox.Labels[key]; !ok || got != value {
			return false
		}
	}
	return true
}
