package dataset

import (
	"encoding/csv"
	"errors"
	"fmt"
	"unicode/utf8"
)

// csvRows reads RFC 4180: a header, then rows of as many cells.
type csvRows struct {
	in     *csv.Reader
	header []string
}

func newCSVRows(d *Reader) *csvRows { return &csvRows{in: csv.NewReader(d.in)} }

func (c *csvRows) next(number int) (Row, error) {
	if c.header == nil {
		if err := c.readHeader(); err != nil {
			return Row{}, err
		}
	}
	cells, err := c.in.Read()
	if err != nil {
		return Row{}, csvError(number, err)
	}
	line, _ := c.in.FieldPos(0)
	row := Row{Number: number, Line: line, Fields: make(map[string]any, len(cells))}
	for i, cell := range cells {
		if !utf8.ValidString(cell) {
			return row, &RowError{number, line, fmt.Sprintf("the cell %q is not UTF-8: save the file as UTF-8", c.header[i])}
		}
		row.Fields[c.header[i]] = cell
	}
	return row, nil
}

func (c *csvRows) readHeader() error {
	header, err := c.in.Read()
	if err != nil {
		return csvError(0, err)
	}
	seen := map[string]bool{}
	for i, name := range header {
		if name == "" || seen[name] || !utf8.ValidString(name) {
			return &RowError{0, 1, fmt.Sprintf("column %d of the header, %q, is empty, double or not UTF-8: give each column its own name", i+1, name)}
		}
		seen[name] = true
	}
	c.header = header
	return nil
}

// csvError turns the library's error into ours; what the reader below said stays as it is.
func csvError(number int, err error) error {
	var parse *csv.ParseError
	if !errors.As(err, &parse) {
		return err
	}
	if errors.Is(parse.Err, csv.ErrFieldCount) {
		return &RowError{number, parse.StartLine, "has another number of cells than the header: quote cells that hold commas or line breaks"}
	}
	return &RowError{number, parse.StartLine, fmt.Sprintf("is not CSV: %v (line %d): quote the cell, and double the quotes in it", parse.Err, parse.Line)}
}
