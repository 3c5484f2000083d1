package dataset

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	"pitwall/internal/spec"
)

// idAliases are the fields that may hold an id when none is named, in this order: ours, HumanEval's, SWE-bench's.
var idAliases = []string{"id", "task_id", "instance_id", "sample_id"}

// identifier finds the ids of a file's rows and sees that none is double.
type identifier struct {
	// field is named by the campaign, or by the first row.
	field string
	// seen maps an id to its row; nil where ids may repeat.
	seen map[string]int
}

func (id *identifier) of(row Row) (string, error) {
	bad := func(format string, args ...any) (string, error) {
		return "", &RowError{row.Number, row.Line, fmt.Sprintf(format, args...)}
	}
	if id.field == "" {
		at := slices.IndexFunc(idAliases, func(name string) bool { _, ok := row.Fields[name]; return ok })
		if at < 0 {
			return bad("has none of the id fields %s; its fields are %s: name one with id_field", strings.Join(idAliases, ", "), fieldList(row.Fields))
		}
		id.field = idAliases[at]
	}
	value, ok := row.Fields[id.field]
	if !ok {
		return bad("has no id field %q; its fields are %s", id.field, fieldList(row.Fields))
	}
	var text string
	switch v := value.(type) {
	case string:
		text = v
	case json.Number:
		text = v.String()
	default:
		return bad("its id %q is neither a text nor a number", id.field)
	}
	if text == "" || len(text) > spec.MaxSampleBytes || strings.ContainsFunc(text, isControl) {
		return bad("its id %q is empty, longer than %d bytes, or has control characters", id.field, spec.MaxSampleBytes)
	}
	if id.seen != nil {
		if first, double := id.seen[text]; double {
			return bad("its id %q is that of row %d too: ids are unique", text, first)
		}
		id.seen[text] = row.Number
	}
	return text, nil
}

func isControl(r rune) bool { return r < 0x20 || (r >= 0x7f && r < 0xa0) || r == '�' }

// fieldList names the fields of a row for a message, bounded.
func fieldList(fields map[string]any) string {
	return list(names(fields))
}

// list joins names for a message: at most twenty of them, each short and without control characters.
func list(names []string) string {
	const most = 20
	if len(names) == 0 {
		return "none"
	}
	shown := make([]string, 0, most)
	for _, name := range names[:min(most, len(names))] {
		shown = append(shown, shorten(name))
	}
	text := strings.Join(shown, ", ")
	if len(names) > most {
		text += fmt.Sprintf(" and %d more", len(names)-most)
	}
	return text
}

func shorten(name string) string {
	const most = 60
	name = strings.Map(func(r rune) rune {
		if isControl(r) {
			return '?'
		}
		return r
	}, name)
	if len(name) > most {
		name = strings.ToValidUTF8(name[:most], "") + "…"
	}
	return name
}

// names are the sorted names of a row's fields.
func names(fields map[string]any) []string { return slices.Sorted(maps.Keys(fields)) }

// firstIDs are the ids of the first three rows, as examples.
func firstIDs(seen map[string]int) []string {
	ids := slices.SortedFunc(maps.Keys(seen), func(a, b string) int { return seen[a] - seen[b] })
	return ids[:min(3, len(ids))]
}
