package dataset

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"unicode/utf8"

	"pitwall/internal/spec"
)

// humanEvalFields are what the programs of HumanEval are made of (openai/human-eval, data format).
var humanEvalFields = []string{"task_id", "prompt", "entry_point", "test"}

// nextJSON reads the next line that is not blank.
func (d *Reader) nextJSON(number int) (Row, error) {
	for {
		line, err := d.line()
		if err != nil {
			return Row{}, err
		}
		if len(bytes.TrimSpace(line)) == 0 {
			continue
		}
		row := Row{Number: number, Line: d.lines}
		fields, err := parseObject(line)
		if err != nil {
			return row, &RowError{number, d.lines, err.Error()}
		}
		row.Fields = fields
		return row, d.checkHumanEval(row)
	}
}

// line returns the next line, which may lack its final newline. The slice is valid until the next call.
func (d *Reader) line() ([]byte, error) {
	d.buffer = d.buffer[:0]
	for {
		part, err := d.in.ReadSlice('\n')
		d.buffer = append(d.buffer, part...)
		if errors.Is(err, bufio.ErrBufferFull) {
			continue
		}
		if errors.Is(err, io.EOF) && len(d.buffer) > 0 {
			err = nil
		}
		d.lines++
		return d.buffer, err
	}
}

func parseObject(line []byte) (map[string]any, error) {
	if !utf8.Valid(line) {
		return nil, errors.New("is not UTF-8: save the file as UTF-8")
	}
	dec := json.NewDecoder(bytes.NewReader(line))
	dec.UseNumber()
	var fields map[string]any
	err := dec.Decode(&fields)
	var other *json.UnmarshalTypeError
	if errors.As(err, &other) {
		return nil, fmt.Errorf("is not a JSON object but a JSON %s: JSONL has one object a line", other.Value)
	}
	if err != nil {
		return nil, fmt.Errorf("is not a JSON object on one line (%w): JSONL has one object a line", err)
	}
	if fields == nil {
		return nil, errors.New("is null: JSONL has one object a line")
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return nil, errors.New("has more than one JSON value: JSONL has one object a line")
	}
	return fields, nil
}

func (d *Reader) checkHumanEval(row Row) error {
	if d.format != spec.FormatHumanEval {
		return nil
	}
	for _, name := range humanEvalFields {
		if _, ok := row.Fields[name].(string); !ok {
			return &RowError{row.Number, row.Line, fmt.Sprintf("has no text %q, which humaneval needs; its fields are %s: if this is another dataset, use format jsonl", name, fieldList(row.Fields))}
		}
	}
	return nil
}
