package dataset

import (
	"bufio"
	"cmp"
	"compress/flate"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"iter"

	"pitwall/internal/spec"
)

// Bounds of a file. They stop a mistake, such as a model's weights under the name of a dataset; none is near honest use.
const (
	// MaxRowBytes is what one row may have.
	MaxRowBytes = 16 << 20
	// MaxRows of a file.
	MaxRows = 1_000_000
	// MaxFileBytes is what a file may have once it is unpacked.
	MaxFileBytes = 8 << 30
)

// Row is one sample, or one answer, as its file has it.
type Row struct {
	// Number is 1-based, without a CSV's header; Line is where it begins in the file.
	Number, Line int
	// Fields are plain JSON values, numbers as json.Number; in CSV all are strings.
	Fields map[string]any
}

// RowError says which row is wrong, and why.
type RowError struct {
	Number, Line int
	Reason       string
}

func (e *RowError) Error() string {
	return fmt.Sprintf("row %d (line %d): %s", e.Number, e.Line, e.Reason)
}

// FileError says which of a campaign's two files is at fault.
type FileError struct {
	// Samples: the samples file; else the dataset.
	Samples bool
	Err     error
}

func (e *FileError) Error() string {
	if e.Samples {
		return "samples file: " + e.Err.Error()
	}
	return "dataset: " + e.Err.Error()
}

func (e *FileError) Unwrap() error { return e.Err }

// Reader reads one file's rows, once.
type Reader struct {
	format string
	packed bool // by gzip
	meter  *meter
	in     *bufio.Reader
	// lines read so far, and the current one.
	lines  int
	buffer []byte
}

// Open looks at the beginning of r (gzip by its magic bytes, a UTF-8 byte order mark) and returns a reader of its rows.
// Format is one of spec's. The caller closes r. Reads end with ctx.
func Open(ctx context.Context, r io.Reader, format string) (*Reader, error) {
	switch format {
	case spec.FormatHumanEval, spec.FormatJSONL, spec.FormatCSV:
	default:
		return nil, fmt.Errorf("dataset format %q is not known: want %s, %s or %s", format, spec.FormatHumanEval, spec.FormatJSONL, spec.FormatCSV)
	}
	packed := bufio.NewReader(&contextReader{ctx, r})
	var unpacked io.Reader = packed
	magic, err := packed.Peek(2)
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("read the dataset: %w", err)
	}
	if string(magic) == "\x1f\x8b" {
		if unpacked, err = gzip.NewReader(packed); err != nil {
			return nil, fmt.Errorf("unpack the dataset: %w", err)
		}
	}
	d := &Reader{format: format, packed: unpacked != packed, meter: &meter{in: unpacked, total: MaxFileBytes, row: MaxRowBytes}}
	d.in = bufio.NewReader(d.meter)
	return d, d.skipMark()
}

// skipMark drops a UTF-8 byte order mark and refuses UTF-16, which spreadsheets like to write.
func (d *Reader) skipMark() error {
	mark, err := d.in.Peek(3)
	switch {
	case err != nil && !errors.Is(err, io.EOF):
		return fmt.Errorf("read the dataset: %w", err)
	case string(mark) == "\xef\xbb\xbf":
		_, err := d.in.Discard(3)
		return err
	case len(mark) >= 2 && (string(mark[:2]) == "\xff\xfe" || string(mark[:2]) == "\xfe\xff"):
		return errors.New("the dataset is UTF-16: save it as UTF-8")
	}
	return nil
}

// Rows yields every row, then ends; an error (a *RowError, or the reading's own) is the last thing it yields.
func (d *Reader) Rows() iter.Seq2[Row, error] {
	next := d.nextJSON
	if d.format == spec.FormatCSV {
		next = newCSVRows(d).next
	}
	return func(yield func(Row, error) bool) {
		for number := 1; ; number++ {
			d.meter.row = MaxRowBytes
			row, err := next(number)
			if errors.Is(err, io.EOF) {
				return
			}
			if err == nil && number > MaxRows {
				err = &RowError{row.Number, row.Line, fmt.Sprintf("the file has more than %d rows: split it", MaxRows)}
			}
			if err != nil {
				err = cmp.Or(d.damage(), err)
			}
			if !yield(row, explain(err)) || err != nil {
				return
			}
		}
	}
}

// damage reads a packed file to its end, once a row is wrong: flipped bits unpack to nonsense, and only the checksum at
// the end tells that from a row that was written so. Nil: the file is whole, or not packed.
func (d *Reader) damage() error {
	if !d.packed {
		return nil
	}
	d.meter.row = MaxFileBytes
	if _, err := io.Copy(io.Discard, d.in); isDamage(err) {
		return err
	}
	return nil
}

func isDamage(err error) bool {
	var corrupt flate.CorruptInputError
	return errors.Is(err, gzip.ErrChecksum) || errors.Is(err, gzip.ErrHeader) || errors.Is(err, io.ErrUnexpectedEOF) || errors.As(err, &corrupt)
}

// explain adds what to do about errors that come from below.
func explain(err error) error {
	var row *RowError
	switch {
	case err == nil, errors.As(err, &row):
		return err
	case isDamage(err):
		return fmt.Errorf("unpack the file: %w: it is damaged or incomplete: fetch it again", err)
	}
	return fmt.Errorf("read the file: %w", err)
}

// errTooLarge ends a read that is over its bounds.
var errTooLarge = fmt.Errorf("a row has more than %d MiB, or the file more than %d GiB: is this the right file?", MaxRowBytes>>20, MaxFileBytes>>30)

// meter bounds the bytes of the whole and, as its user resets row, of each row (and the read-ahead of a buffer).
type meter struct {
	in         io.Reader
	total, row int64
}

func (m *meter) Read(p []byte) (int, error) {
	if m.total <= 0 || m.row <= 0 {
		return 0, errTooLarge
	}
	n, err := m.in.Read(p[:min(int64(len(p)), m.row)])
	m.total -= int64(n)
	m.row -= int64(n)
	return n, err
}

// contextReader ends with its context.
type contextReader struct {
	ctx context.Context // a reader has no other way to be cancelled
	in  io.Reader
}

func (r *contextReader) Read(p []byte) (int, error) {
	if err := r.ctx.Err(); err != nil {
		return 0, err
	}
	return r.in.Read(p)
}
