package dataset

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/csv"
	"encoding/json"
	"errors"
	"io"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"pitwall/internal/spec"
)

func read(data io.Reader, format string) ([]Row, error) {
	d, err := Open(context.Background(), data, format)
	if err != nil {
		return nil, err
	}
	var rows []Row
	for row, err := range d.Rows() {
		if err != nil {
			return rows, err
		}
		rows = append(rows, row)
	}
	return rows, nil
}

func gzipped(t testing.TB, text string) []byte {
	t.Helper()
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	_, err := io.WriteString(w, text)
	require.NoError(t, errors.Join(err, w.Close()))
	return b.Bytes()
}

func TestReadsEveryForm(t *testing.T) {
	want := []map[string]any{{"id": "a", "x": "1, 2\n"}, {"id": "ü", "x": ""}}
	jsonl := "{\"id\":\"a\",\"x\":\"1, 2\\n\"}\n\n{\"id\":\"ü\",\"x\":\"\"}"
	table := "id,x\r\na,\"1, 2\n\"\r\n\r\nü,\r\n"
	for name, c := range map[string]struct{ data, format string }{
		"jsonl":                        {jsonl, spec.FormatJSONL},
		"jsonl with CRLF":              {strings.ReplaceAll(jsonl, "\n", "\r\n"), spec.FormatJSONL},
		"jsonl with a byte order mark": {"\xef\xbb\xbf" + jsonl, spec.FormatJSONL},
		"jsonl in gzip":                {string(gzipped(t, jsonl)), spec.FormatJSONL},
		"jsonl in two gzip members":    {string(gzipped(t, jsonl[:30])) + string(gzipped(t, jsonl[30:])), spec.FormatJSONL},
		"csv":                          {table, spec.FormatCSV},
		"csv with a byte order mark":   {"\xef\xbb\xbf" + table, spec.FormatCSV},
		"csv in gzip":                  {string(gzipped(t, table)), spec.FormatCSV},
	} {
		t.Run(name, func(t *testing.T) {
			rows, err := read(strings.NewReader(c.data), c.format)
			require.NoError(t, err)
			require.Len(t, rows, 2)
			for i, row := range rows {
				require.Equal(t, want[i], row.Fields)
				require.Equal(t, i+1, row.Number)
			}
		})
	}
}

func TestNumbersKeepTheirDigits(t *testing.T) {
	rows, err := read(strings.NewReader(`{"n":12345678901234567890,"x":1.10}`), spec.FormatJSONL)
	require.NoError(t, err)
	require.Equal(t, map[string]any{"n": json.Number("12345678901234567890"), "x": json.Number("1.10")}, rows[0].Fields)
}

func TestBadRowsAreNamed(t *testing.T) {
	var stored bytes.Buffer // uncompressed in gzip, so that a flipped byte shows as it is
	packer, err := gzip.NewWriterLevel(&stored, gzip.NoCompression)
	require.NoError(t, err)
	_, err = packer.Write([]byte(strings.Repeat(`{"id":"a"}`+"\n", 1000)))
	require.NoError(t, err)
	require.NoError(t, packer.Close())
	flipped := bytes.Replace(stored.Bytes(), []byte("{"), []byte("["), 1)
	damaged := gzipped(t, strings.Repeat(`{"id":"a"}`+"\n", 1000))
	for name, c := range map[string]struct{ data, format, want string }{
		"not JSON":            {"{\"a\":1}\n{oops\n", spec.FormatJSONL, "row 2 (line 2): is not a JSON object on one line"},
		"after blank lines":   {"\n\n{\"a\":1}\n[1]\n", spec.FormatJSONL, "row 2 (line 4): is not a JSON object"},
		"a JSON array":        {"[\n{\"a\":1}\n]", spec.FormatJSONL, "row 1 (line 1): is not a JSON object on one line"},
		"null":                {"null", spec.FormatJSONL, "row 1 (line 1): is null"},
		"two on a line":       {"{} {}", spec.FormatJSONL, "more than one JSON value"},
		"not UTF-8":           {"{\"a\":\"\xff\"}", spec.FormatJSONL, "row 1 (line 1): is not UTF-8"},
		"UTF-16":              {"\xff\xfe{\x00}\x00", spec.FormatJSONL, "is UTF-16: save it as UTF-8"},
		"a huge row":          {"{\"a\":\"" + strings.Repeat("x", MaxRowBytes+8192) + "\"}", spec.FormatJSONL, "a row has more than 16 MiB"},
		"a huge cell":         {"id\n\"" + strings.Repeat("x", MaxRowBytes+8192) + "\"", spec.FormatCSV, "a row has more than 16 MiB"},
		"cut-off gzip":        {string(damaged[:len(damaged)/2]), spec.FormatJSONL, "damaged or incomplete"},
		"flipped bits":        {string(flipped), spec.FormatJSONL, "damaged or incomplete"},
		"a wrong row, packed": {string(gzipped(t, "{}\n[]\n")), spec.FormatJSONL, "row 2 (line 2): is not a JSON object but a JSON array"},
		"a wrong checksum":    {string(append(damaged[:len(damaged)-8:len(damaged)-8], make([]byte, 8)...)), spec.FormatJSONL, "damaged or incomplete"},
		"too few cells":       {"a,b\n1,2\n3\n", spec.FormatCSV, "row 2 (line 3): has another number of cells than the header"},
		"an open quote":       {"a,b\n1,\"2\n3\n", spec.FormatCSV, "row 1 (line 2): is not CSV"},
		"a double column":     {"a,a\n1,2\n", spec.FormatCSV, "column 2 of the header, \"a\""},
		"a cell's encoding":   {"a,b\n1,\xff\n", spec.FormatCSV, "the cell \"b\" is not UTF-8"},
		"not HumanEval":       {`{"task_id":"a","prompt":"x"}`, spec.FormatHumanEval, `has no text "entry_point", which humaneval needs; its fields are prompt, task_id`},
		"no such format":      {"", "parquet", `dataset format "parquet" is not known: want humaneval, jsonl or csv`},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := read(strings.NewReader(c.data), c.format)
			require.ErrorContains(t, err, c.want)
		})
	}
}

func TestReadingEndsWithItsContext(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	d, err := Open(ctx, strings.NewReader(strings.Repeat("{}\n", 10000)), spec.FormatJSONL)
	require.NoError(t, err)
	cancel()
	var last error
	for _, err := range d.Rows() {
		last = err
	}
	require.ErrorIs(t, last, context.Canceled)
}

// endless is a dataset that no disk could hold: each read must be bounded by rows, not by the file.
func TestRowsStream(t *testing.T) {
	r, w := io.Pipe()
	go func() {
		for {
			if _, err := io.WriteString(w, "{\"id\":1}\n"); err != nil {
				return
			}
		}
	}()
	d, err := Open(context.Background(), r, spec.FormatJSONL)
	require.NoError(t, err)
	n := 0
	for _, err := range d.Rows() {
		require.NoError(t, err)
		if n++; n == 1000 {
			break
		}
	}
	require.NoError(t, r.Close())
}

// What encoding/csv writes comes back, cell by cell.
func TestCSVRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		cells := rapid.SliceOfN(rapid.SliceOfN(rapid.StringMatching(`[a-z ",;\n\tä😀]{1,8}`), 3, 3), 1, 5).Draw(t, "cells")
		var b bytes.Buffer
		w := csv.NewWriter(&b)
		require.NoError(t, w.WriteAll(append([][]string{{"a", "b", "c"}}, cells...)))
		rows, err := read(&b, spec.FormatCSV)
		require.NoError(t, err)
		require.Len(t, rows, len(cells))
		for i, row := range rows {
			require.Equal(t, map[string]any{"a": cells[i][0], "b": cells[i][1], "c": cells[i][2]}, row.Fields)
		}
	})
}

func FuzzRows(f *testing.F) {
	f.Add([]byte("{\"id\":1}\n"), false)
	f.Add([]byte("a,b\n\"1\n\",2\n"), true)
	f.Add(gzipped(f, "{\"id\":1}\n"), false)
	f.Fuzz(func(t *testing.T, data []byte, table bool) {
		format := spec.FormatJSONL
		if table {
			format = spec.FormatCSV
		}
		rows, err := read(bytes.NewReader(data), format)
		for i, row := range rows {
			require.Equal(t, i+1, row.Number)
			require.Positive(t, row.Line)
		}
		if err != nil {
			require.NotEmpty(t, err.Error())
		}
	})
}
