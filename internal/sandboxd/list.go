package sandboxd

import (
	"cmp"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Page sizes, as Daytona's.
const (
	defaultLimit = 100
	maxLimit     = 200
)

func (s *Server) getSandbox(r *http.Request) (any, error) {
	rec, err := s.records.find(r.PathValue("id"))
	if err != nil {
		return nil, err
	}
	return s.dto(&rec, r.Host), nil
}

// listSandboxes answers one page. The cursor is the sort key and ID of the page's last item, so that pages neither repeat nor
// lose one while others come and go.
func (s *Server) listSandboxes(r *http.Request) (any, error) {
	query, err := parseList(r.URL.Query())
	if err != nil {
		return nil, err
	}
	var found []record
	for _, rec := range s.records.all() {
		if query.matches(&rec) {
			found = append(found, rec)
		}
	}
	slices.SortFunc(found, query.compare)
	page, next := query.page(found)
	items := make([]sandboxDTO, 0, len(page))
	for i := range page {
		d := s.dto(&page[i], r.Host)
		d.Env = nil // a list item has none
		items = append(items, d)
	}
	return map[string]any{"items": items, "nextCursor": next}, nil
}

// listQuery is a parsed request for a page.
type listQuery struct {
	id, name  string // prefixes, case-insensitive
	labels    map[string]string
	states    []string
	snapshots []string
	key       func(*record) string
	desc      bool
	limit     int
	after     *position
}

type position struct {
	Key string `json:"k"`
	ID  string `json:"i"`
}

// sortKeys render a field so that text order is the field's order.
var sortKeys = map[string]func(*record) string{
	"name":           func(r *record) string { return r.Name },
	"cpu":            func(r *record) string { return fmt.Sprintf("%012d", r.Size.CPUs) },
	"memoryGib":      func(r *record) string { return fmt.Sprintf("%020d", r.Size.MemoryBytes) },
	"diskGib":        func(r *record) string { return fmt.Sprintf("%020d", r.Size.DiskBytes) },
	"lastActivityAt": func(r *record) string { return timeKey(r.LastActivityAt) },
	"createdAt":      func(r *record) string { return timeKey(r.CreatedAt) },
}

func timeKey(t time.Time) string { return fmt.Sprintf("%020d", t.UnixNano()) }

func parseList(v url.Values) (listQuery, error) {
	q := listQuery{id: v.Get("id"), name: v.Get("name"), states: v["states"], snapshots: v["snapshots"], limit: defaultLimit}
	q.desc = v.Get("order") != "asc"
	var known bool
	if q.key, known = sortKeys[orElse(v.Get("sort"), "createdAt")]; !known {
		return q, refuse(http.StatusBadRequest, "sort must be one of name, cpu, memoryGib, diskGib, lastActivityAt, createdAt")
	}
	if text := v.Get("labels"); text != "" {
		if err := json.Unmarshal([]byte(text), &q.labels); err != nil {
			return q, refuse(http.StatusBadRequest, "labels must be a JSON object of strings")
		}
	}
	if text := v.Get("limit"); text != "" {
		limit, err := strconv.Atoi(text)
		if err != nil || limit < 1 || limit > maxLimit {
			return q, refuse(http.StatusBadRequest, "limit must be between 1 and %d", maxLimit)
		}
		q.limit = limit
	}
	if text := v.Get("cursor"); text != "" {
		raw, err := base64.RawURLEncoding.DecodeString(text)
		q.after = &position{}
		if err != nil || json.Unmarshal(raw, q.after) != nil {
			return q, refuse(http.StatusBadRequest, "cursor is not one of this server's")
		}
	}
	return q, nil
}

func (q listQuery) matches(r *record) bool {
	for name, value := range q.labels {
		if have, ok := r.Labels[name]; !ok || have != value {
			return false
		}
	}
	return hasPrefixFold(r.ID, q.id) && hasPrefixFold(r.Name, q.name) &&
		(len(q.states) == 0 || slices.Contains(q.states, string(r.State))) &&
		(len(q.snapshots) == 0 || slices.Contains(q.snapshots, r.Snapshot))
}

func hasPrefixFold(text, prefix string) bool {
	return len(text) >= len(prefix) && strings.EqualFold(text[:len(prefix)], prefix)
}

func (q listQuery) compare(a, b record) int {
	order := cmp.Or(strings.Compare(q.key(&a), q.key(&b)), strings.Compare(a.ID, b.ID))
	if q.desc {
		return -order
	}
	return order
}

// page cuts the sorted records; next is nil after the last page.
func (q listQuery) page(sorted []record) (page []record, next *string) {
	for _, r := range sorted {
		if q.after != nil {
			order := cmp.Or(strings.Compare(q.key(&r), q.after.Key), strings.Compare(r.ID, q.after.ID))
			if order == 0 || (order < 0) != q.desc {
				continue
			}
		}
		if len(page) == q.limit {
			last := page[len(page)-1]
			text, _ := json.Marshal(position{q.key(&last), last.ID})
			cursor := base64.RawURLEncoding.EncodeToString(text)
			return page, &cursor
		}
		page = append(page, r)
	}
	return page, nil
}
