package main

import (
	"fmt"
	"time"

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/jedib0t/go-pretty/v6/text"
)

// dataTable prints rows for people. Its cells may hold a stranger's text.
type dataTable struct{ writer table.Writer }

func newTable(term *terminal, columns ...string) dataTable {
	writer := table.NewWriter()
	style := table.StyleLight
	style.Options = table.OptionsNoBordersAndSeparators
	style.Box.PaddingLeft, style.Box.PaddingRight = "", "  "
	style.Format.Header = text.FormatDefault
	writer.SetStyle(style)
	writer.SetOutputMirror(term.out)
	writer.AppendHeader(cells(columns))
	return dataTable{writer}
}

func cells[T any](values []T) table.Row {
	row := make(table.Row, len(values))
	for i, value := range values {
		row[i] = value
	}
	return row
}

func (t dataTable) row(values ...any) {
	for i, value := range values {
		values[i] = visible(fmt.Sprint(value))
	}
	t.writer.AppendRow(values)
}

func (t dataTable) print() { t.writer.Render() }

// orEmpty makes an empty list of nil, so that JSON says [] and not null.
func orEmpty[T any](list []T) []T {
	if list == nil {
		return []T{}
	}
	return list
}

func shortTime(t time.Time) string {
	if t.IsZero() {
		return "-"
	}
	return t.UTC().Format("2006-01-02 15:04:05")
}
